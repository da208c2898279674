import { errorCode } from '../../protocol/kafka/index.ts';
import type { Context } from './context.ts';
import {
  enterState,
  type Group,
  hasEveryoneJoined,
  type Member,
  metadataFor,
  rebalanceTimeoutMs,
  votedProtocol,
  type Waiting,
} from './group.ts';
import { groupRecord } from './records.ts';

/** Begins the member's session anew: it was heard of. */
export function heard(member: Member, nowMs: number): void {
  member.session.set(nowMs + member.sessionTimeoutMs);
}

/** Somebody came, went or changed: begin a rebalance, or see whether the one that is under way can end. */
export function rebalanceOrComplete(context: Context, group: Group, nowMs: number): void {
  if (group.state === 'preparing') completeIfAllJoined(context, group, nowMs);
  else prepareRebalance(context, group, nowMs);
}

/** Everyone must join again. From empty the first member waits a while for others. */
export function prepareRebalance(context: Context, group: Group, nowMs: number): void {
  if (group.state === 'completing') dropAssignments(context, group, errorCode.REBALANCE_IN_PROGRESS);
  group.syncPhase.clear();
  group.pendingSync.clear();
  const isInitial = group.state === 'empty';
  enterState(group, 'preparing', nowMs);
  if (isInitial) {
    const delay = context.settings.initialRebalanceDelayMs;
    group.hasNewMember = false;
    group.initialDelayLeftMs = Math.max(rebalanceTimeoutMs(group) - delay, 0);
    if (delay === 0) joinPhaseOver(context, group, nowMs);
    else group.joinPhase.set(nowMs + delay);
    return;
  }
  group.joinPhase.set(nowMs + rebalanceTimeoutMs(group));
  completeIfAllJoined(context, group, nowMs);
}

/** During the initial delay nobody is hurried, however complete the group looks. */
export function completeIfAllJoined(context: Context, group: Group, nowMs: number): void {
  if (group.state !== 'preparing' || group.previousState === 'empty' || !hasEveryoneJoined(group)) return;
  completeJoin(context, group, nowMs);
}

/** The initial delay or the rebalance time-out is over. */
export function joinPhaseOver(context: Context, group: Group, nowMs: number): void {
  if (group.state !== 'preparing') return;
  if (group.previousState === 'empty' && group.hasNewMember && group.initialDelayLeftMs > 0) {
    const delay = Math.min(context.settings.initialRebalanceDelayMs, group.initialDelayLeftMs);
    group.hasNewMember = false;
    group.initialDelayLeftMs -= delay;
    group.joinPhase.set(nowMs + delay);
    return;
  }
  completeJoin(context, group, nowMs);
}

function completeJoin(context: Context, group: Group, nowMs: number): void {
  group.joinPhase.clear();
  for (const member of [...group.members.values()]) {
    if (member.joining === undefined && member.instanceId === null) removeMember(context, group, member);
  }
  if (group.members.size > 0 && !electLeader(group)) {
    // Only static members are left, and none of them has come back yet: their sessions decide.
    group.joinPhase.set(nowMs + rebalanceTimeoutMs(group));
    return;
  }
  group.generation++;
  if (group.members.size === 0) {
    group.protocolName = null;
    group.leaderId = null;
    enterState(group, 'empty', nowMs);
    // Nobody waits for it: the next coordinator finds the same offsets with or without it.
    context.outbox.append([groupRecord(group)], { committed: () => {}, notCommitted: () => {} });
    return;
  }
  group.protocolName = votedProtocol(group);
  enterState(group, 'completing', nowMs);
  group.pendingSync.clear();
  for (const member of group.members.values()) {
    group.pendingSync.add(member.id);
    member.isNew = false;
    heard(member, nowMs);
    if (member.joining !== undefined) answerJoin(context, group, member, member.joining);
    member.joining = undefined;
  }
  group.syncPhase.set(nowMs + rebalanceTimeoutMs(group));
}

/** The leader stays while it is here; otherwise the first that has joined takes its place. */
function electLeader(group: Group): boolean {
  const leader = group.leaderId === null ? undefined : group.members.get(group.leaderId);
  if (leader?.joining !== undefined) return true;
  for (const member of group.members.values()) {
    if (member.joining === undefined) continue;
    group.leaderId = member.id;
    return true;
  }
  return false;
}

/** Tells a member of the generation; the leader alone hears who else is there. */
export function answerJoin(
  context: Context,
  group: Group,
  member: Member,
  waiting: Waiting,
  special: { readonly leaderId?: string; readonly skipAssignment?: boolean } = {},
): void {
  const leader = special.leaderId ?? group.leaderId ?? '';
  const isLeader = leader === member.id;
  context.outbox.reply(waiting.ticket, {
    api: 'joinGroup',
    body: {
      errorCode: errorCode.NONE,
      generationId: group.generation,
      protocolType: group.protocolType,
      protocolName: group.protocolName ?? '',
      leader,
      skipAssignment: special.skipAssignment ?? false,
      memberId: member.id,
      members: isLeader
        ? [...group.members.values()].map((each) => ({
            memberId: each.id,
            groupInstanceId: each.instanceId,
            metadata: metadataFor(each, group.protocolName),
          }))
        : [],
    },
  });
}

/** The sync phase is over: who has not asked for its assignment by now is not coming. */
export function syncPhaseOver(context: Context, group: Group, nowMs: number): void {
  if ((group.state !== 'completing' && group.state !== 'stable') || group.pendingSync.size === 0) return;
  for (const id of [...group.pendingSync]) {
    const member = group.members.get(id);
    if (member !== undefined) removeMember(context, group, member);
  }
  prepareRebalance(context, group, nowMs);
}

/** A member was not heard of for its session time-out. One that waits for us is alive; one that never heard of a generation is not. */
export function sessionOver(context: Context, group: Group, member: Member, nowMs: number): void {
  if (group.members.get(member.id) !== member) return;
  if (!member.isNew && (member.joining !== undefined || member.syncing !== undefined)) return;
  removeMember(context, group, member);
  memberGone(context, group, nowMs);
}

/** After one or more members were removed. */
export function memberGone(context: Context, group: Group, nowMs: number): void {
  if (group.state === 'stable' || group.state === 'completing') prepareRebalance(context, group, nowMs);
  else if (group.state === 'preparing') completeIfAllJoined(context, group, nowMs);
}

/** Takes a member out; a request of it that waits is answered. */
export function removeMember(context: Context, group: Group, member: Member): void {
  member.session.clear();
  group.members.delete(member.id);
  group.pendingSync.delete(member.id);
  if (member.instanceId !== null && group.staticMembers.get(member.instanceId) === member.id) {
    group.staticMembers.delete(member.instanceId);
  }
  if (group.leaderId === member.id) group.leaderId = null;
  if (member.joining !== undefined) context.refuseJoin(member.joining, errorCode.UNKNOWN_MEMBER_ID, member.id);
  if (member.syncing !== undefined) context.refuseSync(member.syncing, errorCode.UNKNOWN_MEMBER_ID);
  member.joining = undefined;
  member.syncing = undefined;
}

/** Nobody has an assignment any more; who waits for one hears why. */
export function dropAssignments(context: Context, group: Group, code: number): void {
  for (const member of group.members.values()) {
    member.assignment = noBytes;
    if (member.syncing !== undefined) context.refuseSync(member.syncing, code);
    member.syncing = undefined;
  }
}

const noBytes = Buffer.alloc(0);
