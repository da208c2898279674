import type { Offset } from '../base/index.ts';
import type { FetchAnswer, FetchSnapshotAnswer, QuorumMessage } from './messages.ts';
import type { Entry, NodeId, SnapshotId, Vote } from './types.ts';

/** How a request of the driver's own ended. Every `requestId` gets exactly one outcome, unless the process ends. */
export type RequestOutcome =
  /** `propose`: appended from `offset` in `epoch`. Committed when a `commit` passes it; unknown if leadership ends first. */
  | { readonly kind: 'appended'; readonly offset: Offset; readonly endOffset: Offset }
  /** `read`: all below `offset` must be applied before reading. */
  | { readonly kind: 'readable'; readonly offset: Offset }
  /** `changeVoters`: the new set is committed. `transfer`: this node leads no longer. */
  | { readonly kind: 'done' }
  /** This node does not lead, or is handing over; `leader` does, if known. Nothing was appended by this request. */
  | { readonly kind: 'notLeader'; readonly leader: NodeId | undefined }
  /** Leadership ended while the change was under way: it may or may not come to be. */
  | { readonly kind: 'unknown' }
  /** Another change, or the first entry of this leader's epoch, is not committed yet. Retry. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'notCaughtUp' }
  | { readonly kind: 'timedOut' }
  | { readonly kind: 'voterExists' }
  | { readonly kind: 'voterUnknown' }
  /** The last voter cannot be removed. */
  | { readonly kind: 'lastVoter' };

/**
 * What a driver does after a step, in list order, each finished before the next begins, all of them before the next
 * step. Only what `flush` starts goes on in the background.
 */
export type Effect =
  /** Durable when the effect returns (small file, replaced whole). No later effect may run if it fails: stop the process. */
  | { readonly kind: 'persist'; readonly vote: Vote }
  /** Cuts the log to `to` = the new end. Never below what was committed. */
  | { readonly kind: 'truncate'; readonly to: Offset }
  /** Writes to the log; `view.endOffset` moves at once. Durable only after a flush. */
  | { readonly kind: 'append'; readonly entries: readonly Entry[] }
  /**
   * Starts (or joins the next) sync of everything appended so far. When it is done, `view.flushedOffset` moves and the
   * driver steps with `flushed`. While one runs, further ones are joined into a single next one: that is group commit.
   */
  | { readonly kind: 'flush' }
  /** May be lost, never altered. An answer goes to who asked. */
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: QuorumMessage }
  /** `answer` with the entries from `from` on, as many as are there up to `maxBytes`, but at least one. */
  | {
      readonly kind: 'sendEntries';
      readonly to: NodeId;
      readonly answer: FetchAnswer;
      readonly from: Offset;
      readonly maxBytes: number;
    }
  /**
   * `answer` with the file's size and up to `maxBytes` from `answer.position`; with `snapshotNotFound` or
   * `positionOutOfRange` if that cannot be.
   */
  | {
      readonly kind: 'sendSnapshot';
      readonly to: NodeId;
      readonly answer: FetchSnapshotAnswer;
      readonly maxBytes: number;
    }
  /** All below is committed: apply it. Never decreases while the process runs. */
  | { readonly kind: 'commit'; readonly highWatermark: Offset }
  /** Stores a piece of a snapshot that is being downloaded; position 0 begins it anew. */
  | {
      readonly kind: 'storeSnapshot';
      readonly snapshot: SnapshotId;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  /**
   * The download is whole: check it, make it durable, replace log and state machine by it, then step with
   * `snapshotInstalled` (or `snapshotRefused`). It may take its time; no fetch is sent meanwhile.
   */
  | { readonly kind: 'installSnapshot'; readonly snapshot: SnapshotId }
  | { readonly kind: 'reply'; readonly requestId: number; readonly outcome: RequestOutcome };
