/** Why bytes are not the record that was expected. */
export type JuteProblem = {
  readonly kind: 'truncated' | 'badLength' | 'badBoolean' | 'tooLarge' | 'unsafeLong' | 'badFlags' | 'unknownType';
  /** For a log or an error answer: what was found where. */
  readonly sentence: string;
};

const EMPTY = Buffer.alloc(0);

/**
 * Reads jute's big-endian primitives from one frame. It never throws and never allocates from a length it has not
 * compared with the bytes that are there: after the first problem it keeps that problem and answers zero values, so
 * that a record's decoder reads straight through and its caller looks at `problem` once.
 *
 * Source: zookeeper-jute, BinaryInputArchive.
 */
export class JuteReader {
  #bytes: Buffer;
  #position: number;
  #problem: JuteProblem | undefined;

  constructor(bytes: Buffer, position = 0) {
    this.#bytes = bytes;
    this.#position = position;
  }

  get problem(): JuteProblem | undefined {
    return this.#problem;
  }

  get position(): number {
    return this.#position;
  }

  get remainingBytes(): number {
    return this.#bytes.length - this.#position;
  }

  /** Keeps the first problem only. */
  fail(kind: JuteProblem['kind'], sentence: string): void {
    this.#problem ??= { kind, sentence };
    this.#position = this.#bytes.length;
  }

  int(): number {
    if (!this.#has(4)) return 0;
    const bytes = this.#bytes;
    const at = this.#position;
    this.#position = at + 4;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  /** A 64-bit value that has to be exact as a number (zxids, times): beyond 2^53 is a problem. */
  long(): number {
    if (!this.#has(8)) return 0;
    const high = this.#bytes.readInt32BE(this.#position);
    const low = this.#bytes.readUInt32BE(this.#position + 4);
    const value = high * 4294967296 + low;
    if (!Number.isSafeInteger(value)) {
      this.fail('unsafeLong', `a 64-bit value at byte ${this.#position} is beyond 2^53`);
      return 0;
    }
    this.#position += 8;
    return value;
  }

  /** A 64-bit value that may use all its bits (session ids, owners). */
  bigLong(): bigint {
    if (!this.#has(8)) return 0n;
    const at = this.#position;
    this.#position = at + 8;
    // Nearly every owner is zero: do not make a bigint from the heap for it.
    const high = this.#bytes.readInt32BE(at);
    const low = this.#bytes.readUInt32BE(at + 4);
    if (high === 0 && low === 0) return 0n;
    return (BigInt(high) << 32n) | BigInt(low);
  }

  boolean(): boolean {
    if (!this.#has(1)) return false;
    const value = this.#bytes[this.#position]!;
    if (value > 1) {
      this.fail('badBoolean', `a boolean at byte ${this.#position} is ${value}`);
      return false;
    }
    this.#position++;
    return value === 1;
  }

  /** A view into the frame: copy it to keep it. */
  buffer(): Buffer | undefined {
    const length = this.#length('buffer');
    if (length < 0) return undefined;
    const from = this.#position;
    this.#position = from + length;
    return length === 0 ? EMPTY : this.#bytes.subarray(from, from + length);
  }

  /** A buffer: a few bytes as a string of one character a byte, more as a view into the frame. */
  bufferOrLatin1(latin1BytesMax: number): Buffer | string | undefined {
    const length = this.#length('buffer');
    if (length < 0) return undefined;
    const from = this.#position;
    this.#position = from + length;
    return length <= latin1BytesMax
      ? this.#bytes.toString('latin1', from, from + length)
      : this.#bytes.subarray(from, from + length);
  }

  string(): string | undefined {
    const length = this.#length('string');
    if (length < 0) return undefined;
    const from = this.#position;
    this.#position = from + length;
    return this.#bytes.toString('utf8', from, from + length);
  }

  /** Where null has no meaning of its own. */
  stringOrEmpty(): string {
    return this.string() ?? '';
  }

  /**
   * A vector; null (count -1) is undefined.
   *
   * @param elementBytesMin  the smallest encoding of one element, which bounds a count before anything is allocated
   */
  vector<Element>(elementBytesMin: number, element: (reader: JuteReader) => Element): Element[] | undefined {
    const count = this.int();
    if (this.#problem !== undefined || count === -1) return undefined;
    if (count < 0 || count * elementBytesMin > this.remainingBytes) {
      this.fail('badLength', `a vector before byte ${this.#position} claims ${count} elements`);
      return undefined;
    }
    const elements: Element[] = [];
    for (let index = 0; index < count && this.#problem === undefined; index++) elements.push(element(this));
    return elements;
  }

  strings(): string[] {
    return this.vector(4, (reader) => reader.stringOrEmpty()) ?? [];
  }

  /** Length of a buffer or string whose bytes are known to be there; -1 for null and after a problem. */
  #length(what: string): number {
    const length = this.int();
    if (this.#problem !== undefined || length === -1) return -1;
    if (length < 0 || length > this.remainingBytes) {
      this.fail(
        length < 0 ? 'badLength' : 'truncated',
        `a ${what} before byte ${this.#position} claims ${length} bytes, ${this.remainingBytes} are left`,
      );
      return -1;
    }
    return length;
  }

  #has(bytes: number): boolean {
    if (this.#position + bytes <= this.#bytes.length) return true;
    this.fail('truncated', `the frame ends at byte ${this.#bytes.length}, in the middle of a value`);
    return false;
  }
}
