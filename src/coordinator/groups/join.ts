import { type apis, errorCode, type RequestOf } from '../../protocol/kafka/index.ts';
import { type Context, coordinatorError, memberProblem } from './context.ts';
import {
  awaitingJoin,
  type Group,
  type Member,
  type Protocol,
  sameProtocols,
  supportsProtocols,
  votedProtocol,
  type Waiting,
} from './group.ts';
import type { Caller } from './group-coordinator.ts';
import { answerJoin, completeIfAllJoined, heard, rebalanceOrComplete } from './rebalance.ts';
import { groupRecord } from './records.ts';
import type { GroupSettings } from './settings.ts';

type JoinRequest = RequestOf<typeof apis.joinGroup>;

/** From this version on a dynamic member is first given its id, and counts when it comes back with it (KIP-394). */
const knownMemberIdSince = 4;
/** From this version on a static leader that comes back can be told to leave the assignment as it is (KIP-814). */
const skipAssignmentSince = 9;
/** Ids of one coordinator that were given out and have not come back: beyond this many somebody is playing. */
const mostPendingMembers = 50_000;
/** A JoinGroup of a new member is answered or given up within this time. Source: group.coordinator's new member timeout. */
const newMemberTimeoutMs = 300_000;

/** JoinGroup, versions 0 to 9. Source: GroupMetadataManager.classicGroupJoin. */
export function joinGroup(context: Context, caller: Caller, request: JoinRequest, nowMs: number): void {
  const { groupId, memberId } = request;
  const known = context.groups.get(groupId);
  const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }));
  const problem = problemOf(context.settings, known, request, protocols);
  if (problem !== errorCode.NONE) {
    context.refuseJoin(caller, problem, problem === errorCode.GROUP_MAX_SIZE_REACHED ? '' : memberId);
    return;
  }
  const group = known ?? context.createGroup(groupId);
  const join: Join = { context, group, caller, request, protocols, nowMs };
  if (memberId === '') joinAsNewMember(join);
  else joinAgain(join);
}

function problemOf(
  settings: GroupSettings,
  group: Group | undefined,
  { groupId, memberId, sessionTimeoutMs, protocolType }: JoinRequest,
  protocols: readonly Protocol[],
): number {
  if (groupId === '') return errorCode.INVALID_GROUP_ID;
  if (sessionTimeoutMs < settings.minSessionTimeoutMs || sessionTimeoutMs > settings.maxSessionTimeoutMs) {
    return errorCode.INVALID_SESSION_TIMEOUT;
  }
  if (group === undefined && memberId !== '') return errorCode.UNKNOWN_MEMBER_ID;
  if (group !== undefined && !hasRoom(group, memberId, settings.maxMembers)) return errorCode.GROUP_MAX_SIZE_REACHED;
  if (protocolType === '' || protocols.length === 0) return errorCode.INCONSISTENT_GROUP_PROTOCOL;
  if (group !== undefined && !supportsProtocols(group, protocolType, protocols)) {
    return errorCode.INCONSISTENT_GROUP_PROTOCOL;
  }
  return errorCode.NONE;
}

type Join = {
  readonly context: Context;
  readonly group: Group;
  readonly caller: Caller;
  readonly request: JoinRequest;
  readonly protocols: readonly Protocol[];
  readonly nowMs: number;
};

function hasRoom(group: Group, memberId: string, maxMembers: number): boolean {
  switch (group.state) {
    case 'empty':
    case 'dead':
      return true;
    case 'preparing':
      return group.members.get(memberId)?.joining !== undefined || awaitingJoin(group) < maxMembers;
    case 'completing':
    case 'stable':
      return group.members.has(memberId) || group.members.size < maxMembers;
  }
}

function joinAsNewMember(join: Join): void {
  const { context, group, caller, request, nowMs } = join;
  const { groupInstanceId } = request;
  const id = `${groupInstanceId ?? caller.clientId}-${context.newId()}`;
  if (groupInstanceId !== null) {
    const known = group.staticMembers.get(groupInstanceId);
    const member = known === undefined ? undefined : group.members.get(known);
    if (member === undefined) addMember(join, id);
    else replaceStaticMember(join, member, id);
    return;
  }
  if (caller.apiVersion < knownMemberIdSince) {
    addMember(join, id);
    return;
  }
  if (context.pendingCount >= mostPendingMembers) {
    context.refuseJoin(caller, errorCode.GROUP_MAX_SIZE_REACHED, '');
    context.dropIfNothing(group);
    return;
  }
  const pending = context.deadlines.add((later) => {
    context.dropPending(group, id);
    completeIfAllJoined(context, group, later);
    context.dropIfNothing(group);
  });
  pending.set(nowMs + request.sessionTimeoutMs);
  group.pendingMembers.set(id, pending);
  context.pendingCount++;
  context.refuseJoin(caller, errorCode.MEMBER_ID_REQUIRED, id);
}

