import { api } from '../schema/api.ts';
import { int16, int32, list, string } from '../schema/field.ts';

/** Removes offsets of a group for topics that nobody subscribes to (KIP-496). */
export const offsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  versions: '0',

  request: { groupId: string(), topics: list({ name: string(), partitions: list({ partitionIndex: int32() }) }) },
  response: {
    errorCode: int16(),
    throttleTimeMs: int32({ default: 0 }),
    topics: list({ name: string(), partitions: list({ partitionIndex: int32(), errorCode: int16() }) }),
  },
});
