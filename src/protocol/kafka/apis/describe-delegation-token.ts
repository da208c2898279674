import { api } from '../schema/api.ts';
import { bytes, int16, int32, int64, list, string } from '../schema/field.ts';

/** Lists delegation tokens (KIP-48). */
export const describeDelegationToken = api({
  key: 41,
  name: 'DescribeDelegationToken',
  versions: '0-3',
  flexible: '2+',
  request: { owners: list({ principalType: string(), principalName: string() }, { nullable: true }) },
  response: {
    errorCode: int16(),
    tokens: list({
      principalType: string(),
      principalName: string(),
      tokenRequesterPrincipalType: string({ versions: '3+' }),
      tokenRequesterPrincipalName: string({ versions: '3+' }),
      issueTimestamp: int64(),
      expiryTimestamp: int64(),
      maxTimestamp: int64(),
      tokenId: string(),
      hmac: bytes(),
      renewers: list({ principalType: string(), principalName: string() }),
    }),
    throttleTimeMs: int32({ default: 0 }),
  },
});
