import { type apis, errorCode, type RequestOf } from '../../protocol/kafka/index.ts';
import { type Context, memberProblem } from './context.ts';
import { heard } from './rebalance.ts';

/** The error code of a Heartbeat, versions 0 to 4. Source: GroupMetadataManager.classicGroupHeartbeat. */
export function heartbeat(context: Context, request: RequestOf<typeof apis.heartbeat>, nowMs: number): number {
  const group = context.groups.get(request.groupId);
  if (request.groupId === '') return errorCode.INVALID_GROUP_ID;
  if (group === undefined) return errorCode.UNKNOWN_MEMBER_ID;
  const problem = memberProblem(group, request.memberId, request.groupInstanceId);
  if (problem !== errorCode.NONE) return problem;
  if (request.generationId !== group.generation) return errorCode.ILLEGAL_GENERATION;
  const member = group.members.get(request.memberId);
  if (member === undefined || group.state === 'empty' || group.state === 'dead') return errorCode.UNKNOWN_MEMBER_ID;
  heard(member, nowMs);
  return group.state === 'preparing' ? errorCode.REBALANCE_IN_PROGRESS : errorCode.NONE;
}
