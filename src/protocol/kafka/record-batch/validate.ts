import { failure, type Result, success } from '../../../base/index.ts';
import { errorCode } from '../error-codes.ts';
import { type BatchProblem, batchAt, type RecordBatch } from './batch.ts';
import { type Decompress, recordsOf } from './records.ts';

/** What the topic allows, and what the request's version allows. */
export type ProduceRules = {
  /** `max.message.bytes` */
  readonly maxBatchBytes: number;
  /** zstd may be sent with Produce 7 and later only. */
  readonly isZstdAllowed: boolean;
  /** A compacted topic: every record must have a key. Decompresses. */
  readonly areKeysRequired: boolean;
  /** `message.timestamp.before.max.ms` and `message.timestamp.after.max.ms`; absent: any time. Not looked at with LogAppendTime. */
  readonly timestamps?: { readonly nowMs: number; readonly beforeMaxMs: number; readonly afterMaxMs: number };
};

export type ProduceProblem = {
  /** The wire's error code. */
  readonly code: number;
  readonly sentence: string;
  /** Positions of the records that are wrong, where one can say. */
  readonly recordIndexes?: readonly number[];
};

/**
 * What a broker checks of the records that a client sends for one partition: exactly one batch, of magic 2, whole, with a
 * right CRC and counts that fit, no control batch. The records themselves stay closed unless keys are required or the
 * timestamps must be looked at one by one. Source: LogValidator.java, UnifiedLog.scala.
 *
 * @param decompress  used only where records must be opened
 */
export function validateProduced(
  records: Buffer,
  rules: ProduceRules,
  decompress: Decompress,
): Result<RecordBatch, ProduceProblem> {
  const found = batchAt(records);
  if (!found.ok) return failure({ code: codeOf(found.problem.kind), sentence: found.problem.sentence });
  const batch = found.value;
  if (batch.sizeBytes !== records.length) {
    const next = batchAt(records, batch.sizeBytes);
    return next.ok
      ? problem(errorCode.INVALID_RECORD, 'a partition of a Produce request has more than one batch')
      : problem(codeOf(next.problem.kind), `after the first batch: ${next.problem.sentence}`);
  }
  if (batch.sizeBytes > rules.maxBatchBytes) {
    return problem(
      errorCode.MESSAGE_TOO_LARGE,
      `a batch of ${batch.sizeBytes} bytes is larger than max.message.bytes, ${rules.maxBatchBytes}`,
    );
  }
  if (!batch.isCrcValid) return problem(errorCode.CORRUPT_MESSAGE, 'the CRC of a batch is wrong');
  if (batch.isControl) return problem(errorCode.INVALID_RECORD, 'clients may not write control batches');
  const { recordCount } = batch;
  if (recordCount <= 0 || batch.lastOffsetDelta !== recordCount - 1) {
    return problem(
      errorCode.INVALID_RECORD,
      `a batch has ${recordCount} records and a last offset delta of ${batch.lastOffsetDelta}`,
    );
  }
  if (batch.producerId >= 0 && batch.baseSequence < 0) {
    return problem(errorCode.INVALID_RECORD, `a batch of producer ${batch.producerId} has no sequence`);
  }
  if (batch.isTransactional && batch.producerId < 0) {
    return problem(errorCode.INVALID_RECORD, 'a transactional batch has no producer id');
  }
  const compression = batch.compression;
  if (compression === undefined) {
    return problem(errorCode.UNSUPPORTED_COMPRESSION_TYPE, `a batch has codec ${batch.attributes & 7}`);
  }
  if (compression === 'zstd' && !rules.isZstdAllowed) {
    return problem(errorCode.UNSUPPORTED_COMPRESSION_TYPE, 'zstd needs Produce version 7');
  }
  return checkTimestamps(batch, rules) ?? checkKeys(batch, rules, decompress) ?? success(batch);
}

function checkTimestamps(batch: RecordBatch, { timestamps }: ProduceRules): Result<never, ProduceProblem> | undefined {
  if (timestamps === undefined) return undefined;
  const { nowMs, beforeMaxMs, afterMaxMs } = timestamps;
  // The base timestamp is the first record's; without opening the records it stands for the oldest.
  const oldest = batch.baseTimestamp;
  const newest = batch.maxTimestamp;
  const isTooOld = oldest !== -1 && nowMs - oldest > beforeMaxMs;
  const isTooNew = newest !== -1 && newest - nowMs > afterMaxMs;
  if (!isTooOld && !isTooNew) return undefined;
  return problem(
    errorCode.INVALID_TIMESTAMP,
    `timestamp ${isTooOld ? oldest : newest} is not within ${beforeMaxMs} ms before and ${afterMaxMs} ms after ${nowMs}`,
  );
}

function checkKeys(
  batch: RecordBatch,
  rules: ProduceRules,
  decompress: Decompress,
): Result<never, ProduceProblem> | undefined {
  if (!rules.areKeysRequired) return undefined;
  const records = recordsOf(batch, decompress);
  if (!records.ok) return problem(errorCode.CORRUPT_MESSAGE, records.problem.sentence);
  const without = records.value.flatMap((record, index) => (record.key === null ? [index] : []));
  if (without.length === 0) return undefined;
  return failure({
    code: errorCode.INVALID_RECORD,
    sentence: 'a compacted topic takes only records with a key',
    recordIndexes: without,
  });
}

const problem = (code: number, sentence: string): Result<never, ProduceProblem> => failure({ code, sentence });

function codeOf(kind: BatchProblem['kind']): number {
  switch (kind) {
    case 'oldMagic':
      return errorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT;
    case 'badMagic':
      return errorCode.INVALID_RECORD;
    case 'truncated':
    case 'badLength':
      return errorCode.CORRUPT_MESSAGE;
  }
}
