import { array, int8, int16, int32, int64, list, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Key of `__transaction_state`. */
export const transactionLogKey = message({
  name: 'TransactionLogKey',
  versions: '0',

  fields: { transactionalId: string() },
});

/** A transaction: its producer, state and partitions. */
export const transactionLogValue = message({
  name: 'TransactionLogValue',
  versions: '0-1',
  flexible: '1+',
  fields: {
    producerId: int64(),
    previousProducerId: int64({ versions: '1+', tag: 0, default: -1 }),
    nextProducerId: int64({ versions: '1+', tag: 1, default: -1 }),
    producerEpoch: int16(),
    transactionTimeoutMs: int32(),
    transactionStatus: int8(),
    transactionPartitions: list({ topic: string(), partitionIds: array(int32()) }, { nullable: true }),
    transactionLastUpdateTimestampMs: int64(),
    transactionStartTimestampMs: int64(),
    clientTransactionVersion: int16({ versions: '1+', tag: 2 }),
  },
});
