import { api } from '../schema/api.ts';
import { int16, int32, int64, list, string, uint16, uuid } from '../schema/field.ts';

/** Voters, observers and progress of the metadata quorum (KIP-595, KIP-836). */
export const describeQuorum = api({
  key: 55,
  name: 'DescribeQuorum',
  versions: '0-2',
  flexible: '0+',
  request: { topics: list({ topicName: string(), partitions: list({ partitionIndex: int32() }) }) },
  response: {
    errorCode: int16(),
    errorMessage: string({ versions: '2+', nullable: true }),
    topics: list({
      topicName: string(),
      partitions: list({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ versions: '2+', nullable: true }),
        leaderId: int32(),
        leaderEpoch: int32(),
        highWatermark: int64(),
        currentVoters: list({
          replicaId: int32(),
          replicaDirectoryId: uuid({ versions: '2+' }),
          logEndOffset: int64(),
          lastFetchTimestamp: int64({ versions: '1+', default: -1 }),
          lastCaughtUpTimestamp: int64({ versions: '1+', default: -1 }),
        }),
        observers: list({
          replicaId: int32(),
          replicaDirectoryId: uuid({ versions: '2+' }),
          logEndOffset: int64(),
          lastFetchTimestamp: int64({ versions: '1+', default: -1 }),
          lastCaughtUpTimestamp: int64({ versions: '1+', default: -1 }),
        }),
      }),
    }),
    nodes: list(
      { nodeId: int32(), listeners: list({ name: string(), host: string(), port: uint16() }) },
      { versions: '2+' },
    ),
  },
});
