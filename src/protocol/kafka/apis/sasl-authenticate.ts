import { api } from '../schema/api.ts';
import { bytes, int16, int64, string } from '../schema/field.ts';

/** One token of a SASL exchange (KIP-152), with the session's life from version 1 (KIP-368). */
export const saslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: '0-2',
  flexible: '2+',
  request: { authBytes: bytes() },
  response: {
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ versions: '1+' }),
  },
});
