import { api } from '../schema/api.ts';
import { bytes, int8, int16, int32, list, string } from '../schema/field.ts';

/** Sets and removes SCRAM credentials (KIP-554). */
export const alterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: '0',
  flexible: '0+',
  request: {
    deletions: list({ name: string(), mechanism: int8() }),
    upsertions: list({
      name: string(),
      mechanism: int8(),
      iterations: int32(),
      salt: bytes(),
      saltedPassword: bytes(),
    }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: list({ user: string(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
  },
});
