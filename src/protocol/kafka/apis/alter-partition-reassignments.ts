import { api } from '../schema/api.ts';
import { array, int16, int32, list, string } from '../schema/field.ts';

/** Starts and cancels moves of partitions to other brokers (KIP-455). */
export const alterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: '0',
  flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    topics: list({
      name: string(),
      partitions: list({ partitionIndex: int32(), replicas: array(int32(), { nullable: true, default: null }) }),
    }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    responses: list({
      name: string(),
      partitions: list({ partitionIndex: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
    }),
  },
});
