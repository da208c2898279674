import { api } from '../schema/api.ts';
import { array, int16, int32, list, string } from '../schema/field.ts';

/** Moves replicas between the log directories of one broker (KIP-113). */
export const alterReplicaLogDirs = api({
  key: 34,
  name: 'AlterReplicaLogDirs',
  versions: '0-2',
  flexible: '2+',
  request: { dirs: list({ path: string(), topics: list({ name: string(), partitions: array(int32()) }) }) },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: list({ topicName: string(), partitions: list({ partitionIndex: int32(), errorCode: int16() }) }),
  },
});
