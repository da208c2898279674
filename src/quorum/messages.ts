/**
 * What members say to each other, one to one with Kafka's requests: Vote (52), BeginQuorumEpoch (53), EndQuorumEpoch
 * (54), Fetch (1), FetchSnapshot (59) and their answers. Cluster id, topic and partition are the transport's business.
 * `correlationId` is the sender's; an answer repeats it. Answers of a node that knows better carry its epoch and leader.
 */
import type { Epoch, Offset } from '../base/index.ts';
import type { Entry, EpochEnd, NodeId, SnapshotId } from './types.ts';

export type VoteRequest = {
  readonly kind: 'vote';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly candidate: NodeId;
  /** The volume that the candidate believes the receiver has; a receiver with another refuses. Undefined: any. */
  readonly voterDirectory: string | undefined;
  readonly lastEpoch: Epoch;
  readonly endOffset: Offset;
  /** KIP-996: asks whether a vote would be given, and changes nothing. */
  readonly preVote: boolean;
};

export type VoteAnswer = {
  readonly kind: 'voteAnswer';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly leader: NodeId | undefined;
  readonly granted: boolean;
};

/** From a leader to voters that do not fetch: I lead this epoch. */
export type BeginEpochRequest = {
  readonly kind: 'beginEpoch';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly leader: NodeId;
};

export type BeginEpochAnswer = {
  readonly kind: 'beginEpochAnswer';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly leader: NodeId | undefined;
};

/** From a leader that leads no longer. The first of `preferredSuccessors` stands at once, the others later by place. */
export type EndEpochRequest = {
  readonly kind: 'endEpoch';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly leader: NodeId;
  readonly preferredSuccessors: readonly NodeId[];
};

export type EndEpochAnswer = {
  readonly kind: 'endEpochAnswer';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly leader: NodeId | undefined;
};

/** Asks for entries from `fetchOffset`, and thereby says that all below it is durable here. */
export type FetchRequest = {
  readonly kind: 'fetch';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly replica: NodeId;
  readonly directory: string | undefined;
  readonly fetchOffset: Offset;
  /** Epoch of the entry just below `fetchOffset`. */
  readonly lastFetchedEpoch: Epoch;
  /** What this replica takes for the high watermark: the leader answers at once when it knows a higher one (KIP-1166). */
  readonly highWatermark: Offset;
  /** The newest `round` seen in this leader's answers. Not on KRaft's wire: 0 there, and reads are not confirmed. */
  readonly round: number;
};

export type FetchProblem =
  /** The receiver does not lead; `leader` of the answer says who does, if it knows. */
  | 'notLeader'
  /** The request's epoch is over. */
  | 'fencedEpoch'
  /** The request's epoch is ahead of the receiver's. */
  | 'unknownEpoch';

export type FetchAnswer = {
  readonly kind: 'fetchAnswer';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly leader: NodeId | undefined;
  readonly problem: FetchProblem | undefined;
  /** True: only the high watermark is news, and the answer proper is still to come. Not on KRaft's wire. */
  readonly ahead: boolean;
  readonly highWatermark: Offset;
  /** Counts the leader's proofs of leadership; see `FetchRequest.round`. */
  readonly round: number;
  /** The logs part ways at or below this; the replica cuts its log and asks again. Then there are no entries. */
  readonly diverging: EpochEnd | undefined;
  /** What the replica asks for is gone; it takes this snapshot first. Then there are no entries. */
  readonly snapshot: SnapshotId | undefined;
  /** Without a gap, beginning at the request's `fetchOffset`. */
  readonly entries: readonly Entry[];
};

/**
 * From a leader that votes to a voter that writes what it was sent: all below is durable here. The receiver's flush may
 * then make the majority, and the receiver is the first to know. May be lost, repeated or late. Not on KRaft's wire.
 */
export type LeaderFlushed = {
  readonly kind: 'leaderFlushed';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly flushedOffset: Offset;
};

export type FetchSnapshotRequest = {
  readonly kind: 'fetchSnapshot';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly replica: NodeId;
  readonly snapshot: SnapshotId;
  /** In bytes of the snapshot's file. */
  readonly position: number;
  readonly maxBytes: number;
};

export type FetchSnapshotAnswer = {
  readonly kind: 'fetchSnapshotAnswer';
  readonly correlationId: number;
  readonly epoch: Epoch;
  readonly leader: NodeId | undefined;
  readonly problem: FetchProblem | 'snapshotNotFound' | 'positionOutOfRange' | undefined;
  readonly snapshot: SnapshotId;
  readonly sizeBytes: number;
  readonly position: number;
  readonly bytes: Uint8Array;
};

export type QuorumRequest = VoteRequest | BeginEpochRequest | EndEpochRequest | FetchRequest | FetchSnapshotRequest;
export type QuorumAnswer = VoteAnswer | BeginEpochAnswer | EndEpochAnswer | FetchAnswer | FetchSnapshotAnswer;
export type QuorumMessage = QuorumRequest | QuorumAnswer | LeaderFlushed;
