import { api } from '../schema/api.ts';
import { array, bool, int16, int32, int64, list, string } from '../schema/field.ts';

/** Adds partitions to a transaction. From version 4 brokers ask for several transactions at once, also only to verify them (KIP-890). */
export const addPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: '0-5',
  flexible: '3+',
  request: {
    transactions: list(
      {
        transactionalId: string(),
        producerId: int64(),
        producerEpoch: int16(),
        verifyOnly: bool({ default: false }),
        topics: list({ name: string(), partitions: array(int32()) }),
      },
      { versions: '4+' },
    ),
    v3AndBelowTransactionalId: string({ versions: '0-3' }),
    v3AndBelowProducerId: int64({ versions: '0-3' }),
    v3AndBelowProducerEpoch: int16({ versions: '0-3' }),
    v3AndBelowTopics: list({ name: string(), partitions: array(int32()) }, { versions: '0-3' }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ versions: '4+' }),
    resultsByTransaction: list(
      {
        transactionalId: string(),
        topicResults: list({
          name: string(),
          resultsByPartition: list({ partitionIndex: int32(), partitionErrorCode: int16() }),
        }),
      },
      { versions: '4+' },
    ),
    resultsByTopicV3AndBelow: list(
      { name: string(), resultsByPartition: list({ partitionIndex: int32(), partitionErrorCode: int16() }) },
      { versions: '0-3' },
    ),
  },
});
