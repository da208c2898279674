import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Decompress } from '../protocol/kafka/index.ts';

/**
 * Opens the records of a compressed batch, for lookups by time and for batches of our own topics. Never on the produce
 * or fetch path. gzip and zstd are Node's; snappy and lz4 are small enough to be read here.
 *
 * All of it takes hostile bytes: output is bounded, and what is not of the codec gives undefined.
 */
export const decompress: Decompress = (compression, data, limitBytes) => {
  try {
    switch (compression) {
      case 'gzip':
        return gunzipSync(data, { maxOutputLength: limitBytes });
      case 'zstd':
        return zstdDecompressSync(data, { maxOutputLength: limitBytes });
      case 'snappy':
        return snappy(data, limitBytes);
      case 'lz4':
        return lz4Frame(data, limitBytes);
    }
  } catch {
    return undefined;
  }
};

/** Bytes that grow up to a limit; both codecs copy from what they have already written. */
class Output {
  private readonly limitBytes: number;
  private bytes: Buffer;
  length = 0;

  constructor(limitBytes: number, firstBytes: number) {
    this.limitBytes = limitBytes;
    this.bytes = Buffer.allocUnsafe(Math.min(limitBytes, Math.max(64, firstBytes)));
  }

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed > this.limitBytes) throw new RangeError('the output passes its limit');
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.min(this.limitBytes, Math.max(needed, this.bytes.length * 2)));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  literal(data: Buffer, from: number, count: number): void {
    if (from + count > data.length) throw new RangeError('a literal passes the end of the input');
    this.reserve(count);
    data.copy(this.bytes, this.length, from, from + count);
    this.length += count;
  }

  /** From `distance` back; a copy may overlap itself, then it repeats. */
  copy(distance: number, count: number): void {
    if (distance <= 0 || distance > this.length) throw new RangeError('a copy reaches before the output');
    this.reserve(count);
    for (let index = 0; index < count; index++) {
      this.bytes[this.length + index] = this.bytes[this.length + index - distance] as number;
    }
    this.length += count;
  }

  done(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

/** Kafka's snappy is the Java library's stream of blocks; some clients write one bare block. */
function snappy(data: Buffer, limitBytes: number): Buffer {
  const output = new Output(limitBytes, data.length * 3);
  if (data.length < xerialHeaderBytes || !data.subarray(0, xerialMagic.length).equals(xerialMagic)) {
    snappyBlock(data, output);
    return output.done();
  }
  let at = xerialHeaderBytes;
  while (at < data.length) {
    const size = data.readInt32BE(at);
    at += 4;
    if (size < 0 || at + size > data.length) throw new RangeError('a block passes the end of the input');
    snappyBlock(data.subarray(at, at + size), output);
    at += size;
  }
  return output.done();
}

/** Source: the description of the format in google/snappy. */
function snappyBlock(data: Buffer, output: Output): void {
  let at = 0;
  // The length of the output comes first; the output itself says it again.
  while ((data.readUInt8(at++) & 0x80) !== 0);
  while (at < data.length) {
    const tag = data.readUInt8(at++);
    const kind = tag & 3;
    if (kind === 0) {
      let count = (tag >> 2) + 1;
      if (count > 60) {
        const bytes = count - 60;
        count = data.readUIntLE(at, bytes) + 1;
        at += bytes;
      }
      output.literal(data, at, count);
      at += count;
    } else if (kind === 1) {
      output.copy(((tag >> 5) << 8) | data.readUInt8(at++), ((tag >> 2) & 7) + 4);
    } else {
      const bytes = kind === 2 ? 2 : 4;
      output.copy(data.readUIntLE(at, bytes), (tag >> 2) + 1);
      at += bytes;
    }
  }
}

const lz4Magic = 0x184d2204;

/** Source: the description of the frame and block formats in lz4/lz4. Checksums are left to the batch's own. */
function lz4Frame(data: Buffer, limitBytes: number): Buffer {
  const output = new Output(limitBytes, data.length * 3);
  if (data.readUInt32LE(0) !== lz4Magic) throw new RangeError('not an lz4 frame');
  const flags = data.readUInt8(4);
  const hasBlockChecksum = (flags & 0x10) !== 0;
  const hasContentSize = (flags & 0x08) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  let at = 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  for (;;) {
    const word = data.readUInt32LE(at);
    at += 4;
    if (word === 0) return output.done();
    const size = word & 0x7fffffff;
    if (at + size > data.length) throw new RangeError('a block passes the end of the input');
    if ((word & 0x80000000) !== 0) output.literal(data, at, size);
    else lz4Block(data.subarray(at, at + size), output);
    at += size + (hasBlockChecksum ? 4 : 0);
  }
}

function lz4Block(data: Buffer, output: Output): void {
  let at = 0;
  const extended = (nibble: number): number => {
    let count = nibble;
    if (nibble !== 15) return count;
    let byte = 255;
    while (byte === 255) {
      byte = data.readUInt8(at++);
      count += byte;
    }
    return count;
  };
  while (at < data.length) {
    const token = data.readUInt8(at++);
    const literal = extended(token >> 4);
    output.literal(data, at, literal);
    at += literal;
    if (at >= data.length) return;
    const distance = data.readUInt16LE(at);
    at += 2;
    output.copy(distance, extended(token & 15) + 4);
  }
}
