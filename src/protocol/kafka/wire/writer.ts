import { EncodeError } from './malformed.ts';
import type { Uuid } from './uuid.ts';

/** A byte field from this size on is handed to the socket as it is instead of being copied into the message. */
const sharedBytesFrom = 512;
const firstChunkBytes = 512;
const longestString = 32767;

/** One byte field, in one piece or in several that follow each other. */
export type BytesToWrite = Buffer | readonly Buffer[];

/**
 * Writes Kafka's primitive types. The result is a list of buffers for `writev`: large byte fields (record batches) are
 * in it by reference, what lies between them in chunks of ours. A value that does not fit its type throws `EncodeError`.
 *
 * Mutable and quick on purpose: one writer, one message, one owner.
 */
export class Writer {
  private chunk: Buffer;
  /** Where the bytes begin that are not in `done` yet. */
  private start = 0;
  private position = 0;
  private readonly done: Buffer[] = [];
  private doneBytes = 0;
  /** Inside tagged fields everything is contiguous, because their size comes before them. */
  private openTags = 0;

  constructor(sizeHintBytes: number = firstChunkBytes) {
    this.chunk = Buffer.allocUnsafe(sizeHintBytes);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.doneBytes + this.position - this.start;
  }

  /** The message, in order. The writer must not be used after. */
  finish(): Buffer[] {
    this.flush();
    return this.done;
  }

