import { api } from '../schema/api.ts';
import { bool, bytes, int16, int32, list, string } from '../schema/field.ts';

/** Enters a classic group. Version 4 asks for a member id first (KIP-394), 5 has static members (KIP-345), 9 lets a leader skip assigning (KIP-814). */
export const joinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: '0-9',
  flexible: '6+',
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ versions: '1+', default: -1 }),
    memberId: string(),
    groupInstanceId: string({ versions: '5+', nullable: true, default: null }),
    protocolType: string(),
    protocols: list({ name: string(), metadata: bytes() }),
    reason: string({ versions: '8+', nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32({ versions: '2+' }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ versions: '7+', nullable: true, default: null }),
    protocolName: string({ nullable: '7+' }),
    leader: string(),
    skipAssignment: bool({ versions: '9+' }),
    memberId: string(),
    members: list({
      memberId: string(),
      groupInstanceId: string({ versions: '5+', nullable: true, default: null }),
      metadata: bytes(),
    }),
  },
});
