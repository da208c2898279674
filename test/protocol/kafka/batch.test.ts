import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BatchToWrite,
  batchAt,
  batchSizeAt,
  buildBatch,
  buildTransactionMarker,
  controlTypeOf,
  coordinatorEpochOf,
  type Decompress,
  errorCode,
  type ProduceRules,
  type RecordBatch,
  recordsOf,
  validateProduced,
  wholeBatches,
} from '../../../src/protocol/kafka/index.ts';

const decompress: Decompress = (codec, data, limit) => {
  if (codec !== 'gzip') return undefined;
  try {
    return gunzipSync(data, { maxOutputLength: limit });
  } catch {
    return undefined;
  }
};
const rules: ProduceRules = { maxBatchBytes: 1_000_000, isZstdAllowed: true, areKeysRequired: false };

function viewOf(bytes: Buffer): RecordBatch {
  const found = batchAt(bytes);
  if (!found.ok) throw new Error(found.problem.sentence);
  return found.value;
}

const some = (input: Partial<BatchToWrite> = {}): Buffer =>
  buildBatch({
    records: [
      { key: Buffer.from('a'), value: Buffer.from('1'), timestampMs: 1000 },
      { key: null, value: Buffer.from('2'), timestampMs: 1500, headers: [{ key: 'h', value: null }] },
      { key: Buffer.from('c'), value: null, timestampMs: 900 },
    ],
    ...input,
  });

test('a batch reads back what was built', () => {
  const batch = viewOf(some({ baseOffset: 2 ** 40, producerId: 9, producerEpoch: 2, baseSequence: 0x7ffffffe }));
  expect(batch.isCrcValid).toBe(true);
  expect(batch.baseOffset).toBe(2 ** 40);
  expect(batch.lastOffset).toBe(2 ** 40 + 2);
  expect(batch.maxTimestamp).toBe(1500);
  expect(batch.producerId).toBe(9);
  expect(batch.lastSequence).toBe(0);
  const records = recordsOf(batch, decompress);
  expect(
    records.ok &&
      records.value.map(({ key, value, timestampMs, offset }) => [String(key), String(value), timestampMs, offset]),
  ).toEqual([
    ['a', '1', 1000, 2 ** 40],
    ['null', '2', 1500, 2 ** 40 + 1],
    ['c', 'null', 900, 2 ** 40 + 2],
  ]);
  expect(records.ok && records.value[1]?.headers).toEqual([{ key: 'h', value: null }]);
});

test('offset and leader epoch change in place and leave the CRC right', () => {
  const bytes = some();
  const batch = viewOf(bytes);
  const { crc } = batch;
  batch.baseOffset = 123_456_789_012;
  batch.partitionLeaderEpoch = 7;
  expect(bytes.readBigInt64BE(0)).toBe(123_456_789_012n);
  expect(batch.partitionLeaderEpoch).toBe(7);
  expect(batch.crc).toBe(crc);
  expect(batch.isCrcValid).toBe(true);
});

test('log append time becomes the time of every record, under a new CRC', () => {
  const batch = viewOf(some());
  batch.setLogAppendTime(5000);
  expect(batch.isCrcValid).toBe(true);
  const records = recordsOf(batch, decompress);
  expect(records.ok && records.value.map((record) => record.timestampMs)).toEqual([5000, 5000, 5000]);
});

test('compressed records are opened through the codec that is given', () => {
  const batch = viewOf(some({ compression: { codec: 'gzip', compress: (plain) => gzipSync(plain) } }));
  expect(batch.compression).toBe('gzip');
  const records = recordsOf(batch, decompress);
  expect(records.ok && records.value.length).toBe(3);
  expect(recordsOf(batch, decompress, 10).ok).toBe(false);
});

test('whole batches are found up to the first that is cut', () => {
  const bytes = Buffer.concat([some(), some({ baseOffset: 3 }), some().subarray(0, 70)]);
  expect([...wholeBatches(bytes)].map((batch) => batch.baseOffset)).toEqual([0, 3]);
  expect(batchSizeAt(bytes)).toBe(some().length);
  expect(batchAt(bytes, 2 * some().length)).toMatchObject({ ok: false, problem: { kind: 'truncated' } });
});

