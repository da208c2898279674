import { api } from '../schema/api.ts';
import { array, bool, int8, int16, int32, int64, list, string, uuid } from '../schema/field.ts';

/** The controller of ZooKeeper mode tells a broker what clients may see. */
export const updateMetadata = api({
  key: 6,
  name: 'UpdateMetadata',
  versions: '0-8',
  flexible: '6+',
  request: {
    controllerId: int32(),
    isKRaftController: bool({ versions: '8+' }),
    type: int8({ versions: '8+', tag: 0 }),
    controllerEpoch: int32(),
    brokerEpoch: int64({ versions: '5+', default: -1 }),
    ungroupedPartitionStates: list(
      {
        topicName: string(),
        partitionIndex: int32(),
        controllerEpoch: int32(),
        leader: int32(),
        leaderEpoch: int32(),
        isr: array(int32()),
        zkVersion: int32(),
        replicas: array(int32()),
        offlineReplicas: array(int32(), { versions: '4+' }),
      },
      { versions: '0-4' },
    ),
    topicStates: list(
      {
        topicName: string(),
        topicId: uuid({ versions: '7+' }),
        partitionStates: list({
          topicName: string({ versions: '0-4' }),
          partitionIndex: int32(),
          controllerEpoch: int32(),
          leader: int32(),
          leaderEpoch: int32(),
          isr: array(int32()),
          zkVersion: int32(),
          replicas: array(int32()),
          offlineReplicas: array(int32()),
        }),
      },
      { versions: '5+' },
    ),
    liveBrokers: list({
      id: int32(),
      v0Host: string({ versions: '0' }),
      v0Port: int32({ versions: '0' }),
      endpoints: list(
        { port: int32(), host: string(), listener: string({ versions: '3+' }), securityProtocol: int16() },
        { versions: '1+' },
      ),
      rack: string({ versions: '2+', nullable: true }),
    }),
  },
  response: { errorCode: int16() },
});
