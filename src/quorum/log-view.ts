import type { Epoch, Offset } from '../base/index.ts';
import type { EpochEnd, SnapshotId } from './types.ts';

/**
 * What a decision may look at in the log. The driver answers from memory (see `LogIndex`); everything reflects the
 * effects of the steps before this one and none of the step's own.
 */
export interface LogView {
  /** The first offset that is still there. All below is in `snapshot`. */
  readonly startOffset: Offset;
  /** The next offset to be written. */
  readonly endOffset: Offset;
  /** All below would survive a crash. At most `endOffset`; a truncation lowers it, and voids a flush that was running. */
  readonly flushedOffset: Offset;
  /** Epoch of the last entry; of the snapshot if the log is empty; 0 if there is neither. */
  readonly lastEpoch: Epoch;
  /** The newest snapshot that is whole and durable; its offset is at least `startOffset`. */
  readonly snapshot: SnapshotId | undefined;
  /** The snapshot at `startOffset`'s epoch: that of the entry just below `startOffset`, 0 at offset 0. */
  readonly startEpoch: Epoch;
  /**
   * The largest epoch in the log that is not above `epoch`, and where it ends. With none, `startEpoch` and
   * `startOffset`. Source: OffsetForLeaderEpoch's rule, KIP-320.
   */
  endOfEpoch(epoch: Epoch): EpochEnd;
  /** Epoch of the entry just below `offset`, which is from `startOffset` to `endOffset`. */
  epochBefore(offset: Offset): Epoch;
}
