import { lastOffsetAt } from './batch.ts';

/**
 * The last batches of a log as the buffers they came in, so that a reader at the tail costs no read. The bytes of all
 * logs of a broker share one budget: the oldest batch of any of them leaves first.
 *
 * Mutable: it lies on the produce and fetch paths and has one owner, its log.
 */
export class TailCache {
  private readonly budget: TailCacheBudget;
  private batches: Buffer[] = [];
  private baseOffsets: number[] = [];
  /** Batches before this place in the arrays have left; the arrays are cut now and then. */
  private head = 0;

  constructor(budget: TailCacheBudget) {
    this.budget = budget;
  }

  /** First offset that it holds, or undefined if it is empty. */
  get startOffset(): number | undefined {
    return this.baseOffsets[this.head];
  }

  push(baseOffset: number, batch: Buffer): void {
    this.batches.push(batch);
    this.baseOffsets.push(baseOffset);
    this.budget.add(this, batch.length);
  }

  /**
   * Whole batches from the one that contains `offset`, at most `maxBytes` (but the first one in any case), all below
   * `endOffset`.
   *
   * @returns undefined if the offset is before what it holds
   */
  read(offset: number, endOffset: number, maxBytes: number): Buffer[] | undefined {
    const first = this.baseOffsets[this.head];
    if (first === undefined || offset < first) return undefined;
    let low = this.head;
    let high = this.baseOffsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.baseOffsets[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    const found: Buffer[] = [];
    let bytes = 0;
    for (let index = low; index < this.batches.length; index++) {
      const batch = this.batches[index] as Buffer;
      if ((this.baseOffsets[index] as number) >= endOffset) break;
      // Compacted logs have holes: the offset may lie after this batch and before the next.
      if (found.length === 0 && lastOffsetAt(batch, 0) < offset) continue;
      if (found.length > 0 && bytes + batch.length > maxBytes) break;
      found.push(batch);
      bytes += batch.length;
    }
    return found;
  }

  /** Forgets batches that end at or beyond the offset, after a write that failed or a truncation. */
  truncateTo(endOffset: number): void {
    while (this.batches.length > this.head && lastOffsetAt(this.batches.at(-1) as Buffer, 0) >= endOffset) {
      const batch = this.batches.pop() as Buffer;
      this.baseOffsets.pop();
      this.budget.release(batch.length);
    }
  }

  /**
   * Called by the budget when the place of one of its batches has come to the front. After a truncation the log has
   * fewer batches than places: then a younger batch leaves early, and the last places find nothing.
   *
   * @returns the bytes that it gave up
   */
  dropOldest(): number {
    const batch = this.batches[this.head];
    if (batch === undefined) return 0;
    this.batches[this.head] = empty;
    this.head++;
    if (this.head > 64 && this.head * 2 > this.batches.length) {
      this.batches = this.batches.slice(this.head);
      this.baseOffsets = this.baseOffsets.slice(this.head);
      this.head = 0;
    }
    return batch.length;
  }

  clear(): void {
    for (let index = this.head; index < this.batches.length; index++)
      this.budget.release((this.batches[index] as Buffer).length);
    this.batches = [];
    this.baseOffsets = [];
    this.head = 0;
  }
}

const empty = Buffer.alloc(0);

/** How many bytes of batches a broker's logs keep in memory. */
export class TailCacheBudget {
  readonly limitBytes: number;
  private usedBytes = 0;
  /** One place for each batch that was pushed, oldest first. */
  private queue: TailCache[] = [];
  private head = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.usedBytes;
  }

  add(cache: TailCache, bytes: number): void {
    this.usedBytes += bytes;
    this.queue.push(cache);
    while (this.usedBytes > this.limitBytes && this.head < this.queue.length) {
      this.usedBytes -= (this.queue[this.head] as TailCache).dropOldest();
      this.head++;
    }
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }

  release(bytes: number): void {
    this.usedBytes -= bytes;
  }
}
