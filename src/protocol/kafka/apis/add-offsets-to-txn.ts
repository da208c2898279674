import { api } from '../schema/api.ts';
import { int16, int32, int64, string } from '../schema/field.ts';

/** Tells the transaction coordinator that a group's offsets will be committed with the transaction. */
export const addOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: '0-4',
  flexible: '3+',
  request: { transactionalId: string(), producerId: int64(), producerEpoch: int16(), groupId: string() },
  response: { throttleTimeMs: int32({ default: 0 }), errorCode: int16() },
});
