import type { Random } from '../../../src/base/index.ts';
import type { Entry, SnapshotId, VoterSetAt } from '../../../src/quorum/index.ts';

/** A snapshot as it lies on a disk. `hash` stands for the state machine's content. */
export type StoredSnapshot = {
  readonly id: SnapshotId;
  readonly voters: VoterSetAt['voters'];
  readonly hash: number;
};

/**
 * A disk that loses what was not flushed. It keeps its own account of what is durable, apart from the `LogIndex` of the
 * code under test, since the invariants are judged by it.
 */
export class LogDisk {
  entries: Entry[] = [];
  /** Offset of the first entry. */
  start = 0;
  end = 0;
  /** All below survives a crash. */
  durableEnd = 0;
  snapshot: StoredSnapshot | undefined;
  /** Grows with each cut. */
  cuts = 0;
  /** What a cut took away, but may still lie on the device until the next flush. */
  #ghost: { readonly at: number; readonly entries: readonly Entry[] } | undefined;

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.offset !== this.end) throw new Error(`the disk is asked to append ${entry.offset} at ${this.end}`);
      this.entries.push(entry);
      this.end = entry.offset + entry.count;
    }
  }

  truncate(to: number): void {
    const index = this.indexAt(to);
    const cut = this.entries.splice(index);
    const durable = cut.filter((entry) => entry.offset + entry.count <= this.durableEnd);
    if (durable.length > 0) this.#ghost = { at: to, entries: durable };
    this.end = to;
    this.durableEnd = Math.min(this.durableEnd, to);
    this.cuts++;
  }

  /** @param end  the log's end when the flush began, after `cuts` cuts */
  flushed(end: number, cuts: number): void {
    if (cuts !== this.cuts) return;
    this.durableEnd = Math.max(this.durableEnd, end);
    this.#ghost = undefined;
  }

  /** The process is gone: some of what was not flushed may have reached the device, in order. */
  crash(random: Random): void {
    const ghost = this.#ghost;
    if (ghost !== undefined && random.next() < 0.5) {
      this.entries = [...this.entries.slice(0, this.indexAt(ghost.at)), ...ghost.entries];
    } else {
      const durable = this.indexAt(this.durableEnd);
      this.entries.length = durable + random.below(this.entries.length - durable + 1);
    }
    this.#ghost = undefined;
    const last = this.entries.at(-1);
    this.end = last === undefined ? this.start : last.offset + last.count;
    // Recovery flushes what it found before it goes on.
    this.durableEnd = this.end;
    this.cuts++;
  }

  wipe(): void {
    this.entries = [];
    this.start = 0;
    this.end = 0;
    this.durableEnd = 0;
    this.snapshot = undefined;
    this.#ghost = undefined;
    this.cuts++;
  }

  dropBelow(to: number): void {
    this.entries.splice(0, this.indexAt(to));
    this.start = to;
  }

  replaceBy(snapshot: StoredSnapshot): void {
    this.wipe();
    this.snapshot = snapshot;
    this.start = snapshot.id.offset;
    this.end = this.start;
    this.durableEnd = this.start;
  }

  /** Place of the first entry that ends above `at`. */
  indexAt(at: number): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = this.entries[middle] as Entry;
      if (entry.offset + entry.count <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  entryBelow(at: number): Entry | undefined {
    return this.entries[this.indexAt(at - 1)];
  }

  /** Epoch of what lies just below `at`; undefined: not here. */
  epochBelow(at: number): number | undefined {
    if (at > this.end || at < this.start) return undefined;
    if (at === this.start) {
      if (at === 0) return 0;
      return this.snapshot?.id.offset === at ? this.snapshot.id.epoch : undefined;
    }
    return this.entryBelow(at)?.epoch;
  }
}
