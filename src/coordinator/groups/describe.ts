import { errorCode } from '../../protocol/kafka/index.ts';
import { type Group, metadataFor, stateNames } from './group.ts';
import type { DescribedGroup, ListedGroup } from './group-coordinator.ts';

/** A group as DescribeGroups shows it; one that does not exist is Dead. Metadata and assignments are shown while stable. */
export function describeGroup(groupId: string, group: Group | undefined): DescribedGroup {
  if (group === undefined) {
    return {
      errorCode: errorCode.NONE,
      groupId,
      groupState: stateNames.dead,
      protocolType: '',
      protocolData: '',
      members: [],
    };
  }
  const isStable = group.state === 'stable';
  return {
    errorCode: errorCode.NONE,
    groupId,
    groupState: stateNames[group.state],
    protocolType: group.protocolType ?? '',
    protocolData: isStable ? (group.protocolName ?? '') : '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? metadataFor(member, group.protocolName) : noBytes,
      memberAssignment: isStable ? member.assignment : noBytes,
    })),
  };
}

export const listedGroup = (group: Group): ListedGroup => ({
  groupId: group.id,
  protocolType: group.protocolType ?? '',
  groupState: stateNames[group.state],
  groupType: 'classic',
});

const noBytes = Buffer.alloc(0);
