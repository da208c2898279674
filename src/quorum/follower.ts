/** Following: ask for entries, write them, flush, ask again. Asking from an offset says that all below it is durable. */
import type { Epoch, Offset } from '../base/index.ts';
import { assert, offset } from '../base/index.ts';
import type { FetchAnswer, FetchSnapshotAnswer, LeaderFlushed } from './messages.ts';
import type { Download, FollowerRole } from './state.ts';
import { currentVoters, isVoter } from './state.ts';
import type { Turn } from './turn.ts';
import { becomeRole, correlationId, send } from './turn.ts';
import type { Entry, EpochEnd, NodeId } from './types.ts';
import { findVoter, pairDecides, withAppended, withTruncated } from './voters.ts';

export function becomeFollower(turn: Turn, leader: NodeId): void {
  const { state } = turn;
  becomeRole(turn, {
    kind: 'follower',
    leader,
    fetchDeadlineMs: state.timeMs + state.settings.fetchTimeoutMs,
    inflight: undefined,
    retryAtMs: undefined,
    download: undefined,
    leaderAnswered: false,
    round: 0,
    leaderFlushed: offset(0),
  });
  fetchIfReady(turn);
}

/** The present role, which the caller knows to be a follower's. */
function followerOf(turn: Turn): FollowerRole {
  const { role } = turn.state;
  assert(role.kind === 'follower', 'only a follower fetches');
  return role;
}

function sendFetch(turn: Turn, fetchOffset: Offset, lastFetchedEpoch: Epoch): void {
  const { state } = turn;
  const role = followerOf(turn);
  const id = correlationId(turn);
  const inflight = { correlationId: id, deadlineMs: state.timeMs + state.settings.requestTimeoutMs };
  state.role = { ...role, inflight, retryAtMs: undefined };
  send(turn, role.leader, {
    kind: 'fetch',
    correlationId: id,
    epoch: state.vote.epoch,
    replica: state.nodeId,
    directory: state.directory,
    fetchOffset,
    lastFetchedEpoch,
    highWatermark: state.highWatermark,
    round: role.round,
  });
}

function sendFetchSnapshot(turn: Turn, download: Download): void {
  const { state } = turn;
  const role = followerOf(turn);
  const id = correlationId(turn);
  const inflight = { correlationId: id, deadlineMs: state.timeMs + state.settings.requestTimeoutMs };
  state.role = { ...role, inflight, retryAtMs: undefined, download };
  send(turn, role.leader, {
    kind: 'fetchSnapshot',
    correlationId: id,
    epoch: state.vote.epoch,
    replica: state.nodeId,
    snapshot: download.snapshot,
    position: download.position,
    maxBytes: state.settings.snapshotChunkBytes,
  });
}

/** Asks the leader for what comes next, unless a flush or an installation has to end first. */
export function fetchIfReady(turn: Turn): void {
  const { state, view } = turn;
  const role = followerOf(turn);
  if (state.installing !== undefined) return;
  if (role.download !== undefined) sendFetchSnapshot(turn, role.download);
  else if (view.flushedOffset === view.endOffset) sendFetch(turn, view.endOffset, view.lastEpoch);
}

/** A flush has ended. */
export function followerFlushed(turn: Turn): void {
  commitWithLeader(turn);
  resumeFetching(turn);
}

/** A flush or an installation has ended: the leader was not asked meanwhile, so its silence does not count. */
export function resumeFetching(turn: Turn): void {
  const role = followerOf(turn);
  if (role.inflight !== undefined) return;
  const fetchDeadlineMs = turn.state.timeMs + turn.state.settings.fetchTimeoutMs;
  turn.state.role = { ...role, fetchDeadlineMs };
  fetchIfReady(turn);
}

function retryLater(turn: Turn): void {
  const { state } = turn;
  const retryAtMs = state.timeMs + state.settings.retryBackoffMs;
  state.role = { ...followerOf(turn), inflight: undefined, retryAtMs };
}

/** The answer is to our question, and its sender leads: true. */
function expectAnswer(turn: Turn, from: NodeId, answer: FetchAnswer | FetchSnapshotAnswer): boolean {
  const { state } = turn;
  const { role } = state;
  if (role.kind !== 'follower' || answer.epoch !== state.vote.epoch || from !== role.leader) return false;
  if (role.inflight?.correlationId !== answer.correlationId) return false;
  if (answer.problem === 'notLeader' || answer.problem === 'fencedEpoch' || answer.problem === 'unknownEpoch') {
    retryLater(turn);
    return false;
  }
  const fetchDeadlineMs = state.timeMs + state.settings.fetchTimeoutMs;
  const inflight = answer.kind === 'fetchAnswer' && answer.ahead ? role.inflight : undefined;
  state.role = { ...role, inflight, fetchDeadlineMs, leaderAnswered: true };
  return true;
}

export function handleFetchAnswer(turn: Turn, from: NodeId, answer: FetchAnswer): void {
  if (!expectAnswer(turn, from, answer)) return;
  const { state, view } = turn;
  const role = followerOf(turn);
  if (answer.round > role.round) state.role = { ...role, round: answer.round };
  if (answer.diverging !== undefined) cutTo(turn, answer.diverging);
  else if (answer.snapshot !== undefined) {
    if (answer.snapshot.offset <= state.highWatermark) retryLater(turn);
    else sendFetchSnapshot(turn, { snapshot: answer.snapshot, position: 0 });
  } else if (answer.entries.length > 0) appendFetched(turn, answer);
  else {
    raiseHighWatermark(turn, answer.highWatermark, view.endOffset);
    if (!answer.ahead) fetchIfReady(turn);
  }
}

