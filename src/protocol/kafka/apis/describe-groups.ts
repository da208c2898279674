import { api } from '../schema/api.ts';
import { array, bool, bytes, int16, int32, list, string } from '../schema/field.ts';

/** State, members and assignments of classic groups. */
export const describeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: '0-5',
  flexible: '5+',
  request: { groups: array(string()), includeAuthorizedOperations: bool({ versions: '3+' }) },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    groups: list({
      errorCode: int16(),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: list({
        memberId: string(),
        groupInstanceId: string({ versions: '4+', nullable: true, default: null }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      authorizedOperations: int32({ versions: '3+', default: -0x80000000 }),
    }),
  },
});
