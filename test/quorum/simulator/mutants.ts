/**
 * Bugs that people have made in this kind of code, put into copies of `src/quorum` one at a time. A simulator that does
 * not find one of them does not look where it should. Each changes a piece of text that must be there exactly once.
 *
 * Left out are changes that break no promise, such as no pre-vote (a member that comes back deposes a leader in vain).
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { QuorumModule } from './member.ts';
import { type Outcome, simulate } from './simulation.ts';

export type Mutant = { readonly name: string; readonly file: string; readonly find: string; readonly replace: string };

const mutant = (name: string, file: string, find: string, replace: string): Mutant => ({ name, file, find, replace });

export const mutants: readonly Mutant[] = [
  // Votes.
  mutant('votes twice in an epoch', 'election.ts', 'return state.vote.votedFor === request.candidate;', 'return true;'),
  mutant(
    'forgets to persist its vote',
    'turn.ts',
    "  turn.effects.push({ kind: 'persist', vote: turn.state.vote });",
    "  if (votedFor === undefined) turn.effects.push({ kind: 'persist', vote: turn.state.vote });",
  ),
  mutant(
    'forgets to persist the epoch',
    'turn.ts',
    "  turn.effects.push({ kind: 'persist', vote: turn.state.vote });",
    "  if (votedFor !== undefined) turn.effects.push({ kind: 'persist', vote: turn.state.vote });",
  ),
  mutant(
    'answers before its vote is durable',
    'step.ts',
    'effects: turn.effects };',
    "effects: [...turn.effects].sort((left, right) => Number(right.kind === 'send') - Number(left.kind === 'send')) };",
  ),
  mutant('votes for a shorter log', 'election.ts', 'return request.endOffset >= view.endOffset;', 'return true;'),
  mutant(
    'compares logs by length alone',
    'election.ts',
    'if (request.lastEpoch !== view.lastEpoch) return request.lastEpoch > view.lastEpoch;',
    '',
  ),
  mutant('counts a refusal as a vote', 'election.ts', 'if (!answer.granted) {', 'if (answer.epoch < 0) {'),
  mutant(
    'is elected by one vote too few',
    'election.ts',
    'return forming ? voters.length : majorityOf(voters);',
    'return forming ? voters.length : Math.max(1, majorityOf(voters) - 1);',
  ),
  mutant(
    'forgets its vote when it hears of a leader',
    'step.ts',
    "if (role.kind !== 'prospective' || role.leader !== other) becomeFollower(turn, other);",
    "persistVote(turn, epoch, undefined);\n    if (role.kind !== 'prospective' || role.leader !== other) becomeFollower(turn, other);",
  ),
  mutant(
    'stands in the same epoch again',
    'election.ts',
    'persistVote(turn, epochOf(state.vote.epoch + 1), state.nodeId);',
    'persistVote(turn, epochOf(Math.max(1, state.vote.epoch)), state.nodeId);',
  ),
  mutant(
    'votes with a volume that has forgotten its votes',
    'election.ts',
    'if (request.voterDirectory !== undefined && request.voterDirectory !== state.directory) return false;',
    '',
  ),
  mutant(
    'goes back to an earlier epoch',
    'step.ts',
    'if (epoch > state.vote.epoch) {',
    'if (epoch !== state.vote.epoch) {',
  ),
  mutant(
    'forgets at a restart what it voted',
    'state.ts',
    'vote: start.vote ?? { epoch: epoch(0), votedFor: undefined },',
    'vote: { epoch: start.vote?.epoch ?? epoch(0), votedFor: undefined },',
  ),
  // What is committed.
  mutant(
    'commits an older epoch by count',
    'leader.ts',
    'if (reached > role.epochStart && reached > state.highWatermark) {',
    'if (reached > state.highWatermark) {',
  ),
  mutant(
    'takes half for a majority',
    'voters.ts',
    'Math.floor(voters.length / 2) + 1;',
    'Math.max(1, Math.ceil(voters.length / 2));',
  ),
  mutant(
    'takes a minority for a majority',
    'voters.ts',
    'Math.floor(voters.length / 2) + 1;',
    'Math.max(1, Math.floor(voters.length / 2));',
  ),
  mutant(
    'counts from the wrong end',
    'voters.ts',
    '.sort((left, right) => right - left);',
    '.sort((left, right) => left - right);',
  ),
  mutant(
    'counts its own log before it is flushed',
    'leader.ts',
    'return isVoter(state) ? view.flushedOffset : offset(0);',
    'return isVoter(state) ? view.endOffset : offset(0);',
  ),
  mutant(
    'acknowledges before it has flushed',
    'follower.ts',
    'raiseHighWatermark(turn, answer.highWatermark, offset(last.offset + last.count));',
    'raiseHighWatermark(turn, answer.highWatermark, offset(last.offset + last.count));\n  sendFetch(turn, offset(last.offset + last.count), last.epoch);',
  ),
  mutant(
    'counts a log that has parted ways',
    'leader.ts',
    'setReplica(turn, from, heard);',
    'setReplica(turn, from, { ...heard, ackedOffset: request.fetchOffset });',
  ),
  mutant(
    'counts a voter whose volume was lost',
    'leader.ts',
    'return voter.directory === undefined || voter.directory === progress.directory ? progress.ackedOffset : offset(0);',
    'return progress.ackedOffset;',
  ),
  mutant(
    'a follower takes all that it has for committed',
    'follower.ts',
    'const to = leaders < logEnd ? leaders : logEnd;',
    'const to = logEnd;',
  ),
  mutant(
    "a follower takes the leader's high watermark beyond its log",
    'follower.ts',
    'const to = leaders < logEnd ? leaders : logEnd;',
    'const to = leaders;',
  ),
  mutant(
    'a follower takes what its leader has flushed for committed',
    'follower.ts',
    'const both = leaderFlushed < view.flushedOffset ? leaderFlushed : view.flushedOffset;',
    'const both = leaderFlushed < view.endOffset ? leaderFlushed : view.endOffset;',
  ),
  mutant(
    'a follower commits with its leader as one of five',
    'voters.ts',
    'majorityOf(voters) === 2;',
    'majorityOf(voters) >= 2;',
  ),
  mutant(
    'a follower commits with its leader what that has not checked',
    'follower.ts',
    'if (view.epochBefore(both) === state.vote.epoch) raise',
    'raise',
  ),
  mutant(
    'a follower takes what a former leader has flushed for its own',
    'follower.ts',
    "if (role.kind !== 'follower' || role.leader !== from || epoch !== state.vote.epoch) return;",
    "if (role.kind !== 'follower') return;",
  ),
  mutant(
    'a follower that does not vote commits with its leader',
    'follower.ts',
    'if (!pairDecides(voters) || !isVoter(state) || findVoter(voters, leader) === undefined) return;',
    'if (!pairDecides(voters)) return;',
  ),
  mutant(
    'lets the high watermark fall',
    'follower.ts',
    'if (to <= turn.state.highWatermark) return;',
    'if (to === turn.state.highWatermark) return;',
  ),
  // Logs.
  mutant(
    'skips the epoch check of a fetch',
    'leader.ts',
    'if (end.epoch === lastFetchedEpoch && fetchOffset <= end.endOffset) return undefined;',
    'if (fetchOffset <= view.endOffset) return undefined;',
  ),
  mutant(
    'cuts one entry too many',
    'follower.ts',
    'const to = sameEpoch && diverging.endOffset < local.endOffset ? diverging.endOffset : local.endOffset;',
    'const to = offset((sameEpoch && diverging.endOffset < local.endOffset ? diverging.endOffset : local.endOffset) - 1);',
  ),
  mutant(
    'cuts too little',
    'follower.ts',
    'const to = sameEpoch && diverging.endOffset < local.endOffset ? diverging.endOffset : local.endOffset;',
    'const to = local.endOffset;',
  ),
  mutant(
    'takes answers to questions of long ago',
    'follower.ts',
    'if (role.inflight?.correlationId !== answer.correlationId) return false;',
    '',
  ),
  mutant(
    'stamps entries with the epoch before',
    'leader.ts',
    'entries.push({ offset: next, count, epoch: state.vote.epoch, body });',
    'entries.push({ offset: next, count, epoch: view.lastEpoch, body });',
  ),
  mutant(
    'finds the wrong end of an epoch',
    'log-index.ts',
    'if (found.epoch <= wanted) return',
    'if (found.epoch < wanted) return',
  ),
  mutant(
    'takes a flush from before a cut for one after it',
    'log-index.ts',
    'if (mark.cuts === this.#cuts && mark.end > this.#flushed) this.#flushed = mark.end;',
    'if (mark.end > this.#flushed) this.#flushed = Math.min(mark.end, this.#end) as Offset;',
  ),
  mutant(
    'a cut leaves what was flushed where it was',
    'log-index.ts',
    'if (this.#flushed > to) this.#flushed = to;',
    '',
  ),
  mutant('forgets the epoch below what it drops', 'log-index.ts', 'this.#startEpoch = this.epochBefore(to);', ''),
  mutant(
    'a leader forgets to flush',
    'leader.ts',
    "  turn.effects.push({ kind: 'flush' });\n  return next;",
    '  return next;',
  ),
  mutant(
    'a follower forgets to flush',
    'follower.ts',
    "turn.effects.push({ kind: 'append', entries: answer.entries }, { kind: 'flush' });",
    "turn.effects.push({ kind: 'append', entries: answer.entries });",
  ),
  // Voters.
  mutant(
    'changes two voters at once',
    'voter-change.ts',
    'state.highWatermark > role.epochStart && stated !== undefined && stated.offset < state.highWatermark;',
    'state.highWatermark > role.epochStart && stated !== undefined;',
  ),
  mutant(
    'ignores a set of voters until it is restarted',
    'voters.ts',
    'result = [...result, { offset: entry.offset, voters: entry.body.voters }];',
    'result = entry.offset < 2 ? [...result, { offset: entry.offset, voters: entry.body.voters }] : result;',
  ),
  mutant(
    'drops the set of voters that is in force',
    'voters.ts',
    'return inForce <= 0 ? sets : sets.slice(inForce);',
    'return inForce <= 0 ? sets : sets.slice(inForce + 1);',
  ),
  mutant(
    'keeps a set of voters that was cut',
    'voters.ts',
    'return sets.filter((set) => set.offset < to);',
    'return to < 0 ? [] : sets;',
  ),
  mutant(
    'a voter with a new volume counts as the old one',
    'state.ts',
    '(voter) => voter.id === state.nodeId && (voter.directory === undefined || voter.directory === state.directory),',
    '(voter) => voter.id === state.nodeId,',
  ),
  mutant(
    'a voter that is being removed never stands',
    'state.ts',
    'if (isVoter(state)) return true;',
    'if (isVoter(state)) return true;\n  if (state.timeMs >= 0) return false;',
  ),
  mutant(
    'says that a change is done before it is committed',
    'leader.ts',
    'if (role.change !== undefined && role.change.endOffset <= reached) {',
    'if (role.change !== undefined) {',
  ),
  // Reads and requests.
  mutant(
    'answers reads without a proof',
    'leader.ts',
    'round <= confirmed && endOffset <= state.highWatermark;',
    'round <= role.round + confirmed && endOffset <= state.highWatermark;',
  ),
  mutant(
    'takes a fetch from before the question for a proof',
    'leader.ts',
    'confirmedRound: Math.max(before.confirmedRound, request.round),',
    'confirmedRound: leaderOf(turn).round,',
  ),
  mutant(
    'answers reads before what followers may have committed',
    'leader.ts',
    'round <= confirmed && endOffset <= state.highWatermark;',
    'round <= confirmed && role.epochStart < state.highWatermark;',
  ),
  mutant(
    'answers reads before an entry of its own is committed',
    'leader.ts',
    'round <= confirmed && endOffset <= state.highWatermark;',
    'round <= confirmed && Math.min(endOffset, role.epochStart) <= state.highWatermark;',
  ),
  mutant(
    'forgets who waits when it leads no longer',
    'turn.ts',
    "for (const read of role.reads) reply(turn, read.requestId, { kind: 'notLeader', leader });",
    '',
  ),
  // Snapshots.
  mutant(
    'installs a snapshot before it is whole',
    'follower.ts',
    'if (position < answer.sizeBytes) {',
    'if (position + 8 < answer.sizeBytes) {',
  ),
  mutant(
    'does not know what a snapshot commits',
    'step.ts',
    'if (snapshot.offset > state.highWatermark) state.highWatermark = snapshot.offset;',
    '',
  ),
  mutant('fetches while a snapshot is installed', 'follower.ts', 'if (state.installing !== undefined) return;', ''),
  mutant(
    'has no voters after a snapshot',
    'step.ts',
    'state.voterSets = [{ offset: snapshot.offset - 1, voters }];',
    '',
  ),
  // Time.
  mutant(
    'believes a clock that goes back',
    'step.ts',
    'if (passedMs > 0) turn.state.timeMs += passedMs;',
    'turn.state.timeMs += passedMs;',
  ),
];

const source = resolve(import.meta.dirname, '../../../src');

/** A copy of the code with the bug in it. @throws if the text to change is not there exactly once */
export async function loadMutant({ name, file, find, replace }: Mutant): Promise<QuorumModule> {
  const folder = mkdtempSync(join(tmpdir(), 'quorum-mutant-'));
  try {
    for (const part of ['base', 'quorum']) cpSync(join(source, part), join(folder, part), { recursive: true });
    const path = join(folder, 'quorum', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`mutant "${name}": its text is not in ${file} exactly once`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
    return (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'quorum/index.ts')).href)) as QuorumModule;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export type Hunt = {
  readonly mutant: string;
  readonly seed: number | undefined;
  readonly invariant: string | undefined;
  readonly seeds: number;
};

/** Runs seeds from `from` on until one fails. */
export async function hunt(
  bug: Mutant,
  { from, seeds }: { readonly from: number; readonly seeds: number },
): Promise<Hunt> {
  const quorum = await loadMutant(bug);
  for (let seed = from; seed < from + seeds; seed++) {
    const { failure }: Outcome = simulate(quorum, seed);
    if (failure !== undefined) {
      return { mutant: bug.name, seed, invariant: failure.invariant, seeds: seed - from + 1 };
    }
  }
  return { mutant: bug.name, seed: undefined, invariant: undefined, seeds };
}
