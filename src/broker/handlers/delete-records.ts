import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import { isInternalTopic, type Services } from './services.ts';

type Response = ResponseInputOf<typeof apis.deleteRecords>;
type PartitionAnswer = Response['topics'][number]['partitions'][number];

/** The offset that means "up to the high watermark". */
const highWatermarkMark = -1;

/**
 * Moves the start of partitions' logs. Versions 0-2. The checkpoint with the new start is on disk before the answer.
 *
 * Source: ReplicaManager.deleteRecords, KIP-107.
 */
export function deleteRecords(services: Services, request: RequestOf<typeof apis.deleteRecords>): Response {
  const touched = new Set<string>();
  const answer: Response = {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }): PartitionAnswer => {
        const refused = (code: number): PartitionAnswer => ({ partitionIndex, lowWatermark: -1, errorCode: code });
        if (isInternalTopic(name)) return refused(errorCode.INVALID_TOPIC_EXCEPTION);
        const replica = services.replicas.get(name, partitionIndex);
        if (replica === undefined) return refused(errorCode.UNKNOWN_TOPIC_OR_PARTITION);
        if (!replica.isLeader) return refused(errorCode.NOT_LEADER_OR_FOLLOWER);
        if (!replica.log.config.deletes) return refused(errorCode.POLICY_VIOLATION);
        const target = offset === highWatermarkMark ? replica.highWatermark : offset;
        if (target < 0 || target > replica.highWatermark) return refused(errorCode.OFFSET_OUT_OF_RANGE);
        replica.log.advanceLogStart(target);
        touched.add(name);
        return { partitionIndex, lowWatermark: replica.log.logStartOffset, errorCode: errorCode.NONE };
      }),
    })),
  };
  if (touched.size > 0) {
    for (const folder of services.folders)
      folder.checkpoint((log) => services.replicas.get(log.topic, log.partition)?.highWatermark);
  }
  return answer;
}
