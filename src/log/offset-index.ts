/**
 * Where in a segment's file a batch with a given offset lies: for one batch in about every 4 KiB, its last offset and
 * its position. In memory; the segment writes it to `.index`.
 *
 * Entry: `i32 last offset of the batch - base offset of the segment, i32 position of the batch`, both growing.
 * Source: OffsetIndex.java.
 */
export const offsetIndexEntryBytes = 8;
const firstCapacityEntries = 32;

export class OffsetIndex {
  readonly baseOffset: number;
  private bytes: Buffer;
  private count: number;

  constructor(
    baseOffset: number,
    bytes: Buffer = Buffer.alloc(firstCapacityEntries * offsetIndexEntryBytes),
    count = 0,
  ) {
    this.baseOffset = baseOffset;
    this.bytes = bytes;
    this.count = count;
  }

  /**
   * From the content of a file. The zeros of a preallocated file (an Apache broker that was killed leaves them) end it.
   *
   * @returns undefined if it is damaged and must be rebuilt from the log
   */
  static parse(baseOffset: number, content: Buffer, logSizeBytes: number): OffsetIndex | undefined {
    if (content.length % offsetIndexEntryBytes !== 0) return undefined;
    let count = 0;
    let lastRelative = -1;
    let lastPosition = -1;
    for (let at = 0; at < content.length; at += offsetIndexEntryBytes) {
      const relative = content.readInt32BE(at);
      const position = content.readInt32BE(at + 4);
      if (relative === 0 && position === 0 && count > 0) break;
      if (relative === 0 && position === 0 && content.length > offsetIndexEntryBytes && isZero(content)) break;
      if (relative <= lastRelative || position <= lastPosition || position >= logSizeBytes) return undefined;
      lastRelative = relative;
      lastPosition = position;
      count++;
    }
    return new OffsetIndex(baseOffset, content, count);
  }

  get entries(): number {
    return this.count;
  }

  append(lastOffset: number, position: number): void {
    const at = this.count * offsetIndexEntryBytes;
    if (at + offsetIndexEntryBytes > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(this.bytes.length * 2, firstCapacityEntries * offsetIndexEntryBytes));
      this.bytes.copy(larger, 0, 0, at);
      this.bytes = larger;
    }
    this.bytes.writeInt32BE(lastOffset - this.baseOffset, at);
    this.bytes.writeInt32BE(position, at + 4);
    this.count++;
  }

  /** A position at or before the batch that contains `offset`, as near as the index knows. */
  positionFor(offset: number): number {
    const relative = offset - this.baseOffset;
    let low = 0;
    let high = this.count; // entries [0, low) end at or before the offset
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.bytes.readInt32BE(middle * offsetIndexEntryBytes) <= relative) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : this.bytes.readInt32BE((low - 1) * offsetIndexEntryBytes + 4);
  }

  /** Forgets the entries of batches at or after the position. */
  truncateToPosition(position: number): void {
    while (this.count > 0 && this.bytes.readInt32BE((this.count - 1) * offsetIndexEntryBytes + 4) >= position)
      this.count--;
  }

  /** The entries from the `from`th on, as the file holds them. */
  contentFrom(from: number): Buffer {
    return this.bytes.subarray(from * offsetIndexEntryBytes, this.count * offsetIndexEntryBytes);
  }
}

const isZero = (content: Buffer): boolean => content.every((byte) => byte === 0);
