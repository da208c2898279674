import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { Services } from './services.ts';

type Response = ResponseInputOf<typeof apis.offsetForLeaderEpoch>;
type PartitionAnswer = Response['topics'][number]['partitions'][number];

/**
 * Where a leader epoch ends, so that a client can tell whether the log was cut below what it has read. Versions 0-4: 1 the
 * epoch that was found, 2 the client's own epoch.
 *
 * Source: Partition.lastOffsetForLeaderEpoch, KIP-320.
 */
export function offsetForLeaderEpoch(
  services: Services,
  request: RequestOf<typeof apis.offsetForLeaderEpoch>,
): Response {
  return {
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }): PartitionAnswer => {
        const replica = services.replicas.get(topic, partition);
        if (replica === undefined) return { partition, errorCode: errorCode.UNKNOWN_TOPIC_OR_PARTITION };
        const problem = replica.checkLeader(currentLeaderEpoch);
        if (problem?.kind === 'fencedLeaderEpoch') return { partition, errorCode: errorCode.FENCED_LEADER_EPOCH };
        if (problem?.kind === 'unknownLeaderEpoch') return { partition, errorCode: errorCode.UNKNOWN_LEADER_EPOCH };
        if (problem !== undefined) return { partition, errorCode: errorCode.NOT_LEADER_OR_FOLLOWER };
        const end = replica.endOffsetOf(leaderEpoch);
        return { partition, errorCode: errorCode.NONE, leaderEpoch: end?.epoch ?? -1, endOffset: end?.endOffset ?? -1 };
      }),
    })),
  };
}
