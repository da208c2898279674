/**
 * Sessions and what belongs to them, over all clients of a run. An ephemeral node goes with its session: never while the
 * session lives, never before its time-out has passed since a write of its own was called that was acknowledged; and
 * nobody who reads after a sync sees it once its client has been told that the session is over.
 *
 * All times are of one clock, in milliseconds.
 */
export type SessionRecord = {
  readonly name: string;
  /** As granted. */
  timeoutMs: number;
  /** When the last of its writes that were acknowledged was called. */
  lastWriteMs: number;
  closeCalledMs: number;
  /** When its client was told that it is over: expired, or a close was answered. */
  endedMs: number;
};

export type EphemeralRecord = {
  readonly path: string;
  readonly session: SessionRecord;
  /** Infinity: nobody knows whether it was created. */
  readonly createdMs: number;
  deleteCalledMs: number;
  deletedMs: number;
};

/** Of so many of the latest, one is picked to be looked at. */
const recentCount = 300;

export const sessionRecord = (name: string): SessionRecord => ({
  name,
  timeoutMs: 0,
  lastWriteMs: Number.NEGATIVE_INFINITY,
  closeCalledMs: Number.POSITIVE_INFINITY,
  endedMs: Number.POSITIVE_INFINITY,
});

export class Ephemerals {
  readonly violations: string[] = [];
  checked = 0;
  readonly #all: EphemeralRecord[] = [];
  readonly #gone: { readonly record: EphemeralRecord; readonly atMs: number }[] = [];

  /** @param createdMs  when the answer came; Infinity: there was none */
  created(path: string, session: SessionRecord, createdMs: number): EphemeralRecord {
    const record: EphemeralRecord = {
      path,
      session,
      createdMs,
      deleteCalledMs: Number.POSITIVE_INFINITY,
      deletedMs: Number.POSITIVE_INFINITY,
    };
    this.#all.push(record);
    return record;
  }

  /** @param chance  from 0 to 1 */
  pick(chance: number): EphemeralRecord | undefined {
    const from = Math.max(0, this.#all.length - recentCount);
    return this.#all[from + Math.floor(chance * (this.#all.length - from))];
  }

  /** A read after a sync, both called at `calledMs`, showed it or did not. */
  seen(record: EphemeralRecord, present: boolean, calledMs: number, returnedMs: number): void {
    this.checked++;
    const { path, session } = record;
    if (!present) {
      if (record.createdMs < calledMs) this.#gone.push({ record, atMs: returnedMs });
      return;
    }
    if (session.endedMs < calledMs) {
      const late = Math.round(calledMs - session.endedMs);
      this.violations.push(`${path} outlives its session ${session.name}, over for ${late} ms`);
    }
    if (record.deletedMs < calledMs) this.violations.push(`${path} is there again after its deletion was acknowledged`);
  }

  /** When all is over and every acknowledgement has come. */
  judge(): void {
    for (const { record, atMs } of this.#gone.splice(0)) {
      const { path, session } = record;
      if (record.deleteCalledMs < atMs || session.closeCalledMs < atMs) continue;
      const early = Math.round(session.lastWriteMs + session.timeoutMs - atMs);
      if (early > 0) this.violations.push(`${path} was gone ${early} ms before its session ${session.name} could end`);
    }
  }
}