/** Kafka's rule: cut to where both logs have the leader's epoch, or else to the end of our largest epoch below it. */
function cutTo(turn: Turn, diverging: EpochEnd): void {
  const { state, view } = turn;
  const local = view.endOfEpoch(diverging.epoch);
  const sameEpoch = local.epoch === diverging.epoch;
  const to = sameEpoch && diverging.endOffset < local.endOffset ? diverging.endOffset : local.endOffset;
  assert(to >= state.highWatermark, 'a leader never asks to cut what is committed');
  if (to >= view.endOffset) {
    retryLater(turn);
    return;
  }
  turn.effects.push({ kind: 'truncate', to });
  state.voterSets = withTruncated(state.voterSets, to);
  sendFetch(turn, to, view.epochBefore(to));
}

/** Entries follow our log without a gap, and their epochs rise up to the leader's. */
function fits(turn: Turn, entries: readonly Entry[]): boolean {
  let next = turn.view.endOffset;
  let lastEpoch = turn.view.lastEpoch;
  for (const entry of entries) {
    if (entry.offset !== next || entry.count < 1 || entry.epoch < lastEpoch) return false;
    next = offset(entry.offset + entry.count);
    lastEpoch = entry.epoch;
  }
  return lastEpoch <= turn.state.vote.epoch;
}

function appendFetched(turn: Turn, answer: FetchAnswer): void {
  const { state } = turn;
  if (!fits(turn, answer.entries)) {
    retryLater(turn);
    return;
  }
  turn.effects.push({ kind: 'append', entries: answer.entries }, { kind: 'flush' });
  state.voterSets = withAppended(state.voterSets, answer.entries);
  const last = answer.entries.at(-1) as Entry;
  raiseHighWatermark(turn, answer.highWatermark, offset(last.offset + last.count));
}

function raiseHighWatermark(turn: Turn, leaders: Offset, logEnd: Offset): void {
  const to = leaders < logEnd ? leaders : logEnd;
  if (to <= turn.state.highWatermark) return;
  turn.state.highWatermark = to;
  turn.effects.push({ kind: 'commit', highWatermark: to });
}

export function handleLeaderFlushed(turn: Turn, from: NodeId, { epoch, flushedOffset }: LeaderFlushed): void {
  const { state } = turn;
  const { role } = state;
  if (role.kind !== 'follower' || role.leader !== from || epoch !== state.vote.epoch) return;
  if (flushedOffset <= role.leaderFlushed) return;
  state.role = { ...role, leaderFlushed: flushedOffset };
  commitWithLeader(turn);
}

/**
 * Of two or three voters the leader and this one are a majority: what both have flushed is committed, whether the leader
 * knows or not. As for a leader, it takes an entry of the present epoch (Raft paper, 5.4.2), which also shows that all
 * below came from this leader or is as it has it.
 */
function commitWithLeader(turn: Turn): void {
  const { state, view } = turn;
  const { leader, leaderFlushed } = followerOf(turn);
  const both = leaderFlushed < view.flushedOffset ? leaderFlushed : view.flushedOffset;
  if (both <= state.highWatermark) return;
  const voters = currentVoters(state);
  if (!pairDecides(voters) || !isVoter(state) || findVoter(voters, leader) === undefined) return;
  if (view.epochBefore(both) === state.vote.epoch) raiseHighWatermark(turn, both, view.endOffset);
}

export function handleFetchSnapshotAnswer(turn: Turn, from: NodeId, answer: FetchSnapshotAnswer): void {
  if (!expectAnswer(turn, from, answer)) return;
  const { state } = turn;
  const role = followerOf(turn);
  const { download } = role;
  if (download === undefined) {
    fetchIfReady(turn);
    return;
  }
  const same = download.snapshot.offset === answer.snapshot.offset && download.snapshot.epoch === answer.snapshot.epoch;
  if (answer.problem !== undefined || !same || answer.position !== download.position || answer.bytes.length === 0) {
    // Begins again with a fetch: the leader may have a newer snapshot by now.
    state.role = { ...role, download: undefined };
    retryLater(turn);
    return;
  }
  const { snapshot } = download;
  turn.effects.push({ kind: 'storeSnapshot', snapshot, position: download.position, bytes: answer.bytes });
  const position = download.position + answer.bytes.length;
  if (position < answer.sizeBytes) {
    sendFetchSnapshot(turn, { snapshot, position });
    return;
  }
  turn.effects.push({ kind: 'installSnapshot', snapshot });
  state.role = { ...role, download: undefined };
  state.installing = snapshot;
}

/** A connection to the leader broke: listen for a moment longer, then look for another, and help others who do. */
export function leaderDisconnected(turn: Turn): void {
  const { state } = turn;
  const role = followerOf(turn);
  const soon = state.timeMs + turn.random.below(Math.max(1, state.settings.electionTimeoutMs / 2));
  const fetchDeadlineMs = Math.min(role.fetchDeadlineMs, soon);
  const retryAtMs = state.timeMs + state.settings.retryBackoffMs;
  state.role = { ...role, fetchDeadlineMs, inflight: undefined, retryAtMs, leaderAnswered: false };
}
