import { crc32c } from '@node-rs/crc32';
import { failure, type Result, success } from '../../../base/index.ts';

/**
 * Layout of a record batch of magic 2, from its first byte:
 *
 *    0 baseOffset i64 | 8 batchLength i32 | 12 partitionLeaderEpoch i32 | 16 magic i8 | 17 crc u32 | 21 attributes i16
 *   23 lastOffsetDelta i32 | 27 baseTimestamp i64 | 35 maxTimestamp i64 | 43 producerId i64 | 51 producerEpoch i16
 *   53 baseSequence i32 | 57 recordCount i32 | 61 records
 *
 * `batchLength` counts what comes after it. The CRC-32C covers everything from the attributes on, so the base offset and
 * the leader epoch may be changed in place. Source: DefaultRecordBatch.java.
 */
const at = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

/** Bytes of a batch without its records. */
export const batchOverheadBytes = at.records;
/** Bytes from which the size of a batch is known. */
export const batchPrefixBytes = at.leaderEpoch;

export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

const compressionMask = 0x07;
const logAppendTimeBit = 0x08;
const transactionalBit = 0x10;
const controlBit = 0x20;
const deleteHorizonBit = 0x40;

/** Why bytes are not a batch. `truncated`: they end before it does. */
export type BatchProblem = {
  readonly kind: 'truncated' | 'badLength' | 'oldMagic' | 'badMagic';
  readonly sentence: string;
};

/**
 * A batch where it lies in a buffer: nothing is copied, and what the two setters change is changed in that buffer.
 * int64 fields become numbers, see `Reader`.
 */
export class RecordBatch {
  readonly buffer: Buffer;
  /** Where the batch begins in the buffer. */
  readonly start: number;

  /** Use `batchAt`, which looks first. */
  constructor(buffer: Buffer, start: number) {
    this.buffer = buffer;
    this.start = start;
  }

  /** The whole batch, with its offset and length. */
  get sizeBytes(): number {
    return batchPrefixBytes + this.buffer.readInt32BE(this.start + at.length);
  }

  /** The batch alone, same memory. */
  get bytes(): Buffer {
    return this.buffer.subarray(this.start, this.start + this.sizeBytes);
  }

  /** The records section, compressed or not, same memory. */
  get recordBytes(): Buffer {
    return this.buffer.subarray(this.start + at.records, this.start + this.sizeBytes);
  }

  get baseOffset(): number {
    return int64At(this.buffer, this.start + at.baseOffset);
  }

  set baseOffset(value: number) {
    writeInt64At(this.buffer, this.start + at.baseOffset, value);
  }

  get partitionLeaderEpoch(): number {
    return this.buffer.readInt32BE(this.start + at.leaderEpoch);
  }

  set partitionLeaderEpoch(value: number) {
    this.buffer.writeInt32BE(value, this.start + at.leaderEpoch);
  }

  get crc(): number {
    return this.buffer.readUInt32BE(this.start + at.crc);
  }

  get isCrcValid(): boolean {
    return this.crc === this.computeCrc();
  }

  private computeCrc(): number {
    return crc32c(this.buffer.subarray(this.start + at.attributes, this.start + this.sizeBytes));
  }

  get attributes(): number {
    return this.buffer.readInt16BE(this.start + at.attributes);
  }

  /** Undefined for a codec number that does not exist. */
  get compression(): Compression | undefined {
    return compressions[this.attributes & compressionMask];
  }

  get isLogAppendTime(): boolean {
    return (this.attributes & logAppendTimeBit) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & transactionalBit) !== 0;
  }

  get isControl(): boolean {
    return (this.attributes & controlBit) !== 0;
  }

  /** True: `baseTimestamp` is the time from which compaction may drop the batch's tombstones. */
  get hasDeleteHorizon(): boolean {
    return (this.attributes & deleteHorizonBit) !== 0;
  }

  get lastOffsetDelta(): number {
    return this.buffer.readInt32BE(this.start + at.lastOffsetDelta);
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }

  get nextOffset(): number {
    return this.lastOffset + 1;
  }

  get baseTimestamp(): number {
    return int64At(this.buffer, this.start + at.baseTimestamp);
  }

  get maxTimestamp(): number {
    return int64At(this.buffer, this.start + at.maxTimestamp);
  }

  /** -1: the producer is not idempotent. */
  get producerId(): number {
    return int64At(this.buffer, this.start + at.producerId);
  }

  get producerEpoch(): number {
    return this.buffer.readInt16BE(this.start + at.producerEpoch);
  }

  /** -1: none. */
  get baseSequence(): number {
    return this.buffer.readInt32BE(this.start + at.baseSequence);
  }

  /** Sequences go on at 0 after 2^31 - 1. */
  get lastSequence(): number {
    const base = this.baseSequence;
    return base === -1 ? -1 : (base + this.lastOffsetDelta) % 0x80000000;
  }

  get recordCount(): number {
    return this.buffer.readInt32BE(this.start + at.recordCount);
  }

  /** Makes the broker's time the time of every record; writes a new CRC. */
  setLogAppendTime(nowMs: number): void {
    this.buffer.writeInt16BE(this.attributes | logAppendTimeBit, this.start + at.attributes);
    writeInt64At(this.buffer, this.start + at.maxTimestamp, nowMs);
    this.buffer.writeUInt32BE(this.computeCrc(), this.start + at.crc);
  }
}