test('a transaction marker carries its outcome and the coordinator epoch', () => {
  const bytes = buildTransactionMarker({
    outcome: 'abort',
    producerId: 5,
    producerEpoch: 1,
    coordinatorEpoch: 33,
    timestampMs: 77,
    partitionLeaderEpoch: 4,
  });
  const batch = viewOf(bytes);
  expect([batch.isControl, batch.isTransactional, batch.producerId, batch.baseSequence]).toEqual([true, true, 5, -1]);
  const records = recordsOf(batch, decompress);
  const [marker] = records.ok ? records.value : [];
  expect(controlTypeOf(marker?.key ?? null)).toBe('abort');
  expect(coordinatorEpochOf(marker?.value ?? null)).toBe(33);
  expect(marker?.value?.length).toBe(6);
});

function codeFor(bytes: Buffer, more: Partial<ProduceRules> = {}): number {
  const result = validateProduced(bytes, { ...rules, ...more }, decompress);
  return result.ok ? errorCode.NONE : result.problem.code;
}

function changed(change: (bytes: Buffer) => void, sealed = true): Buffer {
  const bytes = some();
  change(bytes);
  if (sealed) viewOf(bytes).setLogAppendTime(viewOf(bytes).maxTimestamp);
  return bytes;
}

test('what a client may not send is refused with the code of the protocol', () => {
  expect(codeFor(some())).toBe(errorCode.NONE);
  expect(codeFor(Buffer.alloc(0))).toBe(errorCode.CORRUPT_MESSAGE);
  expect(codeFor(some().subarray(0, 80))).toBe(errorCode.CORRUPT_MESSAGE);
  expect(codeFor(Buffer.concat([some(), some()]))).toBe(errorCode.INVALID_RECORD);
  expect(codeFor(changed((bytes) => bytes.writeInt8(1, 16), false))).toBe(errorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT);
  expect(codeFor(changed((bytes) => bytes.writeInt8(0x7f, 70), false))).toBe(errorCode.CORRUPT_MESSAGE);
  expect(codeFor(changed((bytes) => bytes.writeInt32BE(5, 57)))).toBe(errorCode.INVALID_RECORD);
  expect(codeFor(changed((bytes) => bytes.writeInt16BE(0x20, 21)))).toBe(errorCode.INVALID_RECORD);
  expect(codeFor(changed((bytes) => bytes.writeInt16BE(5, 21)))).toBe(errorCode.UNSUPPORTED_COMPRESSION_TYPE);
  expect(
    codeFor(
      changed((bytes) => bytes.writeInt16BE(4, 21)),
      { isZstdAllowed: false },
    ),
  ).toBe(errorCode.UNSUPPORTED_COMPRESSION_TYPE);
  expect(codeFor(changed((bytes) => bytes.writeBigInt64BE(9n, 43)))).toBe(errorCode.INVALID_RECORD);
  expect(codeFor(some(), { maxBatchBytes: 60 })).toBe(errorCode.MESSAGE_TOO_LARGE);
  expect(codeFor(some(), { timestamps: { nowMs: 1500, beforeMaxMs: 400, afterMaxMs: 9 } })).toBe(
    errorCode.INVALID_TIMESTAMP,
  );
  expect(codeFor(some(), { timestamps: { nowMs: 1200, beforeMaxMs: 9999, afterMaxMs: 200 } })).toBe(
    errorCode.INVALID_TIMESTAMP,
  );
});

test('a compacted topic names the records that have no key', () => {
  const result = validateProduced(some(), { ...rules, areKeysRequired: true }, decompress);
  expect(result).toMatchObject({ ok: false, problem: { code: errorCode.INVALID_RECORD, recordIndexes: [1] } });
});

test('changed bytes never make the reader throw', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(255), fc.boolean(), (at, value, gzip) => {
      const bytes = some(gzip ? { compression: { codec: 'gzip', compress: (plain) => gzipSync(plain) } } : {});
      bytes[at % bytes.length] = value;
      validateProduced(bytes, { ...rules, areKeysRequired: true }, decompress);
      for (const batch of wholeBatches(bytes)) recordsOf(batch, decompress);
    }),
    { numRuns: 2000 },
  );
});
