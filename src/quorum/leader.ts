/**
 * Leading: append what is proposed, answer fetches, count what a majority has flushed. Fetches that wait are answered at
 * once when entries come, when the high watermark passes what they know (KIP-1166), and when a read asks for a proof.
 */
import type { Offset } from '../base/index.ts';
import { assert, offset } from '../base/index.ts';
import type { Proposal } from './events.ts';
import type { FetchAnswer, FetchProblem, FetchRequest, FetchSnapshotRequest } from './messages.ts';
import type { LeaderRole, ReplicaProgress, WaitingFetch, WaitingRead } from './state.ts';
import { currentVoters, isVoter, knownLeader } from './state.ts';
import type { Turn } from './turn.ts';
import { becomeRole, correlationId, electionDeadlineMs, reply, send } from './turn.ts';
import type { Entry, EntryBody, EpochEnd, NodeId, SnapshotId, Voter } from './types.ts';
import { findVoter, majorityOf, pairDecides, reachedByMajority, withAppended } from './voters.ts';

/** An observer that has not fetched for so long is forgotten. */
const observerForgottenMs = 300_000;

const unheard: ReplicaProgress = {
  ackedOffset: offset(0),
  directory: undefined,
  fetchedAtMs: Number.NEGATIVE_INFINITY,
  caughtUpAtMs: Number.NEGATIVE_INFINITY,
  waiting: undefined,
  confirmedRound: 0,
  begunAtMs: Number.NEGATIVE_INFINITY,
};

export function leaderOf(turn: Turn): LeaderRole {
  const { role } = turn.state;
  assert(role.kind === 'leader', 'only a leader does this');
  return role;
}

function setReplica(turn: Turn, id: NodeId, progress: ReplicaProgress): void {
  const role = leaderOf(turn);
  turn.state.role = { ...role, replicas: new Map(role.replicas).set(id, progress) };
}

export function becomeLeader(turn: Turn, granted: ReadonlySet<NodeId>): void {
  const { state, view } = turn;
  becomeRole(turn, {
    kind: 'leader',
    epochStart: view.endOffset,
    startedAtMs: state.timeMs,
    replicas: new Map(),
    flushedAtMs: state.timeMs,
    round: 0,
    reads: [],
    change: undefined,
    transfer: undefined,
  });
  const bodies: EntryBody[] = [{ kind: 'leaderChange', leader: state.nodeId, grantedBy: [...granted] }];
  // A configured set is written down by the first leader, so that who joins later learns it from the log.
  const configured = state.voterSets.at(-1);
  if (configured?.offset === -1) bodies.push({ kind: 'voters', voters: configured.voters });
  appendBodies(
    turn,
    bodies.map((body) => ({ body, count: 1 })),
  );
  announce(turn);
}

/** Tells voters that do not fetch who leads. */
export function announce(turn: Turn): void {
  const { state } = turn;
  const everyMs = state.settings.fetchTimeoutMs / 2;
  for (const voter of currentVoters(state)) {
    if (voter.id === state.nodeId) continue;
    const progress = leaderOf(turn).replicas.get(voter.id) ?? unheard;
    const sinceMs = Math.max(progress.fetchedAtMs, progress.begunAtMs);
    if (state.timeMs - sinceMs < everyMs) continue;
    setReplica(turn, voter.id, { ...progress, begunAtMs: state.timeMs });
    send(turn, voter.id, {
      kind: 'beginEpoch',
      correlationId: correlationId(turn),
      epoch: state.vote.epoch,
      leader: state.nodeId,
    });
  }
}

/** Appends at the end of the log, in one piece, and hands it to whoever waits. */
export function appendBodies(
  turn: Turn,
  bodies: readonly { readonly body: EntryBody; readonly count: number }[],
): Offset {
  const { state, view } = turn;
  const entries: Entry[] = [];
  let next = view.endOffset;
  for (const { body, count } of bodies) {
    entries.push({ offset: next, count, epoch: state.vote.epoch, body });
    next = offset(next + count);
  }
  const role = leaderOf(turn);
  if (view.flushedOffset === view.endOffset) state.role = { ...role, flushedAtMs: state.timeMs };
  // The fetches are answered before our own flush begins: the disks work side by side.
  turn.effects.push({ kind: 'append', entries });
  state.voterSets = withAppended(state.voterSets, entries);
  answerWaiting(turn, (waiting) => waiting.fetchOffset < next);
  turn.effects.push({ kind: 'flush' });
  return next;
}

