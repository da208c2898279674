import { api } from '../schema/api.ts';
import { int8, int16, int32, int64, list, string, uuid } from '../schema/field.ts';

/** Writes the state of a share group (KIP-932). */
export const writeShareGroupState = api({
  key: 85,
  name: 'WriteShareGroupState',
  versions: '0',
  flexible: '0+',
  request: {
    groupId: string(),
    topics: list({
      topicId: uuid(),
      partitions: list({
        partition: int32(),
        stateEpoch: int32(),
        leaderEpoch: int32(),
        startOffset: int64(),
        stateBatches: list({
          firstOffset: int64(),
          lastOffset: int64(),
          deliveryState: int8(),
          deliveryCount: int16(),
        }),
      }),
    }),
  },
  response: {
    results: list({
      topicId: uuid(),
      partitions: list({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
    }),
  },
});
