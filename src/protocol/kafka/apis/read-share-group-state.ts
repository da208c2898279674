import { api } from '../schema/api.ts';
import { int8, int16, int32, int64, list, string, uuid } from '../schema/field.ts';

/** Reads the state of a share group (KIP-932). */
export const readShareGroupState = api({
  key: 84,
  name: 'ReadShareGroupState',
  versions: '0',
  flexible: '0+',
  request: {
    groupId: string(),
    topics: list({ topicId: uuid(), partitions: list({ partition: int32(), leaderEpoch: int32() }) }),
  },
  response: {
    results: list({
      topicId: uuid(),
      partitions: list({
        partition: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        stateEpoch: int32(),
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
});
