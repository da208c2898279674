/** `jute.maxbuffer` where nothing else is set. */
export const JUTE_MAX_BUFFER_DEFAULT = 0xfffff;

export type FrameProblem = {
  readonly kind: 'badFrameLength';
  readonly lengthBytes: number;
  readonly limitBytes: number;
  readonly sentence: string;
};

const LENGTH_BYTES = 4;
const PARTIAL_BYTES_MIN = 256;

/**
 * Cuts length-prefixed frames out of a byte stream. A frame that lies within one chunk is a view into it; one that
 * straddles chunks is gathered in a buffer that at most doubles what has really arrived, whatever the length claims.
 */
export class FrameSplitter {
  readonly limitBytes: number;
  #partial: Buffer | undefined;
  #partialBytes = 0;

  /** @param limitBytes  `jute.maxbuffer`: a longer (or negative) length ends the stream */
  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes of an unfinished frame that are held. */
  get heldBytes(): number {
    return this.#partialBytes;
  }

  /**
   * @param onFrame  gets each whole frame without its length, valid only during the call; answers whether to go on
   * @returns        a problem that must end the connection
   */
  push(chunk: Buffer, onFrame: (frame: Buffer) => boolean): FrameProblem | undefined {
    let bytes = chunk;
    if (this.#partial !== undefined) {
      this.#gather(chunk);
      bytes = this.#partial.subarray(0, this.#partialBytes);
    }
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = bytes.readInt32BE(at);
      if (length < 0 || length > this.limitBytes) {
        this.#partial = undefined;
        this.#partialBytes = 0;
        return {
          kind: 'badFrameLength',
          lengthBytes: length,
          limitBytes: this.limitBytes,
          sentence: `a frame of ${length} bytes was announced; the limit (jute.maxbuffer) is ${this.limitBytes}`,
        };
      }
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      const frame = bytes.subarray(at + LENGTH_BYTES, end);
      at = end;
      if (!onFrame(frame)) {
        this.#partial = undefined;
        this.#partialBytes = 0;
        return undefined;
      }
    }
    this.#keep(bytes, at);
    return undefined;
  }

  #gather(chunk: Buffer): void {
    const partial = this.#partial!;
    const needed = this.#partialBytes + chunk.length;
    if (needed > partial.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(partial.length * 2, this.limitBytes + LENGTH_BYTES)));
      partial.copy(grown, 0, 0, this.#partialBytes);
      this.#partial = grown;
    }
    chunk.copy(this.#partial!, this.#partialBytes);
    this.#partialBytes = needed;
  }

  #keep(bytes: Buffer, from: number): void {
    const rest = bytes.length - from;
    if (rest === 0) {
      this.#partial = undefined;
      this.#partialBytes = 0;
      return;
    }
    if (from === 0 && this.#partial !== undefined) return; // already gathered in place
    const kept = Buffer.allocUnsafe(Math.max(PARTIAL_BYTES_MIN, rest));
    bytes.copy(kept, 0, from);
    this.#partial = kept;
    this.#partialBytes = rest;
  }
}
