import { api } from '../schema/api.ts';
import { array, int16, int32, int64, list, string } from '../schema/field.ts';

/** Transactions that a broker coordinates (KIP-664). */
export const listTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: '0-1',
  flexible: '0+',
  request: {
    stateFilters: array(string()),
    producerIdFilters: array(int64()),
    durationFilter: int64({ versions: '1+', default: -1 }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: list({ transactionalId: string(), producerId: int64(), transactionState: string() }),
  },
});
