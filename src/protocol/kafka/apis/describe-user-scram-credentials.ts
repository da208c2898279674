import { api } from '../schema/api.ts';
import { int8, int16, int32, list, string } from '../schema/field.ts';

/** Lists SCRAM credentials without their secrets (KIP-554). */
export const describeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: '0',
  flexible: '0+',
  request: { users: list({ name: string() }, { nullable: true }) },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: list({
      user: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      credentialInfos: list({ mechanism: int8(), iterations: int32() }),
    }),
  },
});
