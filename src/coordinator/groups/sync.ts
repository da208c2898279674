import { type apis, errorCode, type RequestOf } from '../../protocol/kafka/index.ts';
import { type Context, coordinatorError, memberProblem } from './context.ts';
import { enterState, type Group, type Member } from './group.ts';
import type { Caller } from './group-coordinator.ts';
import { dropAssignments, heard, prepareRebalance } from './rebalance.ts';
import { groupRecord } from './records.ts';

type SyncRequest = RequestOf<typeof apis.syncGroup>;

/** SyncGroup, versions 0 to 5. Source: GroupMetadataManager.classicGroupSync. */
export function syncGroup(context: Context, caller: Caller, request: SyncRequest, nowMs: number): void {
  const group = context.groups.get(request.groupId);
  const problem = problemOf(group, request);
  const member = group?.members.get(request.memberId);
  if (group === undefined || member === undefined || problem !== errorCode.NONE) {
    context.refuseSync(caller, problem);
    return;
  }
  group.pendingSync.delete(member.id);
  heard(member, nowMs);
  if (group.state === 'stable') {
    answerSync(context, group, member, caller.ticket);
    return;
  }
  if (member.syncing !== undefined) context.refuseSync(member.syncing, errorCode.REBALANCE_IN_PROGRESS);
  member.syncing = caller;
  if (group.leaderId === member.id) storeAssignments(context, group, request);
}

function problemOf(group: Group | undefined, request: SyncRequest): number {
  if (request.groupId === '') return errorCode.INVALID_GROUP_ID;
  if (group === undefined) return errorCode.UNKNOWN_MEMBER_ID;
  const member = memberProblem(group, request.memberId, request.groupInstanceId);
  if (member !== errorCode.NONE) return member;
  if (request.generationId !== group.generation) return errorCode.ILLEGAL_GENERATION;
  if (request.protocolType !== null && request.protocolType !== group.protocolType) {
    return errorCode.INCONSISTENT_GROUP_PROTOCOL;
  }
  if (request.protocolName !== null && request.protocolName !== group.protocolName) {
    return errorCode.INCONSISTENT_GROUP_PROTOCOL;
  }
  if (group.state === 'preparing') return errorCode.REBALANCE_IN_PROGRESS;
  return group.state === 'empty' || group.state === 'dead' ? errorCode.UNKNOWN_MEMBER_ID : errorCode.NONE;
}

/** The leader has assigned: store it, and only then tell anyone. */
function storeAssignments(context: Context, group: Group, request: SyncRequest): void {
  const assignments = new Map(
    request.assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)] as const),
  );
  const { generation } = group;
  const isStill = (): boolean => group.state === 'completing' && group.generation === generation;
  context.outbox.append([groupRecord(group, assignments)], {
    committed: (nowMs) => {
      if (!isStill()) return;
      enterState(group, 'stable', nowMs);
      for (const member of group.members.values()) {
        member.assignment = assignments.get(member.id) ?? Buffer.alloc(0);
        if (member.syncing === undefined) continue;
        answerSync(context, group, member, member.syncing.ticket);
        member.syncing = undefined;
        heard(member, nowMs);
      }
    },
    notCommitted: (code, nowMs) => {
      if (!isStill()) return;
      dropAssignments(context, group, coordinatorError(code));
      prepareRebalance(context, group, nowMs);
    },
  });
}

function answerSync(context: Context, group: Group, member: Member, ticket: number): void {
  context.outbox.reply(ticket, {
    api: 'syncGroup',
    body: {
      errorCode: errorCode.NONE,
      protocolType: group.protocolType,
      protocolName: group.protocolName,
      assignment: member.assignment,
    },
  });
}
