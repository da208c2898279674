import { readInt64, writeInt64 } from './batch.ts';

/**
 * Which offset a segment had reached when a timestamp was first passed. In memory; the segment writes it to `.timeindex`.
 *
 * Entry: `i64 greatest timestamp so far, i32 last offset of its batch - base offset of the segment`; timestamps grow.
 * Source: TimeIndex.java.
 */
export const timeIndexEntryBytes = 12;
const firstCapacityEntries = 32;

export class TimeIndex {
  readonly baseOffset: number;
  private bytes: Buffer;
  private count: number;

  constructor(baseOffset: number, bytes: Buffer = Buffer.alloc(firstCapacityEntries * timeIndexEntryBytes), count = 0) {
    this.baseOffset = baseOffset;
    this.bytes = bytes;
    this.count = count;
  }

  /** As `OffsetIndex.parse`. */
  static parse(baseOffset: number, content: Buffer): TimeIndex | undefined {
    if (content.length % timeIndexEntryBytes !== 0) return undefined;
    let count = 0;
    let lastTimestamp = -1;
    let lastRelative = -1;
    for (let at = 0; at < content.length; at += timeIndexEntryBytes) {
      const timestamp = readInt64(content, at);
      const relative = content.readInt32BE(at + 8);
      if (timestamp === 0 && relative === 0) break;
      if (timestamp <= lastTimestamp || relative < lastRelative) return undefined;
      lastTimestamp = timestamp;
      lastRelative = relative;
      count++;
    }
    return new TimeIndex(baseOffset, content, count);
  }

  get entries(): number {
    return this.count;
  }

  /** The last entry: the greatest timestamp that the index knows, and the offset where it was reached. */
  last(): { readonly timestamp: number; readonly offset: number } | undefined {
    if (this.count === 0) return undefined;
    return this.entry(this.count - 1);
  }

  /** Ignored unless the timestamp is greater than the last entry's. */
  append(timestamp: number, lastOffset: number): void {
    const last = this.last();
    if (timestamp < 0 || (last !== undefined && timestamp <= last.timestamp)) return;
    const at = this.count * timeIndexEntryBytes;
    if (at + timeIndexEntryBytes > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(this.bytes.length * 2, firstCapacityEntries * timeIndexEntryBytes));
      this.bytes.copy(larger, 0, 0, at);
      this.bytes = larger;
    }
    writeInt64(this.bytes, timestamp, at);
    this.bytes.writeInt32BE(lastOffset - this.baseOffset, at + 8);
    this.count++;
  }

  /** An offset such that every batch before it has only timestamps below `timestamp`. */
  offsetBefore(timestamp: number): number {
    let low = 0;
    let high = this.count; // entries [0, low) are below the timestamp
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (readInt64(this.bytes, middle * timeIndexEntryBytes) < timestamp) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? this.baseOffset : this.entry(low - 1).offset;
  }

  /** Forgets entries that point at or beyond the offset. */
  truncateToOffset(offset: number): void {
    while (this.count > 0 && this.entry(this.count - 1).offset >= offset) this.count--;
  }

  contentFrom(from: number): Buffer {
    return this.bytes.subarray(from * timeIndexEntryBytes, this.count * timeIndexEntryBytes);
  }

  private entry(index: number): { timestamp: number; offset: number } {
    const at = index * timeIndexEntryBytes;
    return { timestamp: readInt64(this.bytes, at), offset: this.bytes.readInt32BE(at + 8) + this.baseOffset };
  }
}
