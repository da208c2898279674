import { crc32c } from '@node-rs/crc32';
import { failure, type Result, success } from '../base/index.ts';

/**
 * A record batch stays opaque bytes from socket to disk to socket. This file knows its header and nothing of the
 * records: where the fields are, whether the bytes are whole, and the two fields that a broker may patch without a
 * new checksum (base offset and leader epoch lie before the checksummed part).
 *
 * ```
 * 0 baseOffset i64 | 8 length i32 (bytes after it) | 12 leaderEpoch i32 | 16 magic i8 | 17 crc u32 | 21 attributes i16
 * 23 lastOffsetDelta i32 | 27 baseTimestamp i64 | 35 maxTimestamp i64 | 43 producerId i64 | 51 producerEpoch i16
 * 53 baseSequence i32 | 57 recordCount i32 | 61 records
 * ```
 * Source: DefaultRecordBatch.java.
 */
export const batchHeaderBytes = 61;
/** Base offset and length: what must be read to know where the next batch starts. */
export const batchPrefixBytes = 12;

const lengthAt = 8;
const leaderEpochAt = 12;
const magicAt = 16;
const crcAt = 17;
const attributesAt = 21;
const maxTimestampAt = 35;

const timestampTypeBit = 0x08;
const transactionalBit = 0x10;
const controlBit = 0x20;
const codecMask = 0x07;

/** What the log needs to know of a batch. Offsets, sequences and times are whole numbers below 2^53. */
export type BatchHeader = {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** Of the whole batch, header included. */
  readonly sizeBytes: number;
  readonly leaderEpoch: number;
  readonly codec: number;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly isLogAppendTime: boolean;
  readonly baseTimestamp: number;
  /** -1: none. */
  readonly maxTimestamp: number;
  /** -1: not from an idempotent producer. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
};

/** The 64-bit integer at `at`, exact below 2^53. Much cheaper than a bigint. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4294967296 + bytes.readUInt32BE(at + 4);
}

export function writeInt64(bytes: Buffer, value: number, at: number): void {
  bytes.writeInt32BE(Math.floor(value / 4294967296), at);
  bytes.writeUInt32BE(value >>> 0, at + 4);
}

/** Bytes of the batch that starts at `at`, header included; the bytes are not checked. */
export const batchSizeAt = (bytes: Buffer, at: number): number => bytes.readInt32BE(at + lengthAt) + batchPrefixBytes;
export const baseOffsetAt = readInt64;
export const lastOffsetAt = (bytes: Buffer, at: number): number => readInt64(bytes, at) + bytes.readInt32BE(at + 23);
export const leaderEpochOf = (bytes: Buffer, at: number): number => bytes.readInt32BE(at + leaderEpochAt);
export const magicOf = (bytes: Buffer, at: number): number => bytes.readInt8(at + magicAt);

/** Reads the header at `at`; at least `batchHeaderBytes` must be there. */
export function batchHeaderAt(bytes: Buffer, at: number): BatchHeader {
  const attributes = bytes.readInt16BE(at + attributesAt);
  const baseOffset = readInt64(bytes, at);
  return {
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + 23),
    sizeBytes: batchSizeAt(bytes, at),
    leaderEpoch: bytes.readInt32BE(at + leaderEpochAt),
    codec: attributes & codecMask,
    isTransactional: (attributes & transactionalBit) !== 0,
    isControl: (attributes & controlBit) !== 0,
    isLogAppendTime: (attributes & timestampTypeBit) !== 0,
    baseTimestamp: readInt64(bytes, at + 27),
    maxTimestamp: readInt64(bytes, at + maxTimestampAt),
    producerId: readInt64(bytes, at + 43),
    producerEpoch: bytes.readInt16BE(at + 51),
    baseSequence: bytes.readInt32BE(at + 53),
    recordCount: bytes.readInt32BE(at + 57),
  };
}

export type BatchProblem =
  /** Fewer bytes than the header or the length says. */
  | 'truncated'
  /** The length is smaller than a header: nothing after it can be trusted. */
  | 'badLength'
  /** Magic 0 or 1 (message sets from before Kafka 0.11) or an unknown one. */
  | 'unsupportedMagic'
  | 'badChecksum';

/** Whether a whole, undamaged batch starts at `at` and ends at or before `end`. */
export function checkBatch(bytes: Buffer, at: number, end: number): Result<BatchHeader, BatchProblem> {
  if (end - at < batchPrefixBytes) return failure('truncated');
  const sizeBytes = batchSizeAt(bytes, at);
  if (sizeBytes < batchHeaderBytes) return failure('badLength');
  if (end - at < sizeBytes) return failure('truncated');
  if (magicOf(bytes, at) !== 2) return failure('unsupportedMagic');
  const crc = crc32c(bytes.subarray(at + attributesAt, at + sizeBytes));
  if (crc !== bytes.readUInt32BE(at + crcAt)) return failure('badChecksum');
  return success(batchHeaderAt(bytes, at));
}

/** Gives the batch its place in the log, in the received bytes themselves. */
export function placeBatch(batch: Buffer, baseOffset: number, leaderEpoch: number): void {
  writeInt64(batch, baseOffset, 0);
  batch.writeInt32BE(leaderEpoch, leaderEpochAt);
}

/** For topics with `message.timestamp.type=LogAppendTime`: all records carry the broker's time, so the checksum is new. */
export function stampLogAppendTime(batch: Buffer, nowMs: number): void {
  batch.writeInt16BE(batch.readInt16BE(attributesAt) | timestampTypeBit, attributesAt);
  writeInt64(batch, nowMs, maxTimestampAt);
  batch.writeUInt32BE(crc32c(batch.subarray(attributesAt)), crcAt);
}
