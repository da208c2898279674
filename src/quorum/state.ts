import type { Epoch, Offset, Random } from '../base/index.ts';
import { epoch, offset } from '../base/index.ts';
import type { LogView } from './log-view.ts';
import type { NodeId, QuorumSettings, SnapshotId, Vote, Voter, VoterSetAt } from './types.ts';

//                      ┌──────────────── election timeout, no majority ───────────────┐
//                      ▼                                                              │
//   unattached ── election timeout ──▶ prospective ── majority of pre-votes ──▶ candidate
//     ▲   │                              ▲      │                                 │
//     │   │ hears of a leader            │      │ no majority, leader known       │ majority of votes
//     │   ▼                              │      ▼                                 ▼
//     │ follower ──── fetch timeout ─────┘    follower                          leader
//     │   │                                                                       │
//     │   └─ told to succeed ─▶ candidate                                         │ no majority fetches, its disk
//     │                                                                           │ stalls, handed over, removed
//     └──────────────────────── election timeout ────────────────── resigned ◀────┘
//
//   A higher epoch, heard from anyone, leads from everywhere to `unattached` (or `follower`, if its leader is named).
//   A member that is no voter ("observer") is only ever unattached, follower or resigned.

/** The question that is on its way to the leader; there is one at a time. */
export type Inflight = { readonly correlationId: number; readonly deadlineMs: number };

/** A snapshot on its way here; `position` bytes of it have come. */
export type Download = { readonly snapshot: SnapshotId; readonly position: number };

export type FollowerRole = {
  readonly kind: 'follower';
  readonly leader: NodeId;
  /** When the leader counts as gone. */
  readonly fetchDeadlineMs: number;
  readonly inflight: Inflight | undefined;
  /** Set while nothing is on its way: ask (again) then. */
  readonly retryAtMs: number | undefined;
  readonly download: Download | undefined;
  /** This leader has answered in this epoch, so pre-votes are refused until it falls silent. */
  readonly leaderAnswered: boolean;
  /** The newest `round` of this leader's. */
  readonly round: number;
  /** All below is durable at this leader, which votes: what it has said of that in this epoch. */
  readonly leaderFlushed: Offset;
};

/** A fetch that the leader holds until there is something to say. */
export type WaitingFetch = {
  readonly correlationId: number;
  readonly fetchOffset: Offset;
  readonly highWatermark: Offset;
  readonly deadlineMs: number;
};

export type ReplicaProgress = {
  /** All below is durable there. */
  readonly ackedOffset: Offset;
  readonly directory: string | undefined;
  /** -Infinity: has not fetched in this epoch. */
  readonly fetchedAtMs: number;
  /** When it last had everything that the leader had at that moment. */
  readonly caughtUpAtMs: number;
  readonly waiting: WaitingFetch | undefined;
  readonly confirmedRound: number;
  /** When it was last told of this leader. */
  readonly begunAtMs: number;
};

export type VoterChangeUnderWay = { readonly requestId: number; readonly endOffset: Offset };
export type TransferUnderWay = {
  readonly requestId: number;
  readonly to: NodeId;
  readonly deadlineMs: number;
};
/**
 * Answered when a majority has seen `round`, and all below `endOffset` is committed: what the leader had at the question,
 * beginning with an entry of its own epoch. A follower may have committed any of it, and told its client, before the
 * leader knows.
 */
export type WaitingRead = { readonly requestId: number; readonly round: number; readonly endOffset: Offset };

export type LeaderRole = {
  readonly kind: 'leader';
  /** Offset of this epoch's LeaderChange entry: the high watermark moves only beyond it (Raft paper, 5.4.2). */
  readonly epochStart: Offset;
  readonly startedAtMs: number;
  readonly replicas: ReadonlyMap<NodeId, ReplicaProgress>;
  /** When the own disk was last not behind. */
  readonly flushedAtMs: number;
  readonly round: number;
  /** In order of `round`. */
  readonly reads: readonly WaitingRead[];
  readonly change: VoterChangeUnderWay | undefined;
  readonly transfer: TransferUnderWay | undefined;
};

