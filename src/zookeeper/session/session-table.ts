import type { SessionId } from '../../protocol/zookeeper/index.ts';

export type Session = {
  readonly id: SessionId;
  readonly timeoutMs: number;
  /** Which server its client is connected to; only that one may write for it. */
  owner: number | undefined;
  /** Its end is decided; nothing more may be written for it. */
  closing: boolean;
  /** End of the bucket in which it expires, on the table's own clock. */
  expiresAtMs: number;
};

/** However late a tick is, the table's clock goes on by no more. */
const ADVANCE_TICKS_MAX = 2;

/**
 * Sessions and when they expire. Expiry times are rounded up to whole ticks, so that a touch costs a set operation at
 * most once a tick and a session.
 *
 * The table has a clock of its own that `advance` moves, by at most two ticks a call: when the process was stopped or
 * starved, the clients' pings are waiting in the sockets, and they are read before their sessions are judged.
 *
 * Source: SessionTrackerImpl, ExpiryQueue.
 */
export class SessionTable {
  readonly #tickMs: number;
  readonly #sinceAdvanceMs: () => number;
  #sessions = new Map<SessionId, Session>();
  #buckets = new Map<number, Set<Session>>();
  #nowMs = 0;
  #expiredUpToMs = 0;

  /**
   * @param tickMs          length of a bucket
   * @param sinceAdvanceMs  real time since the last `advance`: a tick may be late, and a time-out still counts from the touch
   */
  constructor(tickMs: number, sinceAdvanceMs: () => number) {
    this.#tickMs = tickMs;
    this.#sinceAdvanceMs = sinceAdvanceMs;
  }

  get count(): number {
    return this.#sessions.size;
  }

  all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  get(id: SessionId): Session | undefined {
    return this.#sessions.get(id);
  }

  /** Starts a session, or starts its time-out again. */
  open(id: SessionId, timeoutMs: number, owner: number | undefined): Session {
    const known = this.#sessions.get(id);
    if (known !== undefined && known.timeoutMs === timeoutMs) {
      if (owner !== undefined) known.owner = owner;
      this.touch(known);
      return known;
    }
    if (known !== undefined) this.close(id);
    const session: Session = { id, timeoutMs, owner, closing: false, expiresAtMs: 0 };
    this.#sessions.set(id, session);
    this.touch(session);
    return session;
  }

  close(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.closing = true;
    this.#sessions.delete(id);
    this.#leaveBucket(session);
  }

  touch(session: Session): void {
    if (session.closing) return;
    const nowMs = this.#nowMs + Math.min(this.#sinceAdvanceMs(), this.#tickMs * ADVANCE_TICKS_MAX);
    const expiresAtMs = this.#bucketOf(nowMs + session.timeoutMs);
    if (expiresAtMs <= session.expiresAtMs) return;
    this.#leaveBucket(session);
    session.expiresAtMs = expiresAtMs;
    const bucket = this.#buckets.get(expiresAtMs);
    if (bucket === undefined) this.#buckets.set(expiresAtMs, new Set([session]));
    else bucket.add(session);
  }

  /** Every time-out starts again: a new leader has not heard from anybody yet, and what it had begun to close counts for nothing. */
  beginAgain(): void {
    for (const session of this.#sessions.values()) {
      session.closing = false;
      this.touch(session);
    }
  }

  /**
   * @param elapsedMs  real time since the last call
   * @returns          sessions whose time is over; each is named again after a further tick until it is closed
   */
  advance(elapsedMs: number): Session[] {
    this.#nowMs += Math.min(elapsedMs, this.#tickMs * ADVANCE_TICKS_MAX);
    const expired: Session[] = [];
    const upTo = Math.floor(this.#nowMs / this.#tickMs) * this.#tickMs;
    for (; this.#expiredUpToMs < upTo; ) {
      this.#expiredUpToMs += this.#tickMs;
      const bucket = this.#buckets.get(this.#expiredUpToMs);
      if (bucket === undefined) continue;
      for (const session of [...bucket]) {
        this.#leaveBucket(session);
        session.expiresAtMs = 0;
        if (session.closing) continue;
        expired.push(session);
        const again = this.#bucketOf(this.#nowMs + this.#tickMs);
        session.expiresAtMs = again;
        const next = this.#buckets.get(again);
        if (next === undefined) this.#buckets.set(again, new Set([session]));
        else next.add(session);
      }
    }
    return expired;
  }

  #bucketOf(atMs: number): number {
    return (Math.floor(atMs / this.#tickMs) + 1) * this.#tickMs;
  }

  #leaveBucket(session: Session): void {
    const bucket = this.#buckets.get(session.expiresAtMs);
    bucket?.delete(session);
    if (bucket?.size === 0) this.#buckets.delete(session.expiresAtMs);
  }
}
