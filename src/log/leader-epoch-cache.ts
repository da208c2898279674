import { failure, type Result, success } from '../base/index.ts';

/** A leadership of the partition: its epoch and the log end when it began. */
export type EpochStart = { readonly epoch: number; readonly startOffset: number };

/**
 * The partition's history of leaderships, as `leader-epoch-checkpoint` holds it. Immutable: the log keeps the current
 * one and writes the file when it changes. Epochs and start offsets grow.
 *
 * Source: LeaderEpochFileCache.java, KIP-101, KIP-279.
 */
export type LeaderEpochs = readonly EpochStart[];

/** A leadership begins at `startOffset`; what an earlier one claimed at or beyond it never was. */
export function withEpoch(epochs: LeaderEpochs, next: EpochStart): LeaderEpochs {
  const last = epochs.at(-1);
  if (last !== undefined && last.epoch === next.epoch && last.startOffset <= next.startOffset) return epochs;
  return [...epochs.filter((each) => each.epoch < next.epoch && each.startOffset < next.startOffset), next];
}

/** After the log was cut to end at `endOffset` (exclusive). */
export function truncatedFromEnd(epochs: LeaderEpochs, endOffset: number): LeaderEpochs {
  if (epochs.every((each) => each.startOffset < endOffset)) return epochs;
  return epochs.filter((each) => each.startOffset < endOffset);
}

/** After records before `startOffset` were deleted: the epoch that holds there starts there. */
export function truncatedFromStart(epochs: LeaderEpochs, startOffset: number): LeaderEpochs {
  const covering = epochs.findLastIndex((each) => each.startOffset <= startOffset);
  if (covering < 0) return epochs;
  const first = epochs[covering] as EpochStart;
  if (covering === 0 && first.startOffset === startOffset) return epochs;
  return [{ epoch: first.epoch, startOffset }, ...epochs.slice(covering + 1)];
}

/**
 * The answer to OffsetForLeaderEpoch: the greatest epoch at or below the asked one, and where it ends (exclusive).
 *
 * @returns undefined if the epoch is unknown, newer than all or there is none
 */
export function endOfEpoch(
  epochs: LeaderEpochs,
  asked: number,
  logEndOffset: number,
): { readonly epoch: number; readonly endOffset: number } | undefined {
  const last = epochs.at(-1);
  if (last === undefined || asked < 0) return undefined;
  if (asked === last.epoch) return { epoch: asked, endOffset: logEndOffset };
  if (asked > last.epoch) return undefined;
  const higher = epochs.findIndex((each) => each.epoch > asked);
  const start = (epochs[higher] as EpochStart).startOffset;
  if (higher === 0) return { epoch: asked, endOffset: start };
  return { epoch: (epochs[higher - 1] as EpochStart).epoch, endOffset: start };
}

/** The epoch that the record at `offset` was written in. */
export function epochAt(epochs: LeaderEpochs, offset: number): number | undefined {
  return epochs.findLast((each) => each.startOffset <= offset)?.epoch;
}

export const formatLeaderEpochs = (epochs: LeaderEpochs): string =>
  `0\n${epochs.length}\n${epochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`).join('')}`;

export function parseLeaderEpochs(text: string): Result<LeaderEpochs, string> {
  const lines = text.split('\n');
  if (lines[0] !== '0') return failure(`version ${JSON.stringify(lines[0] ?? '')} instead of 0 in line 1`);
  const count = Number(lines[1]);
  if (!Number.isInteger(count) || count < 0) return failure('line 2 is not a count');
  const epochs: EpochStart[] = [];
  for (let index = 0; index < count; index++) {
    const match = /^(\d+) (\d+)$/.exec(lines[2 + index] ?? '');
    if (match === null) return failure(`line ${3 + index} is not "epoch offset"`);
    epochs.push({ epoch: Number(match[1]), startOffset: Number(match[2]) });
  }
  return success(epochs);
}
