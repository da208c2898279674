import type { LogConfig } from './config.ts';

/** What retention looks at in a segment. */
export type RetainedSegment = {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  readonly maxTimestamp: number;
  readonly createdMs: number;
};

/**
 * How many of the oldest segments may go. A segment goes if everything in it is older than `retention.ms`, or if the
 * log without it is still at least `retention.bytes`, or if it ends before the start of the log; never beyond
 * `limitOffset`, and an empty last segment never.
 *
 * Source: UnifiedLog.deleteOldSegments.
 */
export function deletableSegments(
  segments: readonly RetainedSegment[],
  config: LogConfig,
  log: {
    readonly nowMs: number;
    readonly limitOffset: number;
    readonly logStartOffset: number;
    readonly logEndOffset: number;
  },
): number {
  let totalBytes = 0;
  for (const segment of segments) totalBytes += segment.sizeBytes;
  let count = 0;
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    const endOffset = isLast ? log.logEndOffset : (segments[index + 1] as RetainedSegment).baseOffset;
    if (endOffset > log.limitOffset || (isLast && segment.sizeBytes === 0)) break;
    const isBeforeStart = !isLast && endOffset <= log.logStartOffset;
    // A log that only compacts keeps its records whatever their age.
    const reachedMs = segment.maxTimestamp >= 0 ? segment.maxTimestamp : segment.createdMs;
    const isTooOld = config.deletes && config.retentionMs >= 0 && log.nowMs - reachedMs > config.retentionMs;
    const isTooMuch =
      config.deletes && config.retentionBytes >= 0 && totalBytes - segment.sizeBytes >= config.retentionBytes;
    if (!isBeforeStart && !isTooOld && !isTooMuch) break;
    totalBytes -= segment.sizeBytes;
    count++;
  }
  return count;
}
