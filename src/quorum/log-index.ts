import type { Epoch, Offset } from '../base/index.ts';
import { assert, epoch, offset } from '../base/index.ts';
import type { LogView } from './log-view.ts';
import type { Entry, EpochEnd, SnapshotId } from './types.ts';

/**
 * A log's bounds and epochs in memory: the `LogView` of a driver, which calls each method as it does the same to the
 * files. Mutable, since it is one owner's index and every append passes through it.
 *
 * Invariants: `start <= flushed <= end`; `#epochs` rises strictly in epoch and offset, and its first is at or below start.
 */
export class LogIndex implements LogView {
  #start: Offset;
  #end: Offset;
  #flushed: Offset;
  #snapshot: SnapshotId | undefined;
  /** The entry below `#start`. */
  #startEpoch: Epoch;
  /** Where each epoch that is still in the log begins. */
  readonly #epochs: { readonly epoch: Epoch; start: Offset }[] = [];
  /** Grows with every truncation; a flush that began before one says nothing about what was appended after it. */
  #cuts = 0;

  /** Empty, beginning at the snapshot, or at 0. Then `append` what is on disk and `markFlushed`. */
  constructor(snapshot: SnapshotId | undefined) {
    this.#snapshot = snapshot;
    this.#start = snapshot?.offset ?? offset(0);
    this.#end = this.#start;
    this.#flushed = this.#start;
    this.#startEpoch = snapshot?.epoch ?? epoch(0);
  }

  get startOffset(): Offset {
    return this.#start;
  }
  get endOffset(): Offset {
    return this.#end;
  }
  get flushedOffset(): Offset {
    return this.#flushed;
  }
  get lastEpoch(): Epoch {
    return this.#epochs.at(-1)?.epoch ?? this.#startEpoch;
  }
  get startEpoch(): Epoch {
    return this.#startEpoch;
  }
  get snapshot(): SnapshotId | undefined {
    return this.#snapshot;
  }

  endOfEpoch(wanted: Epoch): EpochEnd {
    for (let index = this.#epochs.length - 1; index >= 0; index--) {
      const found = this.#epochs[index] as { epoch: Epoch; start: Offset };
      if (found.epoch <= wanted) return { epoch: found.epoch, endOffset: this.#epochs[index + 1]?.start ?? this.#end };
    }
    return { epoch: this.#startEpoch, endOffset: this.#start };
  }

  epochBefore(at: Offset): Epoch {
    assert(at >= this.#start && at <= this.#end, 'an epoch is asked for within the log');
    return this.#epochs.findLast((found) => found.start < at)?.epoch ?? this.#startEpoch;
  }

  append(entry: Pick<Entry, 'offset' | 'count' | 'epoch'>): void {
    assert(entry.offset === this.#end, 'an entry is appended at the end of the log');
    assert(entry.epoch >= this.lastEpoch, 'epochs never fall along a log');
    if (this.#epochs.length === 0 || entry.epoch > this.lastEpoch) {
      this.#epochs.push({ epoch: entry.epoch, start: entry.offset });
    }
    this.#end = offset(entry.offset + entry.count);
  }

  truncate(to: Offset): void {
    assert(to >= this.#start && to <= this.#end, 'a truncation is within the log');
    this.#end = to;
    if (this.#flushed > to) this.#flushed = to;
    while (this.#epochs.length > 0 && (this.#epochs.at(-1)?.start ?? 0) >= to) this.#epochs.pop();
    this.#cuts++;
  }

  /** Call when a sync begins; hand the answer to `markFlushed` when it has ended. */
  flushMark(): { readonly end: Offset; readonly cuts: number } {
    return { end: this.#end, cuts: this.#cuts };
  }

  /** Ignored if the log was cut meanwhile; the entries appended since need a sync of their own. */
  markFlushed(mark: { readonly end: Offset; readonly cuts: number }): void {
    if (mark.cuts === this.#cuts && mark.end > this.#flushed) this.#flushed = mark.end;
  }

  /** A snapshot of this member's own, durable now. The log stays until `dropBelow`. */
  setSnapshot(snapshot: SnapshotId): void {
    this.#snapshot = snapshot;
  }

  /** Forgets entries below `to`, which the snapshot covers and where an entry begins. */
  dropBelow(to: Offset): void {
    if (to <= this.#start) return;
    assert(this.#snapshot !== undefined && to <= this.#snapshot.offset, 'only what a snapshot covers is dropped');
    this.#startEpoch = this.epochBefore(to);
    this.#start = to;
    if (this.#flushed < to) this.#flushed = to;
    while (this.#epochs.length > 1 && (this.#epochs[1]?.start ?? 0) <= to) this.#epochs.shift();
    const first = this.#epochs[0];
    if (first === undefined) return;
    if (to === this.#end) this.#epochs.length = 0;
    else if (first.start < to) first.start = to;
  }

  /** A snapshot from the leader replaces the whole log. */
  replaceBy(snapshot: SnapshotId): void {
    this.#snapshot = snapshot;
    this.#start = snapshot.offset;
    this.#end = snapshot.offset;
    this.#flushed = snapshot.offset;
    this.#startEpoch = snapshot.epoch;
    this.#epochs.length = 0;
    this.#cuts++;
  }
}
