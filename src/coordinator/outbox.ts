import type { AppendId, CoordinatorRecord, Effect, Reply, Ticket } from './effects.ts';

type Continuation = {
  readonly committed: (nowMs: number) => void;
  readonly notCommitted: (errorCode: number, nowMs: number) => void;
};

/** Collects the effects of one step, and remembers what goes on when an append has ended. */
export class Outbox {
  private effects: Effect[] = [];
  private readonly appends = new Map<AppendId, Continuation>();
  private nextId: AppendId = 1;

  reply(ticket: Ticket, reply: Reply): void {
    this.effects.push({ kind: 'reply', ticket, reply });
  }

  append(
    records: readonly CoordinatorRecord[],
    continuation: Continuation,
    transaction?: { readonly producerId: number; readonly producerEpoch: number },
  ): void {
    const id = this.nextId++;
    this.appends.set(id, continuation);
    this.effects.push({ kind: 'append', id, records, ...(transaction === undefined ? {} : { transaction }) });
  }

  committed(id: AppendId, nowMs: number): void {
    this.taken(id)?.committed(nowMs);
  }

  notCommitted(id: AppendId, errorCode: number, nowMs: number): void {
    this.taken(id)?.notCommitted(errorCode, nowMs);
  }

  /** Everything that is still being appended counts as failed. */
  failAll(errorCode: number, nowMs: number): void {
    for (const id of [...this.appends.keys()]) this.notCommitted(id, errorCode, nowMs);
  }

  /** The effects since the last time. */
  drain(): readonly Effect[] {
    const drained = this.effects;
    this.effects = [];
    return drained;
  }

  private taken(id: AppendId): Continuation | undefined {
    const continuation = this.appends.get(id);
    this.appends.delete(id);
    return continuation;
  }
}
