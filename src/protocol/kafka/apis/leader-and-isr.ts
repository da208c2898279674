import { api } from '../schema/api.ts';
import { array, bool, int8, int16, int32, int64, list, string, uuid } from '../schema/field.ts';

/** The controller of ZooKeeper mode tells a broker which partitions it leads or follows. */
export const leaderAndIsr = api({
  key: 4,
  name: 'LeaderAndIsr',
  versions: '0-7',
  flexible: '4+',
  request: {
    controllerId: int32(),
    isKRaftController: bool({ versions: '7+' }),
    controllerEpoch: int32(),
    brokerEpoch: int64({ versions: '2+', default: -1 }),
    type: int8({ versions: '5+' }),
    ungroupedPartitionStates: list(
      {
        topicName: string(),
        partitionIndex: int32(),
        controllerEpoch: int32(),
        leader: int32(),
        leaderEpoch: int32(),
        isr: array(int32()),
        partitionEpoch: int32(),
        replicas: array(int32()),
        addingReplicas: array(int32(), { versions: '3+' }),
        removingReplicas: array(int32(), { versions: '3+' }),
        isNew: bool({ versions: '1+' }),
        leaderRecoveryState: int8({ versions: '6+' }),
      },
      { versions: '0-1' },
    ),
    topicStates: list(
      {
        topicName: string(),
        topicId: uuid({ versions: '5+' }),
        partitionStates: list({
          topicName: string({ versions: '0-1' }),
          partitionIndex: int32(),
          controllerEpoch: int32(),
          leader: int32(),
          leaderEpoch: int32(),
          isr: array(int32()),
          partitionEpoch: int32(),
          replicas: array(int32()),
          addingReplicas: array(int32(), { versions: '3+' }),
          removingReplicas: array(int32(), { versions: '3+' }),
          isNew: bool({ default: false }),
          leaderRecoveryState: int8({ versions: '6+' }),
        }),
      },
      { versions: '2+' },
    ),
    liveLeaders: list({ brokerId: int32(), hostName: string(), port: int32() }),
  },
  response: {
    errorCode: int16(),
    partitionErrors: list({ topicName: string(), partitionIndex: int32(), errorCode: int16() }, { versions: '0-4' }),
    topics: list(
      {
        topicId: uuid(),
        partitionErrors: list({ topicName: string({ versions: '0-4' }), partitionIndex: int32(), errorCode: int16() }),
      },
      { versions: '5+' },
    ),
  },
});
