import { api } from '../schema/api.ts';
import { array, int8, int16, int32, int64, list, string, uuid } from '../schema/field.ts';

/** A leader proposes a new in-sync replica set to the controller (KIP-497). */
export const alterPartition = api({
  key: 56,
  name: 'AlterPartition',
  versions: '0-3',
  flexible: '0+',
  request: {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1 }),
    topics: list({
      topicName: string({ versions: '0-1' }),
      topicId: uuid({ versions: '2+' }),
      partitions: list({
        partitionIndex: int32(),
        leaderEpoch: int32(),
        newIsr: array(int32(), { versions: '0-2' }),
        newIsrWithEpochs: list({ brokerId: int32(), brokerEpoch: int64({ default: -1 }) }, { versions: '3+' }),
        leaderRecoveryState: int8({ versions: '1+' }),
        partitionEpoch: int32(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    topics: list({
      topicName: string({ versions: '0-1' }),
      topicId: uuid({ versions: '2+' }),
      partitions: list({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32(),
        leaderEpoch: int32(),
        isr: array(int32()),
        leaderRecoveryState: int8({ versions: '1+' }),
        partitionEpoch: int32(),
      }),
    }),
  },
});
