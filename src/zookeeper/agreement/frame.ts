/** Between members: `u32 length | u8 channel | payload`; the length counts channel and payload. */
import { ByteReader, ByteWriter } from './byte-stream.ts';

export const channels = {
  /** The first frame of a connection, by who opened it; see `encodeHello`. */
  hello: 0,
  /** The answer to it: welcome. Empty. */
  welcome: 1,
  /** Or not: a sentence that says why. The connection is closed after it. */
  refused: 2,
  /** Says only that the sender lives. Empty. */
  alive: 3,
  quorum: 4,
  /** Bytes of the user's own. */
  told: 5,
  /** u32 id: asks the leader for an offset to read at. */
  askRead: 6,
  /** u32 id, u8 1 if it is readable, u48 offset. */
  readAnswer: 7,
} as const;

/** Above the longest record and the most a fetch may bring. */
export const frameBytesMax = 80 * 1024 * 1024;
/** Before a connection is known to be a member's. */
export const helloBytesMax = 1024;
const magic = 0x484b5131;

export function encodeFrame(channel: number, pieces: readonly Uint8Array[]): Uint8Array[] {
  let length = 1;
  for (const piece of pieces) length += piece.length;
  const head = Buffer.allocUnsafe(5);
  head.writeUInt32BE(length, 0);
  head.writeUInt8(channel, 4);
  return [head, ...pieces];
}

export type Hello = { readonly clusterId: string; readonly from: number; readonly to: number };

export function encodeHello(hello: Hello): Buffer {
  const writer = new ByteWriter();
  writer.uint32(magic);
  writer.text(hello.clusterId);
  writer.int32(hello.from);
  writer.int32(hello.to);
  return writer.finish();
}

export function decodeHello(payload: Buffer): Hello | undefined {
  const reader = new ByteReader(payload);
  if (reader.uint32() !== magic) return undefined;
  const clusterId = reader.text() ?? '';
  const hello = { clusterId, from: reader.int32(), to: reader.int32() };
  return reader.failed ? undefined : hello;
}

/** Puts frames together from whatever pieces a socket gives. It holds no more than has arrived. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #held = 0;
  /** Of the frame that is arriving; 0: its length is not known yet. */
  #wanted = 0;
  limitBytes = helloBytesMax;

  /** False: a frame is longer than the limit; the connection must be closed. */
  push(piece: Buffer, onFrame: (channel: number, payload: Buffer) => void): boolean {
    this.#pieces.push(piece);
    this.#held += piece.length;
    for (;;) {
      if (this.#wanted === 0) {
        if (this.#held < 4) return true;
        this.#wanted = 4 + this.#joined().readUInt32BE(0);
        if (this.#wanted < 5 || this.#wanted > this.limitBytes) return false;
      }
      if (this.#held < this.#wanted) return true;
      const bytes = this.#joined();
      const rest = bytes.subarray(this.#wanted);
      this.#pieces = rest.length === 0 ? [] : [rest];
      this.#held = rest.length;
      const frame = bytes.subarray(4, this.#wanted);
      this.#wanted = 0;
      onFrame(frame.readUInt8(0), frame.subarray(1));
    }
  }

  #joined(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces, this.#held)];
    return this.#pieces[0] as Buffer;
  }
}
