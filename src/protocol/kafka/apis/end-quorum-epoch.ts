import { api } from '../schema/api.ts';
import { array, int16, int32, list, string, uint16, uuid } from '../schema/field.ts';

/** A leader of the metadata quorum resigns (KIP-595). */
export const endQuorumEpoch = api({
  key: 54,
  name: 'EndQuorumEpoch',
  versions: '0-1',
  flexible: '1+',
  request: {
    clusterId: string({ nullable: true, default: null }),
    topics: list({
      topicName: string(),
      partitions: list({
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32(),
        preferredSuccessors: array(int32(), { versions: '0' }),
        preferredCandidates: list({ candidateId: int32(), candidateDirectoryId: uuid() }, { versions: '1+' }),
      }),
    }),
    leaderEndpoints: list({ name: string(), host: string(), port: uint16() }, { versions: '1+' }),
  },
  response: {
    errorCode: int16(),
    topics: list({
      topicName: string(),
      partitions: list({ partitionIndex: int32(), errorCode: int16(), leaderId: int32(), leaderEpoch: int32() }),
    }),
    nodeEndpoints: list({ nodeId: int32(), host: string(), port: uint16() }, { versions: '1+', tag: 0 }),
  },
});
