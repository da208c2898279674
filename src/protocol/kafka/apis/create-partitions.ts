import { api } from '../schema/api.ts';
import { array, bool, int16, int32, list, string } from '../schema/field.ts';

/** Adds partitions to topics (KIP-195). */
export const createPartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: '0-3',
  flexible: '2+',
  request: {
    topics: list({
      name: string(),
      count: int32(),
      assignments: list({ brokerIds: array(int32()) }, { nullable: true }),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: list({ name: string(), errorCode: int16(), errorMessage: string({ nullable: true, default: null }) }),
  },
});
