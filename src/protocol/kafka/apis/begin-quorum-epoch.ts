import { api } from '../schema/api.ts';
import { int16, int32, list, string, uint16, uuid } from '../schema/field.ts';

/** A new leader of the metadata quorum makes itself known to the voters (KIP-595). */
export const beginQuorumEpoch = api({
  key: 53,
  name: 'BeginQuorumEpoch',
  versions: '0-1',
  flexible: '1+',
  request: {
    clusterId: string({ nullable: true, default: null }),
    voterId: int32({ versions: '1+', default: -1 }),
    topics: list({
      topicName: string(),
      partitions: list({
        partitionIndex: int32(),
        voterDirectoryId: uuid({ versions: '1+' }),
        leaderId: int32(),
        leaderEpoch: int32(),
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