export function propose(turn: Turn, requestId: number, proposals: readonly Proposal[]): void {
  const { state, view } = turn;
  const { role } = state;
  if (role.kind !== 'leader' || role.transfer !== undefined) {
    reply(turn, requestId, {
      kind: 'notLeader',
      leader: role.kind === 'leader' ? role.transfer?.to : knownLeader(state),
    });
    return;
  }
  const bodies = proposals.map(({ value, count }) => ({ body: { kind: 'data', value } as const, count }));
  const endOffset = appendBodies(turn, bodies);
  reply(turn, requestId, { kind: 'appended', offset: view.endOffset, endOffset });
}

function answerOf(turn: Turn, id: number): FetchAnswer {
  const { state } = turn;
  return {
    kind: 'fetchAnswer',
    correlationId: id,
    epoch: state.vote.epoch,
    leader: knownLeader(state),
    problem: undefined,
    ahead: false,
    highWatermark: state.highWatermark,
    round: state.role.kind === 'leader' ? state.role.round : 0,
    diverging: undefined,
    snapshot: undefined,
    entries: [],
  };
}

/** Answers those of the waiting fetches that are `due`, with entries if there are any. */
export function answerWaiting(turn: Turn, due: (waiting: WaitingFetch, id: NodeId) => boolean): void {
  const role = leaderOf(turn);
  let replicas: Map<NodeId, ReplicaProgress> | undefined;
  for (const [id, progress] of role.replicas) {
    const { waiting } = progress;
    if (waiting === undefined || !due(waiting, id)) continue;
    replicas ??= new Map(role.replicas);
    replicas.set(id, { ...progress, waiting: undefined });
    sendEntries(turn, id, waiting.correlationId, waiting.fetchOffset);
  }
  if (replicas !== undefined) turn.state.role = { ...leaderOf(turn), replicas };
}

/** Tells those whose fetches wait of a higher high watermark than they know. */
function spreadHighWatermark(turn: Turn): void {
  const { highWatermark, settings } = turn.state;
  if (!settings.newsAhead) {
    answerWaiting(turn, (waiting) => waiting.highWatermark < highWatermark);
    return;
  }
  const role = leaderOf(turn);
  let replicas: Map<NodeId, ReplicaProgress> | undefined;
  for (const [id, progress] of role.replicas) {
    const { waiting } = progress;
    if (waiting === undefined || waiting.highWatermark >= highWatermark) continue;
    replicas ??= new Map(role.replicas);
    replicas.set(id, { ...progress, waiting: { ...waiting, highWatermark } });
    send(turn, id, { ...answerOf(turn, waiting.correlationId), ahead: true });
  }
  if (replicas !== undefined) turn.state.role = { ...leaderOf(turn), replicas };
}

function sendEntries(turn: Turn, to: NodeId, id: number, from: Offset): void {
  const { fetchMaxBytes } = turn.state.settings;
  turn.effects.push({ kind: 'sendEntries', to, answer: answerOf(turn, id), from, maxBytes: fetchMaxBytes });
}

function problemWith(turn: Turn, request: FetchRequest | FetchSnapshotRequest): FetchProblem | undefined {
  const { state } = turn;
  if (request.epoch < state.vote.epoch) return 'fencedEpoch';
  if (request.epoch > state.vote.epoch) return 'unknownEpoch';
  return state.role.kind === 'leader' ? undefined : 'notLeader';
}

/** Undefined: the asker's log is a prefix of ours. */
function mismatch(
  turn: Turn,
  { fetchOffset, lastFetchedEpoch }: FetchRequest,
): { readonly diverging: EpochEnd } | { readonly snapshot: SnapshotId } | undefined {
  const { view } = turn;
  const { startOffset, snapshot } = view;
  if (fetchOffset === 0 && startOffset === 0) return undefined;
  if (fetchOffset === startOffset && lastFetchedEpoch === view.startEpoch) return undefined;
  // Where the logs part ways lies below what we still have.
  const unknown = fetchOffset < startOffset || lastFetchedEpoch < view.startEpoch;
  if (unknown && snapshot !== undefined) return { snapshot };
  const end = view.endOfEpoch(lastFetchedEpoch);
  if (end.epoch === lastFetchedEpoch && fetchOffset <= end.endOffset) return undefined;
  return { diverging: end };
}

