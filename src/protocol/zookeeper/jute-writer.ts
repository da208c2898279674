const INITIAL_BYTES = 512;
const HINT_BYTES_MAX = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Writes jute's primitives, one frame after another, into one growing buffer. It is mutable and reused, because it is
 * on the path of every answer: `take` hands over what was written and starts afresh.
 *
 * Source: zookeeper-jute, BinaryOutputArchive.
 */
export class JuteWriter {
  #bytes: Buffer = NOTHING;
  #length = 0;
  #nextBytes: number;

  constructor(initialBytes = INITIAL_BYTES) {
    this.#nextBytes = initialBytes;
  }

  get length(): number {
    return this.#length;
  }

  int(value: number): void {
    const at = this.#reserve(4);
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** @param value  a safe integer */
  long(value: number): void {
    this.int(Math.floor(value / 4294967296) | 0);
    this.int(value >>> 0);
  }

  bigLong(value: bigint): void {
    if (value === 0n) {
      this.int(0);
      this.int(0);
      return;
    }
    const at = this.#reserve(8);
    this.#bytes.writeBigInt64BE(BigInt.asIntN(64, value), at);
  }

  boolean(value: boolean): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value ? 1 : 0;
  }

  buffer(value: Uint8Array | undefined): void {
    if (value === undefined) {
      this.int(-1);
      return;
    }
    this.int(value.length);
    this.raw(value);
  }

  /** A buffer whose bytes are given as characters below 256. */
  latin1(value: string): void {
    this.int(value.length);
    const at = this.#reserve(value.length);
    this.#bytes.write(value, at, 'latin1');
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
  }

  string(value: string | undefined): void {
    if (value === undefined) {
      this.int(-1);
      return;
    }
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const at = this.#reserve(4 + value.length * 3);
    const written = this.#bytes.write(value, at + 4, 'utf8');
    this.#bytes.writeInt32BE(written, at);
    this.#length = at + 4 + written;
  }

  vector<Element>(
    elements: readonly Element[] | undefined,
    element: (writer: JuteWriter, value: Element) => void,
  ): void {
    if (elements === undefined) {
      this.int(-1);
      return;
    }
    this.int(elements.length);
    for (const value of elements) element(this, value);
  }

  strings(values: readonly string[]): void {
    this.int(values.length);
    for (const value of values) this.string(value);
  }

  /** Leaves room for a frame's length; give what it answers to `endFrame`. */
  beginFrame(): number {
    return this.#reserve(4);
  }

  endFrame(start: number): void {
    this.#bytes.writeInt32BE(this.#length - start - 4, start);
  }

  /** Forgets what was written from `length` on. */
  rewind(length: number): void {
    this.#length = length;
  }

  /** A copy-free hand-over: the caller owns the bytes. An idle writer holds no memory. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#nextBytes = Math.min(Math.max(this.#length, INITIAL_BYTES), HINT_BYTES_MAX);
    this.#bytes = NOTHING;
    this.#length = 0;
    return taken;
  }

  /** What was written, valid until the next call on this writer. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, this.#nextBytes));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }
}
