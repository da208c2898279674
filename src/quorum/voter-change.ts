/**
 * KIP-853: one voter at a time, and only when the change before is committed, as is an entry of the leader's own epoch
 * (without that, two sets without a common majority can both be in force; see Ongaro's correction of 2015).
 */
import type { RequestOutcome } from './effects.ts';
import type { VoterChange } from './events.ts';
import { appendBodies, leaderOf } from './leader.ts';
import { currentVoters, knownLeader } from './state.ts';
import type { Turn } from './turn.ts';
import { reply } from './turn.ts';
import type { Voter } from './types.ts';
import { findVoter } from './voters.ts';

function refusal(turn: Turn, change: VoterChange): RequestOutcome | undefined {
  const { state } = turn;
  const { role } = state;
  if (role.kind !== 'leader' || role.transfer !== undefined) return { kind: 'notLeader', leader: knownLeader(state) };
  const stated = state.voterSets.at(-1);
  const settled = state.highWatermark > role.epochStart && stated !== undefined && stated.offset < state.highWatermark;
  if (!settled) return { kind: 'busy' };
  const present = findVoter(stated.voters, change.kind === 'remove' ? change.id : change.voter.id);
  if (change.kind === 'add') {
    if (present !== undefined) return { kind: 'voterExists' };
    const progress = role.replicas.get(change.voter.id);
    const lagMs = state.timeMs - (progress?.caughtUpAtMs ?? Number.NEGATIVE_INFINITY);
    const sameVolume = change.voter.directory === undefined || change.voter.directory === progress?.directory;
    return lagMs > state.settings.checkQuorumMs || !sameVolume ? { kind: 'notCaughtUp' } : undefined;
  }
  if (present === undefined) return { kind: 'voterUnknown' };
  if (change.kind === 'update') {
    // Another volume is another voter, since it has forgotten its votes: it is removed, then added.
    const known = present.directory !== undefined && present.directory !== change.voter.directory;
    return known ? { kind: 'voterUnknown' } : undefined;
  }
  return change.kind === 'remove' && stated.voters.length === 1 ? { kind: 'lastVoter' } : undefined;
}

function changed(voters: readonly Voter[], change: VoterChange): readonly Voter[] {
  if (change.kind === 'add') return [...voters, change.voter];
  if (change.kind === 'remove') return voters.filter((voter) => voter.id !== change.id);
  return voters.map((voter) => (voter.id === change.voter.id ? change.voter : voter));
}

export function changeVoters(turn: Turn, requestId: number, change: VoterChange): void {
  const refused = refusal(turn, change);
  if (refused !== undefined) {
    reply(turn, requestId, refused);
    return;
  }
  const voters = changed(currentVoters(turn.state), change);
  const endOffset = appendBodies(turn, [{ body: { kind: 'voters', voters }, count: 1 }]);
  turn.state.role = { ...leaderOf(turn), change: { requestId, endOffset } };
}