export function handleFetch(turn: Turn, from: NodeId, request: FetchRequest): void {
  const { state, view } = turn;
  const problem = problemWith(turn, request);
  if (problem !== undefined) {
    send(turn, from, { ...answerOf(turn, request.correlationId), problem });
    return;
  }
  const known = leaderOf(turn).replicas.get(from);
  // What another volume under the same id has acknowledged says nothing about this one: not even for a late message.
  const before = known !== undefined && known.directory === request.directory ? known : unheard;
  const mismatched = mismatch(turn, request);
  const heard = { ...before, directory: request.directory, fetchedAtMs: state.timeMs, waiting: undefined };
  if (mismatched !== undefined) {
    setReplica(turn, from, heard);
    send(turn, from, { ...answerOf(turn, request.correlationId), ...mismatched });
    return;
  }
  const { fetchOffset } = request;
  setReplica(turn, from, {
    ...heard,
    ackedOffset: fetchOffset,
    caughtUpAtMs: fetchOffset >= state.highWatermark ? state.timeMs : before.caughtUpAtMs,
    confirmedRound: Math.max(before.confirmedRound, request.round),
  });
  advance(turn);
  if (state.role.kind !== 'leader') {
    send(turn, from, { ...answerOf(turn, request.correlationId), problem: 'notLeader' });
    return;
  }
  const proofWanted = state.role.reads.length > 0 && request.round < state.role.round;
  const { highWatermark, settings } = state;
  const behind = request.highWatermark < highWatermark;
  if (fetchOffset < view.endOffset || proofWanted || (behind && !settings.newsAhead)) {
    sendEntries(turn, from, request.correlationId, fetchOffset);
    return;
  }
  if (behind) send(turn, from, { ...answerOf(turn, request.correlationId), ahead: true });
  const waiting = {
    correlationId: request.correlationId,
    fetchOffset,
    highWatermark: behind ? highWatermark : request.highWatermark,
    deadlineMs: state.timeMs + state.settings.fetchWaitMs,
  };
  setReplica(turn, from, { ...(state.role.replicas.get(from) ?? unheard), waiting });
}

export function handleFetchSnapshot(turn: Turn, from: NodeId, request: FetchSnapshotRequest): void {
  const { state } = turn;
  const problem = problemWith(turn, request);
  const answer = {
    kind: 'fetchSnapshotAnswer',
    correlationId: request.correlationId,
    epoch: state.vote.epoch,
    leader: knownLeader(state),
    problem,
    snapshot: request.snapshot,
    sizeBytes: 0,
    position: request.position,
    bytes: new Uint8Array(0),
  } as const;
  if (problem !== undefined) {
    send(turn, from, answer);
    return;
  }
  const before = leaderOf(turn).replicas.get(from) ?? unheard;
  setReplica(turn, from, { ...before, fetchedAtMs: state.timeMs });
  const maxBytes = Math.min(request.maxBytes, state.settings.snapshotChunkBytes);
  turn.effects.push({ kind: 'sendSnapshot', to: from, answer, maxBytes });
}

/** What a voter is known to have flushed. A voter that came back with another volume has nothing that counts. */
function ackedBy(turn: Turn, role: LeaderRole, voter: Voter): Offset {
  const { state, view } = turn;
  if (voter.id === state.nodeId) return isVoter(state) ? view.flushedOffset : offset(0);
  const progress = role.replicas.get(voter.id);
  if (progress === undefined) return offset(0);
  return voter.directory === undefined || voter.directory === progress.directory ? progress.ackedOffset : offset(0);
}

