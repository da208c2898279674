import { api } from '../schema/api.ts';
import { array, int8, int16, int32, list, string } from '../schema/field.ts';

/** Elects preferred leaders, or any live replica (KIP-460). */
export const electLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  versions: '0-2',
  flexible: '2+',
  request: {
    electionType: int8({ versions: '1+' }),
    topicPartitions: list({ topic: string(), partitions: array(int32()) }, { nullable: true }),
    timeoutMs: int32({ default: 60000 }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ versions: '1+' }),
    replicaElectionResults: list({
      topic: string(),
      partitionResult: list({ partitionId: int32(), errorCode: int16(), errorMessage: string({ nullable: true }) }),
    }),
  },
});