  /** The message in one piece; copies only when there is more than one. */
  finishContiguous(): Buffer {
    const parts = this.finish();
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  private flush(): void {
    if (this.position === this.start) return;
    this.done.push(this.chunk.subarray(this.start, this.position));
    this.doneBytes += this.position - this.start;
    this.start = this.position;
  }

  /** Room for `size` bytes; may replace `chunk`, so take that after this. */
  private reserve(size: number): number {
    const at = this.position;
    if (at + size > this.chunk.length) return this.grow(size);
    this.position = at + size;
    return at;
  }

  private grow(size: number): number {
    const pending = this.position - this.start;
    const larger = Buffer.allocUnsafe(Math.max(pending * 2, pending + size, firstChunkBytes));
    this.chunk.copy(larger, 0, this.start, this.position);
    this.chunk = larger;
    this.start = 0;
    this.position = pending + size;
    return pending;
  }

  bool(value: boolean): void {
    const at = this.reserve(1);
    this.chunk[at] = value ? 1 : 0;
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) throw new EncodeError(`${value} is not an int8`);
    const at = this.reserve(1);
    this.chunk[at] = value;
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) throw new EncodeError(`${value} is not an int16`);
    const at = this.reserve(2);
    this.chunk[at] = value >> 8;
    this.chunk[at + 1] = value;
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) throw new EncodeError(`${value} is not a uint16`);
    const at = this.reserve(2);
    this.chunk[at] = value >> 8;
    this.chunk[at + 1] = value;
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw new EncodeError(`${value} is not an int32`);
    this.raw32(value);
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw new EncodeError(`${value} is not a uint32`);
    this.raw32(value | 0);
  }

  private raw32(value: number): void {
    const at = this.reserve(4);
    const chunk = this.chunk;
    chunk[at] = value >> 24;
    chunk[at + 1] = value >> 16;
    chunk[at + 2] = value >> 8;
    chunk[at + 3] = value;
  }

  /** A number that came from beyond 2^53 goes back as the nearest 64-bit value. */
  int64(value: number): void {
    if (!Number.isInteger(value)) throw new EncodeError(`${value} is not an int64`);
    const high = Math.floor(value / 4294967296);
    if (high >= 0x80000000) {
      this.raw32(0x7fffffff);
      this.raw32(-1);
      return;
    }
    if (high < -0x80000000) throw new EncodeError(`${value} is not an int64`);
    this.raw32(high | 0);
    this.raw32((value - high * 4294967296) | 0);
  }

  float64(value: number): void {
    const at = this.reserve(8);
    this.chunk.writeDoubleBE(value, at);
  }

  uuid(value: Uuid): void {
    const at = this.reserve(16);
    if (value.length !== 22 || this.chunk.write(value, at, 16, 'base64url') !== 16) {
      throw new EncodeError(`${JSON.stringify(value)} is not a uuid`);
    }
  }

  uvarint(value: number): void {
    if (value >>> 0 !== value) throw new EncodeError(`${value} is not an unsigned 32-bit integer`);
    let rest = value;
    while (rest > 0x7f) {
      const at = this.reserve(1);
      this.chunk[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    const at = this.reserve(1);
    this.chunk[at] = rest;
  }

  /** Zigzag. */
  varint(value: number): void {
    if ((value | 0) !== value) throw new EncodeError(`${value} is not an int32`);
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** Zigzag, for safe integers. */
  varlong(value: number): void {
    if ((value | 0) === value) {
      this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    if (!Number.isInteger(value)) throw new EncodeError(`${value} is not an int64`);
    let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    while (rest > 0x7fn) {
      this.raw8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.raw8(Number(rest));
  }

  private raw8(value: number): void {
    const at = this.reserve(1);
    this.chunk[at] = value;
  }

  string(value: string): void {
    const length = byteLength(value);
    if (length > longestString) throw new EncodeError(`a string of ${length} bytes is longer than ${longestString}`);
    this.int16(length);
    this.text(value, length);
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1);
    else this.string(value);
  }

  compactString(value: string): void {
    const length = byteLength(value);
    this.uvarint(length + 1);
    this.text(value, length);
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0);
    else this.compactString(value);
  }

  private text(value: string, length: number): void {
    if (length === 0) return;
    const at = this.reserve(length);
    this.chunk.write(value, at, length, length === value.length ? 'latin1' : 'utf8');
  }

  bytes(value: BytesToWrite): void {
    this.int32(sizeOf(value));
    this.appendAll(value);
  }

  nullableBytes(value: BytesToWrite | null): void {
    if (value === null) this.int32(-1);
    else this.bytes(value);
  }

  compactBytes(value: BytesToWrite): void {
    this.uvarint(sizeOf(value) + 1);
    this.appendAll(value);
  }

  compactNullableBytes(value: BytesToWrite | null): void {
    if (value === null) this.uvarint(0);
    else this.compactBytes(value);
  }

  private appendAll(value: BytesToWrite): void {
    if (Buffer.isBuffer(value)) this.append(value);
    else for (const part of value) this.append(part);
  }

  /** Bytes as they are, by reference when they are many. */
  append(value: Buffer): void {
    if (value.length < sharedBytesFrom || this.openTags > 0) {
      const at = this.reserve(value.length);
      value.copy(this.chunk, at);
      return;
    }
    this.flush();
    this.done.push(value);
    this.doneBytes += value.length;
  }

  count(length: number): void {
    this.int32(length);
  }

  compactCount(length: number): void {
    this.uvarint(length + 1);
  }

  /** Begins a tagged field; `closeTag` takes what this returns. */
  openTag(tag: number): number {
    this.uvarint(tag);
    this.openTags++;
    this.reserve(1);
    return this.position - this.start;
  }

  closeTag(mark: number): void {
    this.openTags--;
    const from = this.start + mark;
    const size = this.position - from;
    if (size < 0x80) {
      this.chunk[from - 1] = size;
      return;
    }
    // The size needs more than the one byte that was left for it: move the field.
    const extra = uvarintSize(size) - 1;
    this.reserve(extra);
    const begin = this.start + mark;
    this.chunk.copyWithin(begin + extra, begin, begin + size);
    const end = this.position;
    this.position = begin - 1;
    this.uvarint(size);
    this.position = end;
  }
}

/** The first buffer of a finished message begins with an int32 that was left open: fill it. */
export function fillSize(parts: readonly Buffer[], size: number): void {
  (parts[0] as Buffer).writeInt32BE(size, 0);
}

export function uvarintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

function byteLength(value: string): number {
  if (typeof value !== 'string') throw new EncodeError(`${String(value)} is not a string`);
  return Buffer.byteLength(value, 'utf8');
}

function sizeOf(value: BytesToWrite): number {
  if (value === null || value === undefined) throw new EncodeError('a byte field that may not be null is null');
  if (Buffer.isBuffer(value)) return value.length;
  let size = 0;
  for (const part of value) size += part.length;
  return size;
}