/** Whatever new acknowledgements, flushes or proofs make true: the high watermark, reads, a change of voters. */
export function advance(turn: Turn): void {
  const { state } = turn;
  const role = leaderOf(turn);
  const voters = currentVoters(state);
  const reached = reachedByMajority(voters, (voter) => ackedBy(turn, role, voter)) ?? offset(0);
  if (reached > role.epochStart && reached > state.highWatermark) {
    state.highWatermark = reached;
    turn.effects.push({ kind: 'commit', highWatermark: reached });
    spreadHighWatermark(turn);
    if (role.change !== undefined && role.change.endOffset <= reached) {
      reply(turn, role.change.requestId, { kind: 'done' });
      state.role = { ...leaderOf(turn), change: undefined };
    }
  }
  answerReads(turn);
  const stated = state.voterSets.at(-1);
  const removed = findVoter(voters, state.nodeId) === undefined;
  if (removed && stated !== undefined && stated.offset < state.highWatermark) {
    resign(turn);
    return;
  }
  handOverIfReady(turn);
}

export function read(turn: Turn, requestId: number): void {
  const { state } = turn;
  const { role } = state;
  if (role.kind !== 'leader') {
    reply(turn, requestId, { kind: 'notLeader', leader: knownLeader(state) });
    return;
  }
  if (role.reads.length >= state.settings.waitingReadsLimit) {
    reply(turn, requestId, { kind: 'busy' });
    return;
  }
  const round = role.round + 1;
  state.role = { ...role, round, reads: [...role.reads, { requestId, round, endOffset: turn.view.endOffset }] };
  const voters = currentVoters(state);
  answerWaiting(turn, (_, id) => findVoter(voters, id) !== undefined);
  answerReads(turn);
}

/** Thesis, 6.4: a majority has said, after the question was asked, that it follows this leader. */
function answerReads(turn: Turn): void {
  const { state } = turn;
  const role = leaderOf(turn);
  if (role.reads.length === 0) return;
  const confirmed =
    reachedByMajority(currentVoters(state), ({ id }) =>
      id === state.nodeId ? role.round : (role.replicas.get(id)?.confirmedRound ?? 0),
    ) ?? 0;
  const isSettled = ({ round, endOffset }: WaitingRead): boolean =>
    round <= confirmed && endOffset <= state.highWatermark;
  // Both rise from one to the next.
  const waiting = role.reads.findIndex((asked) => !isSettled(asked));
  const settled = waiting < 0 ? role.reads : role.reads.slice(0, waiting);
  if (settled.length === 0) return;
  for (const { requestId } of settled) reply(turn, requestId, { kind: 'readable', offset: state.highWatermark });
  state.role = { ...role, reads: role.reads.slice(settled.length) };
}

export function transfer(turn: Turn, requestId: number, wanted: NodeId | undefined): void {
  const { state } = turn;
  const { role } = state;
  if (role.kind !== 'leader') {
    reply(turn, requestId, { kind: 'notLeader', leader: knownLeader(state) });
    return;
  }
  if (role.transfer !== undefined) {
    reply(turn, requestId, { kind: 'busy' });
    return;
  }
  const to = wanted ?? successors(turn)[0];
  if (to === undefined || to === state.nodeId || findVoter(currentVoters(state), to) === undefined) {
    reply(turn, requestId, { kind: 'voterUnknown' });
    return;
  }
  const deadlineMs = state.timeMs + state.settings.transferTimeoutMs;
  state.role = { ...role, transfer: { requestId, to, deadlineMs } };
  handOverIfReady(turn);
}

/** The target has everything: nothing is appended any more, so it can be elected at once. */
function handOverIfReady(turn: Turn): void {
  const { state, view } = turn;
  const role = leaderOf(turn);
  if (role.transfer === undefined) return;
  const progress = role.replicas.get(role.transfer.to);
  const silentMs = state.timeMs - (progress?.fetchedAtMs ?? Number.NEGATIVE_INFINITY);
  if (progress === undefined || progress.ackedOffset < view.endOffset || silentMs > state.settings.fetchTimeoutMs)
    return;
  resign(turn, role.transfer.to);
}

/** The other voters, who is furthest first. */
function successors(turn: Turn): NodeId[] {
  const role = leaderOf(turn);
  return currentVoters(turn.state)
    .filter((voter) => voter.id !== turn.state.nodeId)
    .sort((left, right) => ackedBy(turn, role, right) - ackedBy(turn, role, left))
    .map((voter) => voter.id);
}

