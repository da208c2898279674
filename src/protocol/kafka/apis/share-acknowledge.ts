import { api } from '../schema/api.ts';
import { array, int8, int16, int32, int64, list, string, struct, uuid } from '../schema/field.ts';

/** Acknowledges records of a share group (KIP-932). */
export const shareAcknowledge = api({
  key: 79,
  name: 'ShareAcknowledge',
  versions: '0',
  flexible: '0+',
  request: {
    groupId: string({ nullable: true, default: null }),
    memberId: string({ nullable: true }),
    shareSessionEpoch: int32(),
    topics: list({
      topicId: uuid(),
      partitions: list({
        partitionIndex: int32(),
        acknowledgementBatches: list({ firstOffset: int64(), lastOffset: int64(), acknowledgeTypes: array(int8()) }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    responses: list({
      topicId: uuid(),
      partitions: list({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
      }),
    }),
    nodeEndpoints: list({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
    }),
  },
});
