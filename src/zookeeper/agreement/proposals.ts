/** Entries that were asked for here and are not applied yet: batched, bounded in bytes, answered in order. */
import { failure, type Result, success } from '../../base/index.ts';
import type { RequestOutcome } from '../../quorum/index.ts';
import type { Committed, ProposeProblem } from './types.ts';

type Settle = (result: Result<Committed, ProposeProblem>) => void;
type Proposed = { readonly value: Uint8Array; readonly settle: Settle };
type Waiting = {
  readonly endOffset: number;
  readonly epoch: number;
  readonly bytes: number;
  readonly settle: Settle;
};

export class Proposals {
  readonly #limitBytes: number;
  readonly #submit: (values: readonly Uint8Array[], settle: (outcome: RequestOutcome) => void) => void;
  readonly #epoch: () => number;
  #batch: Proposed[] = [];
  /** In the log, by offset. */
  #waiting: Waiting[] = [];
  #pendingBytes = 0;
  #stopped = false;

  /**
   * @param submit  hands a batch to agreement; what comes of it is told once, and at once
   * @param epoch   the present one
   */
  constructor(
    limitBytes: number,
    submit: (values: readonly Uint8Array[], settle: (outcome: RequestOutcome) => void) => void,
    epoch: () => number,
  ) {
    this.#limitBytes = limitBytes;
    this.#submit = submit;
    this.#epoch = epoch;
  }

  add(value: Uint8Array): Promise<Result<Committed, ProposeProblem>> {
    return new Promise((resolve) => {
      if (this.#stopped) {
        resolve(failure({ kind: 'stopped' }));
        return;
      }
      if (this.#pendingBytes + value.length > this.#limitBytes) {
        resolve(failure({ kind: 'overloaded' }));
        return;
      }
      this.#pendingBytes += value.length;
      this.#batch.push({ value, settle: resolve });
      // All that one turn of the loop brings is one batch.
      if (this.#batch.length === 1) setImmediate(() => this.#submitBatch());
    });
  }

  #submitBatch(): void {
    const batch = this.#batch;
    this.#batch = [];
    if (this.#stopped) return;
    const values = batch.map(({ value }) => value);
    this.#submit(values, (outcome) => {
      if (outcome.kind === 'appended') {
        const epoch = this.#epoch();
        batch.forEach(({ value, settle }, place) => {
          this.#waiting.push({ endOffset: outcome.offset + place + 1, epoch, bytes: value.length, settle });
        });
        return;
      }
      for (const { value, settle } of batch) {
        this.#pendingBytes -= value.length;
        settle(failure({ kind: 'notLeader', leader: outcome.kind === 'notLeader' ? outcome.leader : undefined }));
      }
    });
  }

  /** All below `applied` is applied here. */
  settle(applied: number): void {
    let done = 0;
    for (const waiting of this.#waiting) {
      if (waiting.endOffset > applied) break;
      done++;
      this.#pendingBytes -= waiting.bytes;
      waiting.settle(success({ offset: waiting.endOffset - 1, epoch: waiting.epoch }));
    }
    if (done > 0) this.#waiting = this.#waiting.slice(done);
  }

  /** The epoch in which those that wait were proposed; undefined: none waits. */
  get waitingEpoch(): number | undefined {
    return this.#waiting[0]?.epoch;
  }

  /**
   * This member does not lead any more: what was proposed may or may not come to be.
   *
   * @param isCommitted  whether the entry that ends there is known to be committed, and to be the one of that epoch
   */
  giveUp(isCommitted: (endOffset: number, epoch: number) => boolean): void {
    const kept: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (isCommitted(waiting.endOffset, waiting.epoch)) {
        kept.push(waiting);
        continue;
      }
      this.#pendingBytes -= waiting.bytes;
      waiting.settle(failure({ kind: 'unknown' }));
    }
    this.#waiting = kept;
  }

  stop(): void {
    this.#stopped = true;
    for (const { settle } of this.#batch.splice(0)) settle(failure({ kind: 'stopped' }));
    // What was appended may be committed by the others.
    for (const { settle } of this.#waiting.splice(0)) settle(failure({ kind: 'unknown' }));
  }
}