/** Gives up the office and tells the others whom to elect. */
export function resign(turn: Turn, first?: NodeId): void {
  const { state } = turn;
  const others = successors(turn);
  const preferredSuccessors = first === undefined ? others : [first, ...others.filter((id) => id !== first)];
  const epoch = state.vote.epoch;
  becomeRole(turn, { kind: 'resigned', electionDeadlineMs: electionDeadlineMs(turn) });
  for (const id of others) {
    send(turn, id, {
      kind: 'endEpoch',
      correlationId: correlationId(turn),
      epoch,
      leader: state.nodeId,
      preferredSuccessors,
    });
  }
}

/** A flush has ended. */
export function leaderFlushed(turn: Turn): void {
  turn.state.role = { ...leaderOf(turn), flushedAtMs: turn.state.timeMs };
  advance(turn);
  if (turn.state.settings.newsAhead && turn.state.role.kind === 'leader') tellFlushed(turn);
}

/** Tells voters that have yet to flush the same; those whose fetches wait have, and hear of the high watermark. */
function tellFlushed(turn: Turn): void {
  const { state, view } = turn;
  const { replicas } = leaderOf(turn);
  const voters = currentVoters(state);
  if (!pairDecides(voters) || !isVoter(state)) return;
  const heardSinceMs = state.timeMs - state.settings.fetchTimeoutMs;
  for (const { id } of voters) {
    const progress = replicas.get(id);
    if (progress === undefined || progress.waiting !== undefined || progress.fetchedAtMs < heardSinceMs) continue;
    if (progress.ackedOffset >= view.flushedOffset) continue;
    const { epoch } = state.vote;
    send(turn, id, { kind: 'leaderFlushed', correlationId: 0, epoch, flushedOffset: view.flushedOffset });
  }
}

/** Fewer than a majority have been heard of lately, counting ourselves. */
function lostMajority(turn: Turn, role: LeaderRole): boolean {
  const { state } = turn;
  const voters = currentVoters(state);
  const heardSinceMs = state.timeMs - state.settings.checkQuorumMs;
  if (role.startedAtMs > heardSinceMs) return false;
  const heard = voters.filter(
    ({ id }) => id === state.nodeId || (role.replicas.get(id)?.fetchedAtMs ?? Number.NEGATIVE_INFINITY) > heardSinceMs,
  );
  return heard.length < majorityOf(voters);
}

export function leaderTick(turn: Turn): void {
  const { state, view } = turn;
  const { settings, timeMs } = state;
  const role = leaderOf(turn);
  const stalled = view.flushedOffset < view.endOffset && timeMs - role.flushedAtMs > settings.flushStallMs;
  if (stalled || lostMajority(turn, role)) {
    resign(turn);
    return;
  }
  if (role.transfer !== undefined && timeMs >= role.transfer.deadlineMs) {
    reply(turn, role.transfer.requestId, { kind: 'timedOut' });
    state.role = { ...role, transfer: undefined };
  }
  answerWaiting(turn, (waiting) => timeMs >= waiting.deadlineMs);
  forgetObservers(turn);
  announce(turn);
}

/** It may come back with another volume: what it had says nothing of what it will have, should it become a voter. */
export function observerDisconnected(turn: Turn, peer: NodeId): void {
  const role = leaderOf(turn);
  if (!role.replicas.has(peer) || findVoter(currentVoters(turn.state), peer) !== undefined) return;
  const replicas = new Map(role.replicas);
  replicas.delete(peer);
  turn.state.role = { ...role, replicas };
}

function forgetObservers(turn: Turn): void {
  const { state } = turn;
  const role = leaderOf(turn);
  const voters = currentVoters(state);
  const gone = [...role.replicas].filter(
    ([id, progress]) =>
      findVoter(voters, id) === undefined && state.timeMs - progress.fetchedAtMs > observerForgottenMs,
  );
  if (gone.length === 0) return;
  const replicas = new Map(role.replicas);
  for (const [id] of gone) replicas.delete(id);
  state.role = { ...role, replicas };
}
