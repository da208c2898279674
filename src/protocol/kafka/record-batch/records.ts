import { failure, type Result } from '../../../base/index.ts';
import { caught } from '../schema/message.ts';
import { type Malformed, MalformedError } from '../wire/malformed.ts';
import { Reader } from '../wire/reader.ts';
import type { Compression, RecordBatch } from './batch.ts';

/** `key` and `value` are views of the batch, or of what it was decompressed to. */
export type KafkaRecord = {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
};

export type RecordHeader = { readonly key: string; readonly value: Buffer | null };

/**
 * Undoes a compression. Must stop at `limitBytes` of output and must not trust the input.
 *
 * @returns undefined when the bytes are not of that codec or the output would pass the limit
 */
export type Decompress = (
  compression: Exclude<Compression, 'none'>,
  data: Buffer,
  limitBytes: number,
) => Buffer | undefined;

/** Records of one batch are refused when they decompress to more than this. */
export const decompressedLimitBytes = 128 * 1024 * 1024;

const smallestRecordBytes = 7;
const smallestHeaderBytes = 2;

/**
 * All records of a batch. Checks that the offset deltas are within the batch and ascend, and that nothing is left over.
 * A batch emptied by compaction has none.
 */
export function recordsOf(
  batch: RecordBatch,
  decompress: Decompress,
  limitBytes: number = decompressedLimitBytes,
): Result<KafkaRecord[], Malformed> {
  const compression = batch.compression;
  if (compression === undefined) return malformed(`a batch has codec ${batch.attributes & 7}`);
  let data = batch.recordBytes;
  if (compression !== 'none' && batch.recordCount !== 0) {
    const plain = decompress(compression, data, limitBytes);
    if (plain === undefined) return malformed(`records of a batch are not ${compression}, or pass ${limitBytes} bytes`);
    data = plain;
  }
  return caught(() => readRecords(batch, data));
}

const malformed = (sentence: string): Result<never, Malformed> => failure({ kind: 'malformed', sentence, offset: 0 });

function readRecords(batch: RecordBatch, data: Buffer): KafkaRecord[] {
  const reader = new Reader(data);
  const count = batch.recordCount;
  if (count < 0 || count * smallestRecordBytes > data.length) {
    throw new MalformedError(`a batch says it has ${count} records in ${data.length} bytes`, 0);
  }
  const { baseOffset, baseTimestamp, maxTimestamp, isLogAppendTime, lastOffsetDelta } = batch;
  const list: KafkaRecord[] = [];
  let lastDelta = -1;
  for (let index = 0; index < count; index++) {
    const size = reader.varint();
    if (size < smallestRecordBytes - 1 || size > reader.remaining) {
      throw new MalformedError(`a record says it has ${size} bytes`, reader.offset);
    }
    const end = reader.offset + size;
    reader.int8();
    const timestampDelta = reader.varlong();
    const delta = reader.varint();
    if (delta <= lastDelta || delta > lastOffsetDelta) {
      throw new MalformedError(
        `offset delta ${delta} follows ${lastDelta} in a batch up to ${lastOffsetDelta}`,
        reader.offset,
      );
    }
    lastDelta = delta;
    const key = nullableSlice(reader);
    const value = nullableSlice(reader);
    const headers = readHeaders(reader);
    if (reader.offset !== end) throw new MalformedError('a record is not as long as it says', reader.offset);
    list.push({
      offset: baseOffset + delta,
      timestampMs: isLogAppendTime ? maxTimestamp : baseTimestamp + timestampDelta,
      key,
      value,
      headers,
    });
  }
  if (reader.remaining > 0) throw new MalformedError(`${reader.remaining} bytes follow the last record`, reader.offset);
  return list;
}

const noHeaders: readonly RecordHeader[] = [];

function readHeaders(reader: Reader): readonly RecordHeader[] {
  const count = reader.varint();
  if (count === 0) return noHeaders;
  if (count < 0 || count * smallestHeaderBytes > reader.remaining) {
    throw new MalformedError(`a record says it has ${count} headers`, reader.offset);
  }
  const headers: RecordHeader[] = [];
  for (let index = 0; index < count; index++) {
    const key = reader.slice(reader.varint()).toString('utf8');
    headers.push({ key, value: nullableSlice(reader) });
  }
  return headers;
}

function nullableSlice(reader: Reader): Buffer | null {
  const length = reader.varint();
  return length === -1 ? null : reader.slice(length);
}
