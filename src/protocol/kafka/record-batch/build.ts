import { assert } from '../../../base/index.ts';
import { Writer } from '../wire/writer.ts';
import { batchOverheadBytes, type Compression, sealBatch } from './batch.ts';
import type { RecordHeader } from './records.ts';

export type RecordToWrite = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly RecordHeader[];
  readonly timestampMs: number;
  /** Offset minus the batch's base offset; absent: one more than the record before (0 for the first). */
  readonly offsetDelta?: number;
};

export type BatchToWrite = {
  readonly records: readonly RecordToWrite[];
  readonly baseOffset?: number;
  readonly partitionLeaderEpoch?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  readonly isLogAppendTime?: boolean;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  /** Absent: the last record's. A compacted batch keeps the one it had. */
  readonly lastOffsetDelta?: number;
  /** Absent: the largest of the records. */
  readonly maxTimestampMs?: number;
  /** Time from which compaction may drop the batch's tombstones; takes the place of the base timestamp. */
  readonly deleteHorizonMs?: number;
  readonly compression?: { readonly codec: Exclude<Compression, 'none'>; readonly compress: (plain: Buffer) => Buffer };
};

/** A batch of magic 2. Records must come with ascending offset deltas. */
export function buildBatch(input: BatchToWrite): Buffer {
  const { records } = input;
  const baseTimestamp = input.deleteHorizonMs ?? records[0]?.timestampMs ?? -1;
  const writer = new Writer(Math.max(512, records.length * 64));
  let delta = -1;
  let maxTimestamp = -1;
  for (const record of records) {
    const next = record.offsetDelta ?? delta + 1;
    assert(next > delta, 'records of a batch have ascending offset deltas');
    delta = next;
    if (record.timestampMs > maxTimestamp) maxTimestamp = record.timestampMs;
    writeRecord(writer, record, record.timestampMs - baseTimestamp, delta);
  }
  const plain = writer.finishContiguous();
  const body = input.compression === undefined ? plain : input.compression.compress(plain);
  const batch = Buffer.allocUnsafe(batchOverheadBytes + body.length);
  body.copy(batch, batchOverheadBytes);
  sealBatch(batch, {
    baseOffset: input.baseOffset ?? 0,
    partitionLeaderEpoch: input.partitionLeaderEpoch ?? -1,
    compression: input.compression?.codec ?? 'none',
    isLogAppendTime: input.isLogAppendTime ?? false,
    isTransactional: input.isTransactional ?? false,
    isControl: input.isControl ?? false,
    hasDeleteHorizon: input.deleteHorizonMs !== undefined,
    lastOffsetDelta: input.lastOffsetDelta ?? Math.max(delta, 0),
    baseTimestamp,
    maxTimestamp: input.maxTimestampMs ?? maxTimestamp,
    producerId: input.producerId ?? -1,
    producerEpoch: input.producerEpoch ?? -1,
    baseSequence: input.baseSequence ?? -1,
    recordCount: records.length,
  });
  return batch;
}

function writeRecord(target: Writer, record: RecordToWrite, timestampDelta: number, offsetDelta: number): void {
  const writer = new Writer(64);
  writer.int8(0);
  writer.varlong(timestampDelta);
  writer.varint(offsetDelta);
  writeNullable(writer, record.key);
  writeNullable(writer, record.value);
  const headers = record.headers ?? [];
  writer.varint(headers.length);
  for (const header of headers) {
    const key = Buffer.from(header.key, 'utf8');
    writer.varint(key.length);
    writer.append(key);
    writeNullable(writer, header.value);
  }
  target.varint(writer.size);
  for (const part of writer.finish()) target.append(part);
}

function writeNullable(writer: Writer, value: Buffer | null): void {
  writer.varint(value === null ? -1 : value.length);
  if (value !== null) writer.append(value);
}
