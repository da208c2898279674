import { api } from '../schema/api.ts';
import { int16, int32, list, string } from '../schema/field.ts';

/** Leaves a classic group; several members at once from version 3. */
export const leaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: '0-5',
  flexible: '4+',
  request: {
    groupId: string(),
    memberId: string({ versions: '0-2' }),
    members: list(
      {
        memberId: string(),
        groupInstanceId: string({ nullable: true, default: null }),
        reason: string({ versions: '5+', nullable: true, default: null }),
      },
      { versions: '3+' },
    ),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    errorCode: int16(),
    members: list(
      { memberId: string(), groupInstanceId: string({ nullable: true }), errorCode: int16() },
      { versions: '3+' },
    ),
  },
});
