import { api } from '../schema/api.ts';
import { array, bool, int16, int32, int64, list, string } from '../schema/field.ts';

/** The controller of ZooKeeper mode tells a broker to stop replicas, and perhaps to delete them. */
export const stopReplica = api({
  key: 5,
  name: 'StopReplica',
  versions: '0-4',
  flexible: '2+',
  request: {
    controllerId: int32(),
    isKRaftController: bool({ versions: '4+' }),
    controllerEpoch: int32(),
    brokerEpoch: int64({ versions: '1+', default: -1 }),
    deletePartitions: bool({ versions: '0-2' }),
    ungroupedPartitions: list({ topicName: string(), partitionIndex: int32() }, { versions: '0' }),
    topics: list({ name: string(), partitionIndexes: array(int32()) }, { versions: '1-2' }),
    topicStates: list(
      {
        topicName: string(),
        partitionStates: list({
          partitionIndex: int32(),
          leaderEpoch: int32({ default: -1 }),
          deletePartition: bool(),
        }),
      },
      { versions: '3+' },
    ),
  },
  response: {
    errorCode: int16(),
    partitionErrors: list({ topicName: string(), partitionIndex: int32(), errorCode: int16() }),
  },
});
