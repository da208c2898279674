/** Big-endian fields one after another. Reading never goes beyond the end, and allocates nothing that is not there. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }

  uint8(value: number): void {
    const at = this.#reserve(1);
    this.#buffer.writeUInt8(value, at);
  }
  int32(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeInt32BE(value, at);
  }
  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32BE(value, at);
  }
  /** Offsets and positions: whole numbers below 2^48. */
  uint48(value: number): void {
    const at = this.#reserve(6);
    this.#buffer.writeUIntBE(value, at, 6);
  }
  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
  }
  /** Undefined is -1, as node ids are from 0. */
  optionalInt32(value: number | undefined): void {
    this.int32(value ?? -1);
  }
  /** Up to 64 KiB; undefined and empty are the same. */
  text(value: string | undefined): void {
    const bytes = Buffer.from(value ?? '');
    const at = this.#reserve(2);
    this.#buffer.writeUInt16BE(bytes.length, at);
    this.bytes(bytes);
  }
  /** What was written so far; the writer may not be used any more. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** After the first field that is not there, `failed` is true and every further field is 0 or empty. */
export class ByteReader {
  readonly #buffer: Buffer;
  #at = 0;
  failed = false;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get left(): number {
    return this.#buffer.length - this.#at;
  }

  #take(bytes: number): number {
    if (this.failed || bytes < 0 || bytes > this.left) {
      this.failed = true;
      return -1;
    }
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  uint8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#buffer.readUInt8(at);
  }
  int32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#buffer.readInt32BE(at);
  }
  uint32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#buffer.readUInt32BE(at);
  }
  uint48(): number {
    const at = this.#take(6);
    return at < 0 ? 0 : this.#buffer.readUIntBE(at, 6);
  }
  /** A view of the frame, not a copy. */
  bytes(count: number): Buffer {
    const at = this.#take(count);
    return at < 0 ? Buffer.alloc(0) : this.#buffer.subarray(at, at + count);
  }
  optionalInt32(): number | undefined {
    const value = this.int32();
    return value < 0 ? undefined : value;
  }
  text(): string | undefined {
    const at = this.#take(2);
    if (at < 0) return undefined;
    const bytes = this.bytes(this.#buffer.readUInt16BE(at));
    return bytes.length === 0 ? undefined : bytes.toString();
  }
}
