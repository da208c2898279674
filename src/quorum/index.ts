/**
 * Agreement on one log of opaque entries: Raft in the fetch-based form of KIP-595, with pre-votes (KIP-996), changes of
 * the voters one at a time (KIP-853), snapshots and their download (KIP-630), graceful transfer and reads that prove
 * leadership. Pure: no clock, disk, socket or chance inside. It knows neither what entries mean nor how they are stored.
 *
 * How data flows. `step(state, event, view, random)` -> new state and effects. A driver owns the log, a small file for
 * the vote, snapshots and connections. It feeds events and runs effects:
 *
 * 1. Start: read vote and log back (recover a torn tail; keep everything that was ever flushed), rebuild `LogIndex` and
 *    the voter sets, `initialState`, then a first `tick`.
 * 2. One event at a time: `step`, then *all* its effects in list order, then the next event. `persist`, `truncate` and
 *    `append` are finished, the first durably, before the next effect runs; so a `send` leaves only after every
 *    `persist` before it. `flush` only begins a sync: step with `flushed` when it has ended and `view.flushedOffset` has
 *    moved. If writing, flushing or persisting fails, stop the process: what the device holds is not known any more.
 * 3. `sendEntries` and `sendSnapshot` are answers whose bytes the driver adds, read when the effect runs, not later.
 * 4. `commit` says how far entries may be applied, in order, once. Entries of kind `leaderChange` and `voters` are
 *    agreement's own. Before its first `commit` a member does not know what is committed above its snapshot.
 * 5. Timers: after each event arm one timer for `waitMs(state)` milliseconds and step with `tick` when it fires.
 * 6. Requests of its own (`propose`, `read`, `changeVoters`, `transfer`) get one `reply` each. A proposal is committed
 *    when `commit` passes its end while the epoch is the same; if this node stops leading first, its fate is unknown.
 * 7. Snapshots: at an applied and flushed offset, with `votersBelow(state, offset)` inside; then `snapshotTaken`.
 *    Drop the log below it as you like, also later; `view` tells.
 * 8. Messages: to and from authenticated members of the same cluster. They may be lost, repeated, late or out of order.
 *    Call `disconnected` when a connection breaks: a member whose leader's connection is gone looks for another at once.
 *
 * Invariants (the simulator in test/quorum checks each after every event): one leader an epoch; logs that agree at an
 * offset and epoch agree on everything before; a leader has all that was committed; what is committed never changes;
 * the high watermark never falls while a process runs; a majority has flushed what is committed; snapshots end at
 * committed offsets; one vote an epoch; at most one voter differs between one set and the next.
 *
 * Source: KIP-595, 630, 853, 996, 1166; the Raft paper and Ongaro's thesis (4.1 voters, 6.4 reads).
 */
export type { Effect, RequestOutcome } from './effects.ts';
export type { Proposal, QuorumEvent, VoterChange } from './events.ts';
export { LogIndex } from './log-index.ts';
export type { LogView } from './log-view.ts';
export type {
  BeginEpochAnswer,
  BeginEpochRequest,
  EndEpochAnswer,
  EndEpochRequest,
  FetchAnswer,
  FetchProblem,
  FetchRequest,
  FetchSnapshotAnswer,
  FetchSnapshotRequest,
  QuorumAnswer,
  QuorumMessage,
  QuorumRequest,
  VoteAnswer,
  VoteRequest,
} from './messages.ts';
export type {
  Download,
  FollowerRole,
  Inflight,
  LeaderRole,
  QuorumStart,
  QuorumState,
  ReplicaProgress,
  Role,
  WaitingFetch,
} from './state.ts';
export { currentVoters, initialState, isVoter, knownLeader, presentEpoch, votersBelow } from './state.ts';
export { step, waitMs } from './step.ts';
export type {
  Entry,
  EntryBody,
  EpochEnd,
  NodeId,
  QuorumSettings,
  QuorumTimings,
  SnapshotId,
  Vote,
  Voter,
  VoterSetAt,
} from './types.ts';
export { kraftSettings, localNetworkSettings, nodeId } from './types.ts';
