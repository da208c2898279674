import { api } from '../schema/api.ts';
import { int16, int32, int64, list, records, string, struct } from '../schema/field.ts';

/** Appends record batches. With acks 0 there is no response at all. */
export const produce = api({
  key: 0,
  name: 'Produce',
  versions: '0-11',
  flexible: '9+',
  request: {
    transactionalId: string({ versions: '3+', nullable: true, default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: list({ name: string(), partitionData: list({ index: int32(), records: records({ nullable: true }) }) }),
  },
  response: {
    responses: list({
      name: string(),
      partitionResponses: list({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ versions: '2+', default: -1 }),
        logStartOffset: int64({ versions: '5+', default: -1 }),
        recordErrors: list(
          { batchIndex: int32(), batchIndexErrorMessage: string({ nullable: true, default: null }) },
          { versions: '8+' },
        ),
        errorMessage: string({ versions: '8+', nullable: true, default: null }),
        currentLeader: struct(
          { leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }) },
          { versions: '10+', tag: 0 },
        ),
      }),
    }),
    throttleTimeMs: int32({ versions: '1+' }),
    nodeEndpoints: list(
      { nodeId: int32(), host: string(), port: int32(), rack: string({ nullable: true, default: null }) },
      { versions: '10+', tag: 0 },
    ),
  },
});
