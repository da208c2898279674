import type { Epoch, Random } from '../base/index.ts';
import type { Effect, RequestOutcome } from './effects.ts';
import type { LogView } from './log-view.ts';
import type { QuorumMessage } from './messages.ts';
import type { QuorumState, Role } from './state.ts';
import type { NodeId } from './types.ts';

/**
 * One step while it is being made. `state` is this step's own shallow copy, so its fields are replaced here (never the
 * values in them); the state that was handed to `step` stays as it was.
 */
export type Turn = {
  readonly state: { -readonly [Key in keyof QuorumState]: QuorumState[Key] };
  readonly effects: Effect[];
  readonly view: LogView;
  readonly random: Random;
};

export function send(turn: Turn, to: NodeId, message: QuorumMessage): void {
  turn.effects.push({ kind: 'send', to, message });
}

export function reply(turn: Turn, requestId: number, outcome: RequestOutcome): void {
  turn.effects.push({ kind: 'reply', requestId, outcome });
}

export function correlationId(turn: Turn): number {
  turn.state.nextCorrelationId = (turn.state.nextCorrelationId + 1) & 0x7fffffff;
  return turn.state.nextCorrelationId;
}

/** From one to two election time-outs ahead, so that members rarely stand at the same moment. */
export function electionDeadlineMs(turn: Turn): number {
  const { electionTimeoutMs } = turn.state.settings;
  return turn.state.timeMs + electionTimeoutMs + turn.random.below(electionTimeoutMs);
}

/** What the leader owed answers to is settled before it stops leading, whatever it becomes. */
function settleLeadership(turn: Turn, leader: NodeId | undefined): void {
  const { role } = turn.state;
  if (role.kind !== 'leader') return;
  for (const read of role.reads) reply(turn, read.requestId, { kind: 'notLeader', leader });
  if (role.change !== undefined) reply(turn, role.change.requestId, { kind: 'unknown' });
  // However it came about: this node leads no longer, which is what a transfer is asked for.
  if (role.transfer !== undefined) reply(turn, role.transfer.requestId, { kind: 'done' });
}

export function becomeRole(turn: Turn, role: Role): void {
  if (role.kind !== 'leader') settleLeadership(turn, role.kind === 'follower' ? role.leader : undefined);
  turn.state.role = role;
}

/** Epoch and vote are durable before anything after this leaves. */
export function persistVote(turn: Turn, epoch: Epoch, votedFor: NodeId | undefined): void {
  turn.state.vote = { epoch, votedFor };
  turn.effects.push({ kind: 'persist', vote: turn.state.vote });
}

export function becomeUnattached(turn: Turn, deadlineMs = electionDeadlineMs(turn)): void {
  becomeRole(turn, { kind: 'unattached', electionDeadlineMs: deadlineMs });
}
