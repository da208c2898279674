import { api } from '../schema/api.ts';
import { array, bool, int16, int32, int64, list, string } from '../schema/field.ts';

/** A transaction coordinator ends transactions in the partitions that took part. */
export const writeTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: '0-1',
  flexible: '1+',
  request: {
    markers: list({
      producerId: int64(),
      producerEpoch: int16(),
      transactionResult: bool(),
      topics: list({ name: string(), partitionIndexes: array(int32()) }),
      coordinatorEpoch: int32(),
    }),
  },
  response: {
    markers: list({
      producerId: int64(),
      topics: list({ name: string(), partitions: list({ partitionIndex: int32(), errorCode: int16() }) }),
    }),
  },
});
