import { api } from '../schema/api.ts';
import { int16, int32, int64, list, string } from '../schema/field.ts';

/** Moves the log start offset forward (KIP-107). */
export const deleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: '0-2',
  flexible: '2+',
  request: {
    topics: list({ name: string(), partitions: list({ partitionIndex: int32(), offset: int64() }) }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    topics: list({
      name: string(),
      partitions: list({ partitionIndex: int32(), lowWatermark: int64(), errorCode: int16() }),
    }),
  },
});