/**
 * The batch that begins at `start`, when all of it is there. Looks at size and magic only; for what a client may send see
 * `validateProduced`.
 */
export function batchAt(buffer: Buffer, start = 0): Result<RecordBatch, BatchProblem> {
  const left = buffer.length - start;
  if (left < batchPrefixBytes) return failure({ kind: 'truncated', sentence: `a batch is cut after ${left} bytes` });
  const size = batchPrefixBytes + buffer.readInt32BE(start + at.length);
  if (left > at.magic) {
    const magic = buffer.readInt8(start + at.magic);
    if (magic === 0 || magic === 1) {
      return failure({
        kind: 'oldMagic',
        sentence: `message sets of magic ${magic} are not supported, only batches of magic 2`,
      });
    }
    if (magic !== 2) return failure({ kind: 'badMagic', sentence: `a batch has magic ${magic}` });
  }
  if (size < batchOverheadBytes) return failure({ kind: 'badLength', sentence: `a batch says it has ${size} bytes` });
  if (left < size) return failure({ kind: 'truncated', sentence: `a batch of ${size} bytes is cut after ${left}` });
  return success(new RecordBatch(buffer, start));
}

/** Size of the batch that begins at `start`, from its first 12 bytes; undefined when they are not there or absurd. */
export function batchSizeAt(buffer: Buffer, start = 0): number | undefined {
  if (buffer.length - start < batchPrefixBytes) return undefined;
  const size = batchPrefixBytes + buffer.readInt32BE(start + at.length);
  return size < batchOverheadBytes ? undefined : size;
}

/** The whole batches at the beginning of `buffer`; what comes after the last one (a cut batch, rubbish) is left out. */
export function* wholeBatches(buffer: Buffer): Generator<RecordBatch, void, undefined> {
  let start = 0;
  for (;;) {
    const batch = batchAt(buffer, start);
    if (!batch.ok) return;
    yield batch.value;
    start += batch.value.sizeBytes;
  }
}

export function int64At(buffer: Buffer, start: number): number {
  return buffer.readInt32BE(start) * 4294967296 + buffer.readUInt32BE(start + 4);
}

export function writeInt64At(buffer: Buffer, start: number, value: number): void {
  const high = Math.floor(value / 4294967296);
  buffer.writeInt32BE(high, start);
  buffer.writeUInt32BE(value - high * 4294967296, start + 4);
}

export type BatchHeader = {
  readonly baseOffset: number;
  readonly partitionLeaderEpoch: number;
  readonly compression: Compression;
  readonly isLogAppendTime: boolean;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly hasDeleteHorizon: boolean;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
};

/** Writes length, header and CRC around a records section that already lies at `batch[61..]`. */
export function sealBatch(batch: Buffer, header: BatchHeader): void {
  writeInt64At(batch, at.baseOffset, header.baseOffset);
  batch.writeInt32BE(batch.length - batchPrefixBytes, at.length);
  batch.writeInt32BE(header.partitionLeaderEpoch, at.leaderEpoch);
  batch.writeInt8(2, at.magic);
  batch.writeInt16BE(
    compressions.indexOf(header.compression) |
      (header.isLogAppendTime ? logAppendTimeBit : 0) |
      (header.isTransactional ? transactionalBit : 0) |
      (header.isControl ? controlBit : 0) |
      (header.hasDeleteHorizon ? deleteHorizonBit : 0),
    at.attributes,
  );
  batch.writeInt32BE(header.lastOffsetDelta, at.lastOffsetDelta);
  writeInt64At(batch, at.baseTimestamp, header.baseTimestamp);
  writeInt64At(batch, at.maxTimestamp, header.maxTimestamp);
  writeInt64At(batch, at.producerId, header.producerId);
  batch.writeInt16BE(header.producerEpoch, at.producerEpoch);
  batch.writeInt32BE(header.baseSequence, at.baseSequence);
  batch.writeInt32BE(header.recordCount, at.recordCount);
  batch.writeUInt32BE(crc32c(batch.subarray(at.attributes)), at.crc);
}
