import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import { type Context, memberProblem } from './context.ts';
import type { Group } from './group.ts';
import type { Caller } from './group-coordinator.ts';
import { memberGone, removeMember } from './rebalance.ts';

/** From this version on several members leave at once, and each has its own error. */
const severalSince = 3;

/** LeaveGroup, versions 0 to 5. Source: GroupMetadataManager.classicGroupLeave. */
export function leaveGroup(
  context: Context,
  caller: Caller,
  request: RequestOf<typeof apis.leaveGroup>,
  nowMs: number,
): ResponseInputOf<typeof apis.leaveGroup> {
  const leavers =
    caller.apiVersion < severalSince
      ? [{ memberId: request.memberId, groupInstanceId: null }]
      : request.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }));
  const group = context.groups.get(request.groupId);
  if (request.groupId === '') return { errorCode: errorCode.INVALID_GROUP_ID, members: [] };
  if (group === undefined) {
    return caller.apiVersion < severalSince
      ? { errorCode: errorCode.UNKNOWN_MEMBER_ID }
      : {
          errorCode: errorCode.NONE,
          members: leavers.map((each) => ({ ...each, errorCode: errorCode.UNKNOWN_MEMBER_ID })),
        };
  }
  const members = leavers.map((leaver) => ({
    ...leaver,
    errorCode: leave(context, group, leaver.memberId, leaver.groupInstanceId),
  }));
  if (members.some((each) => each.errorCode === errorCode.NONE)) memberGone(context, group, nowMs);
  context.dropIfNothing(group);
  if (caller.apiVersion < severalSince) return { errorCode: members[0]?.errorCode ?? errorCode.UNKNOWN_MEMBER_ID };
  return { errorCode: errorCode.NONE, members };
}

function leave(context: Context, group: Group, memberId: string, instanceId: string | null): number {
  // An administrator removes a static member by its instance id alone.
  const id = memberId === '' && instanceId !== null ? (group.staticMembers.get(instanceId) ?? '') : memberId;
  const pending = group.pendingMembers.get(id);
  if (pending !== undefined) {
    if (instanceId !== null) return errorCode.UNKNOWN_MEMBER_ID;
    context.dropPending(group, id);
    return errorCode.NONE;
  }
  const problem = memberProblem(group, id, instanceId);
  const member = group.members.get(id);
  if (problem !== errorCode.NONE || member === undefined) return problem;
  removeMember(context, group, member);
  return errorCode.NONE;
}
