import { api } from '../schema/api.ts';
import { bytes, int16, int32, list, string } from '../schema/field.ts';

/** The leader of a classic group hands out assignments, everyone receives theirs. */
export const syncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: '0-5',
  flexible: '4+',
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: true, default: null }),
    protocolType: string({ versions: '5+', nullable: true, default: null }),
    protocolName: string({ versions: '5+', nullable: true, default: null }),
    assignments: list({ memberId: string(), assignment: bytes() }),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    errorCode: int16(),
    protocolType: string({ versions: '5+', nullable: true, default: null }),
    protocolName: string({ versions: '5+', nullable: true, default: null }),
    assignment: bytes(),
  },
});
