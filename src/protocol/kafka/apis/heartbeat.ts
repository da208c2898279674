import { api } from '../schema/api.ts';
import { int16, int32, string } from '../schema/field.ts';

/** A member of a classic group is alive, and asks whether it must rejoin. */
export const heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: '0-4',
  flexible: '4+',
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ versions: '3+', nullable: true, default: null }),
  },
  response: { throttleTimeMs: int32({ versions: '1+' }), errorCode: int16() },
});
