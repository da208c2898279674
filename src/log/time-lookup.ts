import { batchAt, recordsOf } from '../protocol/kafka/index.ts';
import type { BatchHeader } from './batch.ts';
import { decompress } from './decompress.ts';
import type { Segment } from './segment.ts';

export type OffsetAtTime = { readonly offset: number; readonly timestamp: number };

/** A batch that was found, copied out of the walk's slab; its records are looked at afterwards. */
type FoundBatch = { readonly header: BatchHeader; readonly bytes: Buffer };

/**
 * First record at or after `timestamp`, at or after `startOffset` and below `endOffset`: the first segment whose greatest
 * timestamp reaches it, there the first batch, there the first record.
 *
 * Source: LogSegment.findOffsetByTimestamp.
 */
export async function offsetOfTime(
  segments: readonly Segment[],
  timestamp: number,
  startOffset: number,
  endOffset: number,
): Promise<OffsetAtTime | undefined> {
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (segment.maxTimestamp < timestamp || (next !== undefined && next.baseOffset <= startOffset)) continue;
    if (segment.baseOffset >= endOffset) break;
    const from = Math.max(segment.indexes().times.offsetBefore(timestamp), startOffset);
    const matches = (header: BatchHeader): boolean =>
      header.lastOffset >= startOffset && header.maxTimestamp >= timestamp;
    const batch = await findBatch(segment, from, endOffset, matches);
    if (next !== undefined) segment.forgetIndexes();
    if (batch === undefined) continue;
    const record = recordTimes(batch).find(
      (each) => each.timestamp >= timestamp && each.offset >= startOffset && each.offset < endOffset,
    );
    if (record !== undefined) return record;
  }
  return undefined;
}

export async function offsetOfGreatestTime(
  segments: readonly Segment[],
  startOffset: number,
  endOffset: number,
): Promise<OffsetAtTime | undefined> {
  let best: Segment | undefined;
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next !== undefined && next.baseOffset <= startOffset) continue;
    if (segment.maxTimestamp >= 0 && (best === undefined || segment.maxTimestamp > best.maxTimestamp)) best = segment;
  }
  if (best === undefined) return undefined;
  const { maxTimestamp, maxTimestampOffset } = best;
  const batch = await findBatch(
    best,
    maxTimestampOffset,
    endOffset,
    (header) => header.lastOffset >= startOffset && header.maxTimestamp >= maxTimestamp,
  );
  if (batch === undefined) return undefined;
  return recordTimes(batch).find((each) => each.timestamp >= maxTimestamp && each.offset < endOffset);
}

async function findBatch(
  segment: Segment,
  fromOffset: number,
  endOffset: number,
  matches: (header: BatchHeader) => boolean,
): Promise<FoundBatch | undefined> {
  let found: { header: BatchHeader; position: number } | undefined;
  segment.walkFrom(fromOffset, (header, position) => {
    if (header.baseOffset >= endOffset) return false;
    if (!matches(header)) return undefined;
    found = { header, position };
    return false;
  });
  if (found === undefined) return undefined;
  const bytes = Buffer.allocUnsafeSlow(found.header.sizeBytes);
  await segment.read(bytes, found.position);
  return { header: found.header, bytes };
}

/** Offsets and times of a batch's records; of a batch that cannot be opened, its first offset and greatest time. */
function recordTimes({ header, bytes }: FoundBatch): readonly OffsetAtTime[] {
  const batch = batchAt(bytes);
  const records = batch.ok ? recordsOf(batch.value, decompress) : undefined;
  if (records === undefined || !records.ok) return [{ offset: header.baseOffset, timestamp: header.maxTimestamp }];
  return records.value.map((each) => ({ offset: each.offset, timestamp: each.timestampMs }));
}
