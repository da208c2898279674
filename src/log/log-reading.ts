import { baseOffsetAt, batchHeaderBytes, batchSizeAt, checkBatch, lastOffsetAt } from './batch.ts';
import { LogDamage } from './problems.ts';
import type { Segment } from './segment.ts';

/** The index leads to within about this many bytes before the wanted batch. */
const indexSlackBytes = 16 * 1024;
const readMaxBytes = 4 << 20;

/**
 * Whole batches of one segment from the one that contains `offset` (or the next after it), below `endOffset`.
 * Usually one read: from the index entry's position, as much as was asked for and the index's slack.
 *
 * @returns nothing if the segment has no batch at or after `offset`
 * @throws LogDamage if bytes are not what was written
 */
export async function readSegment(
  segment: Segment,
  offset: number,
  endOffset: number,
  maxBytes: number,
): Promise<readonly Buffer[]> {
  let position = segment.indexes().offsets.positionFor(offset);
  let want = Math.min(maxBytes, readMaxBytes) + indexSlackBytes;
  const found: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const end = segment.writtenBytes;
    const size = Math.min(want, end - position);
    if (size < batchHeaderBytes) return found;
    const slab = Buffer.allocUnsafeSlow(size);
    const filled = await segment.read(slab, position);
    let at = 0;
    while (filled - at >= batchHeaderBytes) {
      const sizeBytes = batchSizeAt(slab, at);
      if (sizeBytes < batchHeaderBytes || sizeBytes > end - position - at)
        throw damage(segment, position + at, 'a length that cannot be');
      if (sizeBytes > filled - at) break;
      if (lastOffsetAt(slab, at) < offset) {
        at += sizeBytes;
        continue;
      }
      if (baseOffsetAt(slab, at) >= endOffset) return found;
      if (found.length > 0 && bytes + sizeBytes > maxBytes) return found;
      const checked = checkBatch(slab, at, filled);
      if (!checked.ok) {
        // What lies before the damage is good; the reader meets the error when it comes to it.
        if (found.length > 0) return found;
        throw damage(segment, position + at, checked.problem);
      }
      found.push(slab.subarray(at, at + sizeBytes));
      bytes += sizeBytes;
      at += sizeBytes;
    }
    if (found.length > 0 || filled < size) return found;
    position += at;
    want = Math.max(want, filled - at >= batchHeaderBytes ? batchSizeAt(slab, at) : 0);
  }
}

const damage = (segment: Segment, position: number, what: string): LogDamage =>
  new LogDamage(`${segment.pathOf('.log')}, byte ${position}: ${what}`);
