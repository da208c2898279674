import { getHeapStatistics } from 'node:v8';
import { MalformedError } from './malformed.ts';
import type { Uuid } from './uuid.ts';

/** What an array element costs at most: the object of a struct with its place in the array. */
const elementHeapBytes = 128;
/** More than any honest message has: the metadata of 300,000 partitions is about 2,500,000. */
const mostElements = 4_000_000;
/** A cluster's metadata must be readable however small the process. */
const fewestElements = 100_000;

/**
 * Array elements in one message. A few bytes on the wire become an object of a hundred, so a hostile message within the
 * size limit could fill the heap: this keeps it to half of it.
 */
export const maxElementsPerMessage = Math.max(
  fewestElements,
  Math.min(mostElements, Math.floor(getHeapStatistics().heap_size_limit / (2 * elementHeapBytes))),
);

/**
 * Reads Kafka's primitive types from one buffer. Every read checks the bytes that are left before it touches or
 * allocates anything, and throws `MalformedError`; the callers in this folder turn that into a value.
 *
 * An int64 becomes a number: offsets, timestamps, ids and sizes stay below 2^53 by construction, and a larger value from
 * a hostile peer becomes the nearest number, which is then out of range for whoever looks at it.
 */
export class Reader {
  readonly buffer: Buffer;
  offset: number;
  private readonly end: number;
  private elementsLeft = maxElementsPerMessage;

  constructor(buffer: Buffer, offset = 0, end = buffer.length) {
    this.buffer = buffer;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Moves past `size` bytes and returns where they began. */
  private take(size: number): number {
    const at = this.offset;
    if (size > this.end - at) throw new MalformedError(`${size} bytes were expected and ${this.end - at} are left`, at);
    this.offset = at + size;
    return at;
  }

  bool(): boolean {
    return this.buffer[this.take(1)] !== 0;
  }

  int8(): number {
    const at = this.take(1);
    return ((this.buffer[at] as number) << 24) >> 24;
  }

  int16(): number {
    const at = this.take(2);
    const b = this.buffer;
    return (((b[at] as number) << 24) >> 16) | (b[at + 1] as number);
  }

  uint16(): number {
    const at = this.take(2);
    const b = this.buffer;
    return ((b[at] as number) << 8) | (b[at + 1] as number);
  }

  int32(): number {
    const at = this.take(4);
    const b = this.buffer;
    return (
      ((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number)
    );
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  int64(): number {
    const high = this.int32();
    return high * 4294967296 + (this.int32() >>> 0);
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }

  uuid(): Uuid {
    const at = this.take(16);
    return this.buffer.toString('base64url', at, at + 16) as Uuid;
  }

  /** At most 32 bits. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.take(1)] as number;
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new MalformedError('a variable-length integer is longer than 32 bits', this.offset);
  }

  /** Zigzag, at most 32 bits. */
  varint(): number {
    const raw = this.uvarint();
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Zigzag, at most 64 bits; beyond 2^53 the nearest number. */
  varlong(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 10; index++) {
      const byte = this.buffer[this.take(1)] as number;
      // Past 2^49 plain numbers would lose bits: start again with bigint.
      if (index === 7) return this.varlongLarge(this.offset - 8);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    throw new MalformedError('a variable-length integer is longer than 64 bits', this.offset);
  }

  private varlongLarge(start: number): number {
    this.offset = start;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.buffer[this.take(1)] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        const raw = BigInt.asUintN(64, value);
        return Number(BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n)));
      }
    }
    throw new MalformedError('a variable-length integer is longer than 64 bits', this.offset);
  }

  string(): string {
    return this.text(this.int16());
  }

  nullableString(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.text(length);
  }

  compactString(): string {
    return this.text(this.uvarint() - 1);
  }

  compactNullableString(): string | null {
    const length = this.uvarint() - 1;
    return length === -1 ? null : this.text(length);
  }

  private text(length: number): string {
    if (length < 0) throw new MalformedError(`a string has length ${length}`, this.offset);
    if (length === 0) return '';
    const at = this.take(length);
    return this.buffer.toString('utf8', at, at + length);
  }

  bytes(): Buffer {
    return this.slice(this.int32());
  }

  nullableBytes(): Buffer | null {
    const length = this.int32();
    return length === -1 ? null : this.slice(length);
  }

  compactBytes(): Buffer {
    return this.slice(this.uvarint() - 1);
  }

  compactNullableBytes(): Buffer | null {
    const length = this.uvarint() - 1;
    return length === -1 ? null : this.slice(length);
  }

  /** A view of the same memory, never a copy. */
  slice(length: number): Buffer {
    if (length < 0) throw new MalformedError(`a byte field has length ${length}`, this.offset);
    const at = this.take(length);
    return this.buffer.subarray(at, at + length);
  }

  /** @param smallest  the fewest bytes an element can take, at least 1: a count that cannot fit is refused before any allocation */
  count(smallest: number): number {
    return this.checkedCount(this.int32(), smallest);
  }

  /** @returns -1 for null */
  nullableCount(smallest: number): number {
    const count = this.int32();
    return count === -1 ? -1 : this.checkedCount(count, smallest);
  }

  compactCount(smallest: number): number {
    return this.checkedCount(this.uvarint() - 1, smallest);
  }

  /** @returns -1 for null */
  compactNullableCount(smallest: number): number {
    const count = this.uvarint() - 1;
    return count === -1 ? -1 : this.checkedCount(count, smallest);
  }

  private checkedCount(count: number, smallest: number): number {
    if (count < 0) throw new MalformedError(`an array has length ${count}`, this.offset);
    if (count * smallest > this.end - this.offset) {
      throw new MalformedError(
        `an array of ${count} elements does not fit the ${this.end - this.offset} bytes that are left`,
        this.offset,
      );
    }
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) {
      throw new MalformedError(`a message has more than ${maxElementsPerMessage} array elements`, this.offset);
    }
    return count;
  }

  /** Skips a section of tagged fields that nobody knows. */
  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint();
      this.take(this.uvarint());
    }
  }

  /** Where a tagged field of the size that follows will end. */
  tagEnd(): number {
    const size = this.uvarint();
    if (size > this.end - this.offset) {
      throw new MalformedError(`a tagged field of ${size} bytes is cut after ${this.remaining}`, this.offset);
    }
    return this.offset + size;
  }

  /** A tagged field must be exactly as long as it says. */
  expectAt(end: number): void {
    if (this.offset !== end) throw new MalformedError('a tagged field is not as long as it says', this.offset);
  }
}
