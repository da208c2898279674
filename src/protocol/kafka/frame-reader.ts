/** Why a connection's bytes cannot be cut into frames. Nothing after it can be understood: close the connection. */
export type FrameError = { readonly kind: 'badFrameSize'; readonly sizeBytes: number; readonly limitBytes: number };

const sizeBytes = 4;

/**
 * Cuts `int32 size | payload` frames out of the chunks that a socket gives. A frame inside one chunk is a view of it; one
 * that spans chunks is copied once into a buffer of its own, made when its first bytes have come, and never before its
 * size has been found to be within the limit. That buffer is filled piece by piece: a peer that announces much and sends
 * little costs at most `grownFrom` bytes until it has sent that many.
 *
 * Mutable on purpose: one reader a connection, owned by its socket.
 */
export class FrameReader {
  private readonly limitBytes: number;
  /** The frame that is being collected, without its size. */
  private partial: Buffer | undefined;
  private partialBytes = 0;
  private expectedBytes = 0;
  private readonly head = Buffer.alloc(sizeBytes);
  private headBytes = 0;
  private failed: FrameError | undefined;

  /** @param limitBytes  the largest payload that is accepted (`socket.request.max.bytes`) */
  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes held for a frame that is not complete. */
  get pendingBytes(): number {
    return this.headBytes + this.partialBytes;
  }

  /**
   * Takes the next chunk and calls `onFrame` for each frame that it completes, in order.
   *
   * @returns an error once the stream is broken, and the same error ever after
   */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): FrameError | undefined {
    if (this.failed !== undefined) return this.failed;
    let at = 0;
    while (at < chunk.length) {
      if (this.partial !== undefined) {
        at = this.fill(this.partial, chunk, at, onFrame);
        continue;
      }
      if (this.headBytes > 0 || chunk.length - at < sizeBytes) {
        const count = Math.min(sizeBytes - this.headBytes, chunk.length - at);
        chunk.copy(this.head, this.headBytes, at, at + count);
        this.headBytes += count;
        at += count;
        if (this.headBytes < sizeBytes) return undefined;
        this.headBytes = 0;
        this.expectedBytes = this.head.readInt32BE(0);
      } else {
        this.expectedBytes = chunk.readInt32BE(at);
        at += sizeBytes;
      }
      const size = this.expectedBytes;
      if (size < 0 || size > this.limitBytes) {
        this.failed = { kind: 'badFrameSize', sizeBytes: size, limitBytes: this.limitBytes };
        return this.failed;
      }
      if (chunk.length - at >= size) {
        onFrame(chunk.subarray(at, at + size));
        at += size;
      } else {
        this.partial = Buffer.allocUnsafeSlow(Math.min(size, Math.max(grownFrom, chunk.length - at)));
        this.partialBytes = 0;
      }
    }
    return undefined;
  }

  private fill(partial: Buffer, chunk: Buffer, at: number, onFrame: (frame: Buffer) => void): number {
    const count = Math.min(this.expectedBytes - this.partialBytes, chunk.length - at);
    let target = partial;
    if (this.partialBytes + count > target.length) {
      target = Buffer.allocUnsafeSlow(
        Math.min(this.expectedBytes, Math.max(target.length * 4, this.partialBytes + count)),
      );
      partial.copy(target, 0, 0, this.partialBytes);
      this.partial = target;
    }
    chunk.copy(target, this.partialBytes, at, at + count);
    this.partialBytes += count;
    if (this.partialBytes === this.expectedBytes) {
      this.partial = undefined;
      this.partialBytes = 0;
      onFrame(target);
    }
    return at + count;
  }
}

/** A frame up to this size is collected in one allocation; a larger one in a few, each four times the last. */
const grownFrom = 1 << 20;
