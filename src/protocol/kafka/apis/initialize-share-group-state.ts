import { api } from '../schema/api.ts';
import { int16, int32, int64, list, string, uuid } from '../schema/field.ts';

/** Begins the state of a share group (KIP-932). */
export const initializeShareGroupState = api({
  key: 83,
  name: 'InitializeShareGroupState',
  versions: '0',
  flexible: '0+',
  request: {
    groupId: string(),
    topics: list({
      topicId: uuid(),
      partitions: list({ partition: int32(), stateEpoch: int32(), startOffset: int64() }),
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
