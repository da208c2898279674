/**
 * Standing for election and voting. A prospective asks whether it would be elected (pre-vote, KIP-996) and changes
 * nothing for anyone; only with a majority of such answers does it begin an epoch. So a member that was cut off or
 * paused does not depose a leader that the others hear.
 */
import { epoch as epochOf } from '../base/index.ts';
import { becomeFollower } from './follower.ts';
import { becomeLeader } from './leader.ts';
import type { EndEpochRequest, VoteAnswer, VoteRequest } from './messages.ts';
import { currentVoters, knownLeader, mayStand } from './state.ts';
import type { Turn } from './turn.ts';
import { becomeRole, becomeUnattached, correlationId, electionDeadlineMs, persistVote, send } from './turn.ts';
import type { NodeId, Voter } from './types.ts';
import { findVoter, majorityOf } from './voters.ts';

/** How many votes elect. A log that never held an entry may only be begun by all: see `unanimousFormation`. */
function votesNeeded(turn: Turn, voters: readonly Voter[]): number {
  const forming = turn.state.settings.unanimousFormation && turn.view.endOffset === 0;
  return forming ? voters.length : majorityOf(voters);
}

const countOf = (voters: readonly Voter[], ids: ReadonlySet<NodeId>): number =>
  voters.filter((voter) => ids.has(voter.id)).length;

function askForVotes(turn: Turn, { preVote, id }: { preVote: boolean; id: number }): void {
  const { state, view } = turn;
  for (const voter of currentVoters(state)) {
    if (voter.id === state.nodeId) continue;
    send(turn, voter.id, {
      kind: 'vote',
      correlationId: id,
      epoch: state.vote.epoch,
      candidate: state.nodeId,
      voterDirectory: voter.directory,
      lastEpoch: view.lastEpoch,
      endOffset: view.endOffset,
      preVote,
    });
  }
}

export function becomeProspective(turn: Turn): void {
  const { state } = turn;
  const id = correlationId(turn);
  const granted: ReadonlySet<NodeId> = new Set([state.nodeId]);
  const leader = knownLeader(state);
  becomeRole(turn, {
    kind: 'prospective',
    electionDeadlineMs: electionDeadlineMs(turn),
    correlationId: id,
    granted,
    refused: new Set(),
    leader,
  });
  const voters = currentVoters(state);
  if (countOf(voters, granted) >= votesNeeded(turn, voters)) becomeCandidate(turn);
  else askForVotes(turn, { preVote: true, id });
}

export function becomeCandidate(turn: Turn): void {
  const { state } = turn;
  persistVote(turn, epochOf(state.vote.epoch + 1), state.nodeId);
  const id = correlationId(turn);
  const granted: ReadonlySet<NodeId> = new Set([state.nodeId]);
  becomeRole(turn, {
    kind: 'candidate',
    electionDeadlineMs: electionDeadlineMs(turn),
    correlationId: id,
    granted,
    refused: new Set(),
  });
  const voters = currentVoters(state);
  if (countOf(voters, granted) >= votesNeeded(turn, voters)) becomeLeader(turn, granted);
  else askForVotes(turn, { preVote: false, id });
}

/** Raft paper, 5.4.1: a candidate's log must hold everything that ours may have committed. */
function isUpToDate(turn: Turn, request: VoteRequest): boolean {
  const { view } = turn;
  if (request.lastEpoch !== view.lastEpoch) return request.lastEpoch > view.lastEpoch;
  return request.endOffset >= view.endOffset;
}

function mayGrant(turn: Turn, request: VoteRequest): boolean {
  const { state } = turn;
  const { role } = state;
  if (request.epoch !== state.vote.epoch || !isUpToDate(turn, request)) return false;
  if (request.voterDirectory !== undefined && request.voterDirectory !== state.directory) return false;
  if (request.preVote) {
    // Whoever hears a leader does not help to replace it.
    return role.kind === 'follower' ? !role.leaderAnswered : role.kind !== 'leader';
  }
  if (state.vote.votedFor !== undefined) return state.vote.votedFor === request.candidate;
  return role.kind === 'unattached' || (role.kind === 'prospective' && role.leader === undefined);
}

/** The epoch of the request has been noted already. */
export function handleVote(turn: Turn, from: NodeId, request: VoteRequest): void {
  const { state } = turn;
  const granted = mayGrant(turn, request);
  if (granted && !request.preVote) {
    if (state.vote.votedFor === undefined) persistVote(turn, state.vote.epoch, request.candidate);
    becomeUnattached(turn);
  }
  send(turn, from, {
    kind: 'voteAnswer',
    correlationId: request.correlationId,
    epoch: state.vote.epoch,
    leader: knownLeader(state),
    granted,
  });
}

export function handleVoteAnswer(turn: Turn, from: NodeId, answer: VoteAnswer): void {
  const { state } = turn;
  const { role } = state;
  if (role.kind !== 'prospective' && role.kind !== 'candidate') return;
  if (answer.correlationId !== role.correlationId || answer.epoch !== state.vote.epoch) return;
  const voters = currentVoters(state);
  if (findVoter(voters, from) === undefined) return;
  if (!answer.granted) {
    const refused = new Set(role.refused).add(from);
    state.role = { ...role, refused };
    // Still heard by so many that no majority can come together: so do we try to hear it again.
    const lost = voters.length - countOf(voters, refused) < votesNeeded(turn, voters);
    if (lost && role.kind === 'prospective' && role.leader !== undefined) becomeFollower(turn, role.leader);
    return;
  }
  const granted = new Set(role.granted).add(from);
  state.role = { ...role, granted };
  if (countOf(voters, granted) < votesNeeded(turn, voters)) return;
  if (role.kind === 'prospective') becomeCandidate(turn);
  else becomeLeader(turn, granted);
}

/** The leader has given up its office. Its first choice stands at once, without asking whether the others still hear it. */
export function handleEndEpoch(turn: Turn, from: NodeId, request: EndEpochRequest): void {
  const { state } = turn;
  const { role, settings } = state;
  send(turn, from, {
    kind: 'endEpochAnswer',
    correlationId: request.correlationId,
    epoch: state.vote.epoch,
    leader: knownLeader(state),
  });
  if (request.epoch !== state.vote.epoch) return;
  if (role.kind === 'leader' || role.kind === 'candidate' || role.kind === 'resigned') return;
  const place = request.preferredSuccessors.indexOf(state.nodeId);
  if (place === 0 && mayStand(state) && state.installing === undefined) becomeCandidate(turn);
  else if (place > 0) becomeUnattached(turn, state.timeMs + (place * settings.electionTimeoutMs) / 2);
  else becomeUnattached(turn);
}

/** Called when the time of an unattached, prospective, candidate or resigned voter is up. */
export function electionTimedOut(turn: Turn): void {
  const { state } = turn;
  const { role } = state;
  if (state.installing !== undefined) return;
  if (!mayStand(state)) becomeUnattached(turn);
  else if (role.kind === 'prospective' && role.leader !== undefined) becomeFollower(turn, role.leader);
  else becomeProspective(turn);
}
