import type { Brand, Epoch, Offset } from '../base/index.ts';

/** `node.id` in KRaft, `myid` in an ensemble: a whole number from 0. */
export type NodeId = Brand<number, 'NodeId'>;
export const nodeId = (value: number): NodeId => value as NodeId;

/**
 * A member whose log counts towards a majority.
 *
 * `directory` names the volume that holds its log (KIP-853's directory id): a member that comes back with an empty
 * volume has another one, and is then no voter, since it has forgotten what it voted. Undefined: not known yet, any
 * volume will do. `endpoint` is opaque to agreement; drivers keep host and port in it.
 */
export type Voter = {
  readonly id: NodeId;
  readonly directory: string | undefined;
  readonly endpoint: string;
};

/** A snapshot holds everything below `offset`; `epoch` is that of the entry just below it. */
export type SnapshotId = { readonly offset: Offset; readonly epoch: Epoch };

/**
 * What one entry says. `data` belongs to the user; the other two are agreement's own, and a user's state machine passes
 * over them. In KRaft they are the LeaderChange and Voters control records.
 */
export type EntryBody =
  | { readonly kind: 'data'; readonly value: Uint8Array }
  | { readonly kind: 'leaderChange'; readonly leader: NodeId; readonly grantedBy: readonly NodeId[] }
  | { readonly kind: 'voters'; readonly voters: readonly Voter[] };

/**
 * The unit that is appended, sent and cut: it covers the offsets from `offset` up to `offset + count`, exclusive, all
 * of one epoch. An ensemble's transaction has count 1; a KRaft record batch as many as it has records.
 */
export type Entry = {
  readonly offset: Offset;
  readonly count: number;
  readonly epoch: Epoch;
  readonly body: EntryBody;
};

/** What must survive a crash besides the log. `votedFor` is undefined while no vote was given in the epoch. */
export type Vote = { readonly epoch: Epoch; readonly votedFor: NodeId | undefined };

/** An epoch and where it ends (exclusive): what divergence is expressed in. */
export type EpochEnd = { readonly epoch: Epoch; readonly endOffset: Offset };

/** A voter set and the offset of the entry that states it; -1 for the set that was configured. */
export type VoterSetAt = { readonly offset: number; readonly voters: readonly Voter[] };

/** All in milliseconds of a clock that measures time, not of the wall's. */
export type QuorumTimings = {
  /** A voter without a leader waits from one to two of these before it asks for votes. */
  readonly electionTimeoutMs: number;
  /** A follower that has had no answer from its leader for so long looks for another. */
  readonly fetchTimeoutMs: number;
  /** How long a leader may hold a fetch that it has nothing for. Well below `fetchTimeoutMs`. */
  readonly fetchWaitMs: number;
  /** A request without an answer is sent again after this. Above `fetchWaitMs`. */
  readonly requestTimeoutMs: number;
  /** Between an answer that does not help and the next attempt. */
  readonly retryBackoffMs: number;
  /** A leader that no majority has fetched from for so long resigns. Above `fetchTimeoutMs`; KRaft: 1.5 times. */
  readonly checkQuorumMs: number;
  /** A leader whose own disk has not finished a flush for so long resigns, so that a healthy disk leads. */
  readonly flushStallMs: number;
  /** How long a graceful transfer waits for its target to catch up; proposals are refused meanwhile. */
  readonly transferTimeoutMs: number;
};

export type QuorumSettings = QuorumTimings & {
  readonly fetchMaxBytes: number;
  readonly snapshotChunkBytes: number;
  /**
   * True: a leader says what it need not be asked for. A new high watermark goes ahead of the answer to a fetch that
   * waits, and the fetch goes on waiting: one message instead of three. And who writes just now what the leader has
   * flushed is told so, and may commit it by its own flush: two messages sooner. False on KRaft's wire, where a request
   * has one answer.
   */
  readonly newsAhead: boolean;
  /** How many reads may wait for a proof of leadership at once; more are refused. */
  readonly waitingReadsLimit: number;
  /**
   * True: while a node's log is empty it needs the votes of *all* configured voters to lead. So members that were
   * started with empty volumes and a list of servers that is not true yet can never found a second history beside
   * the one that exists.
   */
  readonly unanimousFormation: boolean;
};

/** KRaft's own values (KIP-595), but that a disk may stall for half a minute. */
export const kraftSettings: QuorumSettings = {
  electionTimeoutMs: 1000,
  fetchTimeoutMs: 2000,
  fetchWaitMs: 500,
  requestTimeoutMs: 2000,
  retryBackoffMs: 20,
  checkQuorumMs: 3000,
  flushStallMs: 30_000,
  transferTimeoutMs: 5000,
  fetchMaxBytes: 8 * 1024 * 1024,
  snapshotChunkBytes: 1024 * 1024,
  newsAhead: false,
  waitingReadsLimit: 100_000,
  unanimousFormation: false,
};

/** For members a fraction of a millisecond apart: a dead leader is replaced in about a second, a killed one sooner. */
export const localNetworkSettings: QuorumSettings = {
  ...kraftSettings,
  electionTimeoutMs: 250,
  fetchTimeoutMs: 1000,
  fetchWaitMs: 250,
  requestTimeoutMs: 600,
  checkQuorumMs: 1500,
  flushStallMs: 10_000,
  transferTimeoutMs: 3000,
  fetchMaxBytes: 4 * 1024 * 1024,
  newsAhead: true,
  unanimousFormation: true,
};
