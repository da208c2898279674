import { baseOffsetAt, batchHeaderBytes, batchSizeAt, checkBatch, lastOffsetAt } from './batch.ts';
import { LogDamage } from './problems.ts';
import type { Segment } from './segment.ts';

/** The index leads to within about this many bytes before the wanted batch. */
const indexSlackBytes = 16 * 1024;
const readMaxBytes = 4 << 20;

export type Wanted = {
  readonly offset: number;
  /** Batches that begin at or beyond it are left out. */
  readonly endOffset: number;
  readonly maxBytes: number;
};

/** What a read has found: whole batches, and where in the file the batch after them begins. */
export type ReadBatches = { readonly buffers: readonly Buffer[]; readonly nextPosition: number };

/** A stretch of the file to look at next. */
type Stretch = { readonly position: number; readonly sizeBytes: number };
type Looked = { readonly done: ReadBatches } | { readonly next: Stretch };

const nothing = (position: number): Looked => ({ done: { buffers: [], nextPosition: position } });

/**
 * Whole batches of one segment from the one that contains `offset` (or the next after it). Usually one read: from the
 * position that is known, as much as was asked for.
 *
 * @param position  where a batch begins at or before the wanted one; `isExact`: it is the wanted one
 * @throws LogDamage if bytes are not what was written
 */
export function readSync(segment: Segment, wanted: Wanted, position: number, isExact: boolean): ReadBatches {
  let looked = first(segment, wanted, position, isExact);
  while ('next' in looked) {
    const slab = Buffer.allocUnsafeSlow(looked.next.sizeBytes);
    const filled = segment.open().readSync(slab, looked.next.position);
    looked = look(segment, wanted, slab, filled, looked.next);
  }
  return looked.done;
}

/** As `readSync`, off the loop: for what may not be in the page cache. */
export async function readAsync(
  segment: Segment,
  wanted: Wanted,
  position: number,
  isExact: boolean,
): Promise<ReadBatches> {
  let looked = first(segment, wanted, position, isExact);
  while ('next' in looked) {
    const slab = Buffer.allocUnsafeSlow(looked.next.sizeBytes);
    const filled = await segment.read(slab, looked.next.position);
    looked = look(segment, wanted, slab, filled, looked.next);
  }
  return looked.done;
}

function first(segment: Segment, { maxBytes }: Wanted, position: number, isExact: boolean): Looked {
  const want = Math.max(batchHeaderBytes, Math.min(maxBytes, readMaxBytes)) + (isExact ? 0 : indexSlackBytes);
  const sizeBytes = Math.min(want, segment.writtenBytes - position);
  return sizeBytes < batchHeaderBytes ? nothing(position) : { next: { position, sizeBytes } };
}

function look(
  segment: Segment,
  { offset, endOffset, maxBytes }: Wanted,
  slab: Buffer,
  filled: number,
  { position, sizeBytes }: Stretch,
): Looked {
  const end = segment.writtenBytes;
  const buffers: Buffer[] = [];
  let bytes = 0;
  let at = 0;
  const done = (): Looked => ({ done: { buffers, nextPosition: position + at } });
  while (filled - at >= batchHeaderBytes) {
    const batchBytes = batchSizeAt(slab, at);
    if (batchBytes < batchHeaderBytes || batchBytes > end - position - at)
      throw damage(segment, position + at, 'a length that cannot be');
    if (lastOffsetAt(slab, at) < offset) {
      at += batchBytes;
      continue;
    }
    if (baseOffsetAt(slab, at) >= endOffset) return done();
    if (buffers.length > 0 && bytes + batchBytes > maxBytes) return done();
    if (batchBytes > filled - at) break;
    const checked = checkBatch(slab, at, filled);
    if (!checked.ok) {
      // What lies before the damage is good; the reader meets the error when it comes to it.
      if (buffers.length > 0) return done();
      throw damage(segment, position + at, checked.problem);
    }
    buffers.push(slab.subarray(at, at + batchBytes));
    bytes += batchBytes;
    at += batchBytes;
  }
  if (buffers.length > 0 || filled < sizeBytes) return done();
  // No whole batch yet: go on where this one begins, with room for it.
  const next = position + at;
  const room = filled - at >= batchHeaderBytes ? batchSizeAt(slab, at) : sizeBytes;
  const left = Math.min(Math.max(room, sizeBytes), end - next);
  return left < batchHeaderBytes ? nothing(next) : { next: { position: next, sizeBytes: left } };
}

const damage = (segment: Segment, position: number, what: string): LogDamage =>
  new LogDamage(`${segment.pathOf('.log')}, byte ${position}: ${what}`);
