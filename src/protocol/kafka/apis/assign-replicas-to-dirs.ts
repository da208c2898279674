import { api } from '../schema/api.ts';
import { int16, int32, int64, list, uuid } from '../schema/field.ts';

/** A broker tells the controller which directories its replicas are in (KIP-858). */
export const assignReplicasToDirs = api({
  key: 73,
  name: 'AssignReplicasToDirs',
  versions: '0',
  flexible: '0+',
  request: {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1 }),
    directories: list({ id: uuid(), topics: list({ topicId: uuid(), partitions: list({ partitionIndex: int32() }) }) }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    directories: list({
      id: uuid(),
      topics: list({ topicId: uuid(), partitions: list({ partitionIndex: int32(), errorCode: int16() }) }),
    }),
  },
});
