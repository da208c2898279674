import { api } from '../schema/api.ts';
import { int16, int32, int64, list, string, uuid } from '../schema/field.ts';

/** Reads where a share group begins (KIP-932). */
export const readShareGroupStateSummary = api({
  key: 87,
  name: 'ReadShareGroupStateSummary',
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
      }),
    }),
  },
});
