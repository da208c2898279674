import type { DiskFile } from '../base/index.ts';
import {
  type BatchHeader,
  type BatchProblem,
  batchHeaderAt,
  batchHeaderBytes,
  batchPrefixBytes,
  batchSizeAt,
  checkBatch,
  magicOf,
} from './batch.ts';

/** A read of this size is cheap and holds many batches. */
const slabBytes = 1 << 20;

/** How a walk ended: at the end it was given, stopped by its visitor, or at bytes that are not a whole batch. */
export type WalkEnd = {
  readonly position: number;
  readonly problem: BatchProblem | undefined;
};

/**
 * Visits the batches of a segment's file in order, from a position where one starts.
 *
 * @param checks  `whole`: also the checksums; `headers`: only that each fits
 * @param visit   gets each batch; the bytes are only valid during the call. `false` ends the walk at this batch.
 * @param forgive asked about a batch with a wrong checksum; `true` visits it all the same
 */
export function walkBatches(
  file: DiskFile,
  range: { readonly from: number; readonly end: number },
  checks: 'whole' | 'headers',
  visit: (header: BatchHeader, position: number, slab: Buffer, at: number) => boolean | undefined,
  forgive: (header: BatchHeader) => boolean = () => false,
): WalkEnd {
  let slab = Buffer.allocUnsafeSlow(Math.max(batchHeaderBytes, Math.min(slabBytes, range.end - range.from)));
  let position = range.from;
  while (position < range.end) {
    const filled = file.readSync(slab.subarray(0, Math.min(slab.length, range.end - position)), position);
    let at = 0;
    while (at < filled) {
      if (filled - at < batchHeaderBytes) break;
      const sizeBytes = batchSizeAt(slab, at);
      if (sizeBytes < batchHeaderBytes) return { position: position + at, problem: 'badLength' };
      if (sizeBytes > range.end - position - at) return { position: position + at, problem: 'truncated' };
      if (checks === 'headers') {
        if (magicOf(slab, at) !== 2) return { position: position + at, problem: 'unsupportedMagic' };
        if (visit(batchHeaderAt(slab, at), position + at, slab, at) === false)
          return { position: position + at, problem: undefined };
        at += sizeBytes;
        continue;
      }
      if (sizeBytes > filled - at) break;
      const checked = checkBatch(slab, at, filled);
      if (!checked.ok) {
        if (checked.problem !== 'badChecksum' || !forgive(batchHeaderAt(slab, at)))
          return { position: position + at, problem: checked.problem };
      }
      const header = checked.ok ? checked.value : batchHeaderAt(slab, at);
      if (visit(header, position + at, slab, at) === false) return { position: position + at, problem: undefined };
      at += sizeBytes;
    }
    if (at > 0) {
      position += at;
      continue;
    }
    // Nothing whole at the start of the slab: the file ends in the middle of a batch, or the batch is larger than the slab.
    if (filled < batchHeaderBytes || filled < batchPrefixBytes) return { position, problem: 'truncated' };
    if (filled < slab.length && position + filled < range.end) return { position, problem: 'truncated' };
    slab = Buffer.allocUnsafeSlow(batchSizeAt(slab, 0));
  }
  return { position: range.end, problem: undefined };
}