function addMember(join: Join, id: string): void {
  const { context, group, caller, request, protocols, nowMs } = join;
  context.dropPending(group, id);
  const member = context.createMember(group, {
    id,
    instanceId: request.groupInstanceId,
    clientId: caller.clientId,
    clientHost: caller.clientHost,
    rebalanceTimeoutMs: rebalanceTimeoutOf(join),
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocols,
    assignment: Buffer.alloc(0),
  });
  member.isNew = true;
  member.joining = caller;
  if (group.members.size === 0) group.protocolType = request.protocolType;
  group.members.set(id, member);
  group.leaderId ??= id;
  if (member.instanceId !== null) group.staticMembers.set(member.instanceId, id);
  if (group.state === 'preparing' && group.previousState === 'empty') group.hasNewMember = true;
  member.session.set(nowMs + newMemberTimeoutMs);
  rebalanceOrComplete(context, group, nowMs);
}

const rebalanceTimeoutOf = ({ request, caller }: Join): number =>
  caller.apiVersion === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs;

function joinAgain(join: Join): void {
  const { context, group, caller, request, protocols, nowMs } = join;
  const { memberId, groupInstanceId } = request;
  if (group.pendingMembers.has(memberId)) {
    addMember(join, memberId);
    return;
  }
  const problem = memberProblem(group, memberId, groupInstanceId);
  const member = group.members.get(memberId);
  if (problem !== errorCode.NONE || member === undefined) {
    context.refuseJoin(caller, problem, memberId);
    return;
  }
  const isUnchanged = sameProtocols(member.protocols, protocols);
  const mayStay =
    group.state === 'completing'
      ? isUnchanged // Its answer was lost: give it again.
      : group.state === 'stable' && isUnchanged && group.leaderId !== memberId;
  if (mayStay) {
    heard(member, nowMs);
    answerJoin(context, group, member, caller);
    return;
  }
  if (group.state === 'empty' || group.state === 'dead') {
    context.refuseJoin(caller, errorCode.UNKNOWN_MEMBER_ID, memberId);
    return;
  }
  updateMember(join, member);
  rebalanceOrComplete(context, group, nowMs);
}

function updateMember(join: Join, member: Member): void {
  const { context, request, protocols, caller } = join;
  member.protocols = protocols;
  member.rebalanceTimeoutMs = rebalanceTimeoutOf(join);
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  // A request that is sent again takes the place of the first, which nobody reads any more.
  if (member.joining !== undefined) {
    context.refuseJoin(member.joining, errorCode.REBALANCE_IN_PROGRESS, member.id);
  }
  member.joining = caller;
}

/**
 * A static member has started again: it takes the place of its former self under a new id. While its subscription leaves
 * the chosen protocol as it is, a stable group stays stable.
 *
 * Source: GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin.
 */
function replaceStaticMember(join: Join, old: Member, id: string): void {
  const { context, group, caller, nowMs } = join;
  const formerLeader = group.leaderId;
  const wasLeader = formerLeader === old.id;
  if (old.joining !== undefined) context.refuseJoin(old.joining, errorCode.FENCED_INSTANCE_ID, old.id);
  if (old.syncing !== undefined) context.refuseSync(old.syncing, errorCode.FENCED_INSTANCE_ID);
  const former = {
    protocols: old.protocols,
    rebalanceTimeoutMs: old.rebalanceTimeoutMs,
    sessionTimeoutMs: old.sessionTimeoutMs,
  };
  old.joining = undefined;
  old.syncing = undefined;
  rename(group, old, id);
  updateMember(join, old);
  heard(old, nowMs);
  if (group.state !== 'stable' || votedProtocol(group) !== group.protocolName) {
    rebalanceOrComplete(context, group, nowMs);
    return;
  }
  const waiting = caller as Waiting;
  old.joining = undefined;
  const formerId = formerLeader !== null && wasLeader ? formerLeader : undefined;
  const { generation } = group;
  context.outbox.append([groupRecord(group)], {
    committed: () => {
      if (caller.apiVersion >= skipAssignmentSince) {
        answerJoin(context, group, old, waiting, { skipAssignment: wasLeader });
      } else {
        // An old client that hears it is the leader would assign anew: it hears its former name instead.
        answerJoin(context, group, old, waiting, formerId === undefined ? {} : { leaderId: formerId });
      }
    },
    notCommitted: (code) => {
      if (group.generation === generation && group.members.get(id) === old) {
        Object.assign(old, former);
      }
      context.refuseJoin(waiting, coordinatorError(code), id);
    },
  });
}

function rename(group: Group, member: Member, id: string): void {
  const wasPending = group.pendingSync.delete(member.id);
  group.members.delete(member.id);
  if (group.leaderId === member.id) group.leaderId = id;
  member.id = id;
  group.members.set(id, member);
  if (member.instanceId !== null) group.staticMembers.set(member.instanceId, id);
  if (wasPending) group.pendingSync.add(id);
}
