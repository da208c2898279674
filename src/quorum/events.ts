import type { QuorumMessage } from './messages.ts';
import type { NodeId, SnapshotId, Voter } from './types.ts';

/** One change of the voters at a time, by one voter: KIP-853. */
export type VoterChange =
  /** The new voter must be an observer that has caught up; otherwise the outcome is `notCaughtUp`. */
  | { readonly kind: 'add'; readonly voter: Voter }
  | { readonly kind: 'remove'; readonly id: NodeId }
  /** Another endpoint, or the volume of a voter whose volume was not known. Another volume: remove it, then add it. */
  | { readonly kind: 'update'; readonly voter: Voter };

/** One proposal: `count` offsets (1, or the records of a batch) and their bytes. */
export type Proposal = { readonly value: Uint8Array; readonly count: number };

/**
 * What can happen to a member. `nowMs` is read from a clock that measures time; it may jump ahead (the process was
 * stopped), and a step back is taken as no time at all. `requestId`s are the driver's, unique while it runs.
 */
export type QuorumEvent = { readonly nowMs: number } & (
  | { readonly kind: 'tick' }
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: QuorumMessage }
  /** The connection to `peer` broke, or could not be made: what it was asked will not be answered. */
  | { readonly kind: 'disconnected'; readonly peer: NodeId }
  /** `view.flushedOffset` has moved. */
  | { readonly kind: 'flushed' }
  /** All are appended, in order, or none. */
  | { readonly kind: 'propose'; readonly requestId: number; readonly proposals: readonly Proposal[] }
  /** Asks for an offset such that a state machine that has applied all below it shows every write acknowledged before the question. */
  | { readonly kind: 'read'; readonly requestId: number }
  | { readonly kind: 'changeVoters'; readonly requestId: number; readonly change: VoterChange }
  /** To one voter, or to whoever is furthest. */
  | { readonly kind: 'transfer'; readonly requestId: number; readonly to: NodeId | undefined }
  /** The process is about to stop: a leader gives up its office and says so. */
  | { readonly kind: 'resign' }
  /** The driver has made a snapshot durable, at or below the high watermark, and perhaps dropped the log below it. */
  | { readonly kind: 'snapshotTaken'; readonly snapshot: SnapshotId }
  /** The driver has carried out `installSnapshot`: `view` begins at the snapshot. */
  | { readonly kind: 'snapshotInstalled'; readonly snapshot: SnapshotId; readonly voters: readonly Voter[] }
  /** The downloaded snapshot is damaged; it was thrown away. */
  | { readonly kind: 'snapshotRefused'; readonly snapshot: SnapshotId }
);
