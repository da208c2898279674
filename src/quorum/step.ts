import type { Epoch, Random } from '../base/index.ts';
import { assert, unreachable } from '../base/index.ts';
import type { Effect } from './effects.ts';
import { electionTimedOut, handleEndEpoch, handleVote, handleVoteAnswer } from './election.ts';
import type { QuorumEvent } from './events.ts';
import {
  becomeFollower,
  fetchIfReady,
  followerFlushed,
  handleFetchAnswer,
  handleFetchSnapshotAnswer,
  handleLeaderFlushed,
  leaderDisconnected,
  resumeFetching,
} from './follower.ts';
import {
  handleFetch,
  handleFetchSnapshot,
  leaderFlushed,
  leaderTick,
  observerDisconnected,
  propose,
  read,
  resign,
  transfer,
} from './leader.ts';
import type { LogView } from './log-view.ts';
import type { QuorumMessage } from './messages.ts';
import type { FollowerRole, QuorumState } from './state.ts';
import { currentVoters, knownLeader, mayStand } from './state.ts';
import type { Turn } from './turn.ts';
import { becomeUnattached, correlationId, persistVote, send } from './turn.ts';
import type { NodeId, SnapshotId, Voter } from './types.ts';
import { changeVoters } from './voter-change.ts';
import { withPrefixDropped } from './voters.ts';

/**
 * One decision. Pure: the state that comes in stays valid, and the same arguments give the same answer.
 *
 * @param view    the log as the effects of all earlier steps have left it
 * @param random  advances; hand in the same one each time
 */
export function step(
  state: QuorumState,
  event: QuorumEvent,
  view: LogView,
  random: Random,
): { readonly state: QuorumState; readonly effects: readonly Effect[] } {
  const turn: Turn = { state: { ...state }, effects: [], view, random };
  const passedMs = event.nowMs - state.lastNowMs;
  if (passedMs > 0) turn.state.timeMs += passedMs;
  turn.state.lastNowMs = event.nowMs;
  handle(turn, event);
  return { state: turn.state, effects: turn.effects };
}

function handle(turn: Turn, event: QuorumEvent): void {
  const { state } = turn;
  switch (event.kind) {
    case 'tick':
      tick(turn);
      return;
    case 'message':
      handleMessage(turn, event.from, event.message);
      return;
    case 'disconnected':
      if (state.role.kind === 'follower' && state.role.leader === event.peer) leaderDisconnected(turn);
      else if (state.role.kind === 'leader') observerDisconnected(turn, event.peer);
      return;
    case 'flushed':
      if (state.role.kind === 'leader') leaderFlushed(turn);
      else if (state.role.kind === 'follower') followerFlushed(turn);
      return;
    case 'propose':
      propose(turn, event.requestId, event.proposals);
      return;
    case 'read':
      read(turn, event.requestId);
      return;
    case 'changeVoters':
      changeVoters(turn, event.requestId, event.change);
      return;
    case 'transfer':
      transfer(turn, event.requestId, event.to);
      return;
    case 'resign':
      if (state.role.kind === 'leader') resign(turn);
      return;
    case 'snapshotTaken':
      snapshotTaken(turn, event.snapshot);
      return;
    case 'snapshotInstalled':
      snapshotInstalled(turn, event.snapshot, event.voters);
      return;
    case 'snapshotRefused':
      state.installing = undefined;
      if (state.role.kind === 'follower') resumeFetching(turn);
      return;
    default:
      unreachable(event);
      return;
  }
}

/** What any message tells about the present epoch: a higher one ends whatever this member was, a leader is followed. */
function noteEpoch(turn: Turn, epoch: Epoch, leader: NodeId | undefined): void {
  const { state } = turn;
  const { role } = state;
  const other = leader === state.nodeId ? undefined : leader;
  if (epoch > state.vote.epoch) {
    persistVote(turn, epoch, undefined);
    // Who was waiting for an election goes on waiting; else members with outdated logs could put it off for ever.
    const waits = role.kind === 'unattached' || role.kind === 'prospective' || role.kind === 'candidate';
    if (other !== undefined) becomeFollower(turn, other);
    else if (waits) becomeUnattached(turn, role.electionDeadlineMs);
    else becomeUnattached(turn);
  } else if (epoch === state.vote.epoch && other !== undefined && role.kind !== 'follower' && role.kind !== 'leader') {
    // A prospective that was refused by one who still hears the same leader waits for what the others say.
    if (role.kind !== 'prospective' || role.leader !== other) becomeFollower(turn, other);
  }
}

