import { api } from '../schema/api.ts';
import { bool, int16, int32, int64, list, string, uint16, uuid } from '../schema/field.ts';

/** A candidate of the metadata quorum asks for a vote (KIP-595). */
export const vote = api({
  key: 52,
  name: 'Vote',
  versions: '0-1',
  flexible: '0+',
  request: {
    clusterId: string({ nullable: true, default: null }),
    voterId: int32({ versions: '1+', default: -1 }),
    topics: list({
      topicName: string(),
      partitions: list({
        partitionIndex: int32(),
        candidateEpoch: int32(),
        candidateId: int32(),
        candidateDirectoryId: uuid({ versions: '1+' }),
        voterDirectoryId: uuid({ versions: '1+' }),
        lastOffsetEpoch: int32(),
        lastOffset: int64(),
      }),
    }),
  },
  response: {
    errorCode: int16(),
    topics: list({
      topicName: string(),
      partitions: list({
        partitionIndex: int32(),
        errorCode: int16(),
        leaderId: int32(),
        leaderEpoch: int32(),
        voteGranted: bool(),
      }),
    }),
    nodeEndpoints: list({ nodeId: int32(), host: string(), port: uint16() }, { versions: '1+', tag: 0 }),
  },
});
