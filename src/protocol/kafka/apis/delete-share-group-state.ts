import { api } from '../schema/api.ts';
import { int16, int32, list, string, uuid } from '../schema/field.ts';

/** Forgets the state of a share group (KIP-932). */
export const deleteShareGroupState = api({
  key: 86,
  name: 'DeleteShareGroupState',
  versions: '0',
  flexible: '0+',
  request: { groupId: string(), topics: list({ topicId: uuid(), partitions: list({ partition: int32() }) }) },
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