function handleMessage(turn: Turn, from: NodeId, message: QuorumMessage): void {
  const { state } = turn;
  switch (message.kind) {
    case 'vote':
      noteEpoch(turn, message.epoch, undefined);
      handleVote(turn, from, message);
      return;
    case 'voteAnswer':
      noteEpoch(turn, message.epoch, message.leader);
      handleVoteAnswer(turn, from, message);
      return;
    case 'beginEpoch':
      noteEpoch(turn, message.epoch, message.leader);
      // The leader has not had our fetches: perhaps the one that we wait for was lost.
      if (state.role.kind === 'prospective' && message.epoch === state.vote.epoch) becomeFollower(turn, message.leader);
      send(turn, from, {
        kind: 'beginEpochAnswer',
        correlationId: message.correlationId,
        epoch: state.vote.epoch,
        leader: knownLeader(state),
      });
      return;
    case 'endEpoch':
      noteEpoch(turn, message.epoch, undefined);
      handleEndEpoch(turn, from, message);
      return;
    case 'fetch':
      handleFetch(turn, from, message);
      return;
    case 'fetchSnapshot':
      handleFetchSnapshot(turn, from, message);
      return;
    case 'fetchAnswer':
      noteEpoch(turn, message.epoch, message.leader);
      handleFetchAnswer(turn, from, message);
      return;
    case 'fetchSnapshotAnswer':
      noteEpoch(turn, message.epoch, message.leader);
      handleFetchSnapshotAnswer(turn, from, message);
      return;
    case 'leaderFlushed':
      noteEpoch(turn, message.epoch, from);
      handleLeaderFlushed(turn, from, message);
      return;
    case 'beginEpochAnswer':
    case 'endEpochAnswer':
      noteEpoch(turn, message.epoch, message.leader);
      return;
    default:
      unreachable(message);
      return;
  }
}

function tick(turn: Turn): void {
  const { state } = turn;
  const { role } = state;
  if (role.kind === 'leader') {
    leaderTick(turn);
    return;
  }
  if (role.kind === 'follower') {
    followerTick(turn, role);
    return;
  }
  if (state.timeMs < role.electionDeadlineMs) return;
  if (role.kind === 'unattached' && !mayStand(state)) findLeader(turn);
  else electionTimedOut(turn);
}

function followerTick(turn: Turn, role: FollowerRole): void {
  const { state, view } = turn;
  // While our own disk is at work the leader is not asked, so its silence means nothing.
  const asking = state.installing === undefined && view.flushedOffset === view.endOffset;
  if (asking && state.timeMs >= role.fetchDeadlineMs) {
    if (mayStand(state)) electionTimedOut(turn);
    else findLeader(turn);
    return;
  }
  const due = role.inflight?.deadlineMs ?? role.retryAtMs;
  if (due !== undefined && state.timeMs >= due) fetchIfReady(turn);
}

/** An observer asks some voter; whoever it is names the leader in its answer. */
function findLeader(turn: Turn): void {
  const { state, view } = turn;
  becomeUnattached(turn);
  const others = currentVoters(state).filter((voter) => voter.id !== state.nodeId);
  const asked = others[others.length > 0 ? turn.random.below(others.length) : 0];
  if (asked === undefined || state.installing !== undefined) return;
  send(turn, asked.id, {
    kind: 'fetch',
    correlationId: correlationId(turn),
    epoch: state.vote.epoch,
    replica: state.nodeId,
    directory: state.directory,
    fetchOffset: view.flushedOffset,
    lastFetchedEpoch: view.epochBefore(view.flushedOffset),
    highWatermark: state.highWatermark,
    round: 0,
  });
}

function snapshotTaken(turn: Turn, snapshot: SnapshotId): void {
  const { state, view } = turn;
  assert(snapshot.offset <= state.highWatermark, 'a snapshot holds only what is committed');
  assert(snapshot.offset <= view.flushedOffset, 'a snapshot holds only what is durable in the log');
  state.voterSets = withPrefixDropped(state.voterSets, view.startOffset);
}

function snapshotInstalled(turn: Turn, snapshot: SnapshotId, voters: readonly Voter[]): void {
  const { state } = turn;
  assert(state.installing?.offset === snapshot.offset, 'the snapshot that was installed is the one that was asked for');
  state.installing = undefined;
  state.voterSets = [{ offset: snapshot.offset - 1, voters }];
  if (snapshot.offset > state.highWatermark) state.highWatermark = snapshot.offset;
  if (state.role.kind === 'follower') resumeFetching(turn);
}

/** How long a driver may sleep until it must step with `tick`, if nothing else happens; at least 0. */
export function waitMs(state: QuorumState): number {
  return Math.max(0, nextDeadlineMs(state) - state.timeMs);
}

function nextDeadlineMs(state: QuorumState): number {
  const { role, settings } = state;
  if (role.kind === 'follower') {
    const due = role.inflight?.deadlineMs ?? role.retryAtMs ?? Number.POSITIVE_INFINITY;
    // While a flush or an installation holds the fetch back, both may lie in the past: look again later.
    const next = Math.min(role.fetchDeadlineMs, due);
    return next > state.timeMs ? next : state.timeMs + settings.fetchTimeoutMs / 4;
  }
  if (role.kind !== 'leader') {
    return role.electionDeadlineMs > state.timeMs || state.installing === undefined
      ? role.electionDeadlineMs
      : state.timeMs + settings.electionTimeoutMs;
  }
  let next = state.timeMs + settings.fetchTimeoutMs / 4;
  for (const { waiting } of role.replicas.values()) {
    if (waiting !== undefined && waiting.deadlineMs < next) next = waiting.deadlineMs;
  }
  return role.transfer !== undefined && role.transfer.deadlineMs < next ? role.transfer.deadlineMs : next;
}