export type Role =
  /** Knows of no leader. At the deadline a voter stands for election, an observer asks some voter who leads. */
  | { readonly kind: 'unattached'; readonly electionDeadlineMs: number }
  | {
      readonly kind: 'prospective';
      readonly electionDeadlineMs: number;
      readonly correlationId: number;
      readonly granted: ReadonlySet<NodeId>;
      readonly refused: ReadonlySet<NodeId>;
      /** Whom to go back to if the others still hear it. */
      readonly leader: NodeId | undefined;
    }
  | {
      readonly kind: 'candidate';
      readonly electionDeadlineMs: number;
      readonly correlationId: number;
      readonly granted: ReadonlySet<NodeId>;
      readonly refused: ReadonlySet<NodeId>;
    }
  | FollowerRole
  | LeaderRole
  | { readonly kind: 'resigned'; readonly electionDeadlineMs: number };

export type QuorumState = {
  readonly nodeId: NodeId;
  readonly directory: string | undefined;
  readonly settings: QuorumSettings;
  /** As persisted: the present epoch and the vote in it. */
  readonly vote: Vote;
  readonly role: Role;
  /** The driver is replacing log and state machine by it: no fetch and no candidacy until that is done. */
  readonly installing: SnapshotId | undefined;
  /** All below is committed. Forgotten at a restart; begins at the snapshot. */
  readonly highWatermark: Offset;
  /** By offset; the last counts, committed or not (KIP-853). The first is the one in force at the log's start. */
  readonly voterSets: readonly VoterSetAt[];
  /** Time as this member counts it: only what passed between events, never backwards. */
  readonly timeMs: number;
  readonly lastNowMs: number;
  readonly nextCorrelationId: number;
};

export type QuorumStart = {
  readonly nodeId: NodeId;
  readonly directory: string | undefined;
  readonly settings: QuorumSettings;
  /** As persisted; undefined on the first start. */
  readonly vote: Vote | undefined;
  /**
   * The sets stated by the snapshot and the log's `voters` entries, by offset. Before any was stated: the configured
   * set at offset -1; a node that joins an existing quorum gives the voters it knows, without itself.
   */
  readonly voterSets: readonly VoterSetAt[];
  readonly nowMs: number;
};

/** The state of a member that has just been started. It has no side effect to run; give it a `tick` next. */
export function initialState(start: QuorumStart, view: LogView, random: Random): QuorumState {
  const { settings } = start;
  const alone = start.voterSets.at(-1)?.voters.length === 1;
  const electionDeadlineMs = alone ? 0 : settings.electionTimeoutMs + random.below(settings.electionTimeoutMs);
  return {
    nodeId: start.nodeId,
    directory: start.directory,
    settings,
    vote: start.vote ?? { epoch: epoch(0), votedFor: undefined },
    role: { kind: 'unattached', electionDeadlineMs },
    installing: undefined,
    highWatermark: view.snapshot?.offset ?? offset(0),
    voterSets: start.voterSets,
    timeMs: 0,
    lastNowMs: start.nowMs,
    // Not 1 again after each restart: answers to a former life of this process must not fit.
    nextCorrelationId: random.below(0x3fffffff),
  };
}

export const currentVoters = (state: QuorumState): readonly Voter[] => state.voterSets.at(-1)?.voters ?? [];

/** The voters in force for everything below `at`: what a snapshot at that offset must state. */
export function votersBelow(state: QuorumState, at: Offset): readonly Voter[] {
  return state.voterSets.findLast((set) => set.offset < at)?.voters ?? [];
}

const includesUs = (state: QuorumState, voters: readonly Voter[]): boolean =>
  voters.some(
    (voter) => voter.id === state.nodeId && (voter.directory === undefined || voter.directory === state.directory),
  );

export const isVoter = (state: QuorumState): boolean => includesUs(state, currentVoters(state));

/**
 * A voter may stand; so may one that its log removes without the removal being known to be committed: perhaps nobody
 * else has the entry, and the voters that are left need a vote of this member's, which it gives to no shorter log than
 * its own (Ongaro's thesis, 4.2.2).
 */
export function mayStand(state: QuorumState): boolean {
  if (isVoter(state)) return true;
  const stated = state.voterSets.at(-1);
  const before = state.voterSets.at(-2);
  return (
    stated !== undefined &&
    before !== undefined &&
    stated.offset >= state.highWatermark &&
    includesUs(state, before.voters)
  );
}

/** Who leads the present epoch, as far as this member knows. */
export function knownLeader(state: QuorumState): NodeId | undefined {
  const { role } = state;
  if (role.kind === 'leader') return state.nodeId;
  return role.kind === 'follower' || role.kind === 'prospective' ? role.leader : undefined;
}

export const presentEpoch = (state: QuorumState): Epoch => state.vote.epoch;
