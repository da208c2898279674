import { type apis, errorCode, type RequestOf, type ResponseInputOf, zeroUuid } from '../../protocol/kafka/index.ts';
import type { RequestContext } from '../request/api-table.ts';
import { describedPartition } from './metadata.ts';
import { isInternalTopic, type Services } from './services.ts';

type Response = ResponseInputOf<typeof apis.describeTopicPartitions>;
type TopicAnswer = Response['topics'][number];

/** No answer has more, whatever was asked (`max.request.partition.size.limit`). */
const partitionLimit = 2000;

/**
 * Topics page by page: at most so many partitions in an answer, and a cursor for the rest. Version 0 (KIP-966). Topics come
 * sorted by name; no names means all.
 *
 * Source: DescribeTopicPartitionsRequestHandler.java.
 */
export function describeTopicPartitions(
  services: Services,
  request: RequestOf<typeof apis.describeTopicPartitions>,
  context: RequestContext,
): Response {
  const { image } = services.metadata;
  const { cursor } = request;
  const named =
    request.topics.length === 0 ? [...image.topics.keys()] : [...new Set(request.topics.map(({ name }) => name))];
  const names = named.sort().filter((name) => cursor === null || name >= cursor.topicName);
  const limit = Math.max(1, Math.min(partitionLimit, request.responsePartitionLimit));
  const topics: TopicAnswer[] = [];
  let left = limit;
  for (const name of names) {
    const topic = image.topics.get(name);
    if (topic === undefined) {
      if (request.topics.length > 0)
        topics.push({
          errorCode: errorCode.UNKNOWN_TOPIC_OR_PARTITION,
          name,
          topicId: zeroUuid,
          isInternal: isInternalTopic(name),
          partitions: [],
        });
      continue;
    }
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } };
    const first = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0;
    const page = topic.partitions.slice(first, first + left);
    left -= page.length;
    topics.push({
      errorCode: errorCode.NONE,
      name,
      topicId: topic.topicId,
      isInternal: isInternalTopic(name),
      partitions: page.flatMap((state, index) => {
        if (state === undefined) return [];
        const { offlineReplicas = [], ...partition } = describedPartition(
          first + index,
          state,
          image,
          context.listenerName,
        );
        return [{ ...partition, offlineReplicas, eligibleLeaderReplicas: [], lastKnownElr: [] }];
      }),
    });
    if (first + page.length < topic.partitions.length)
      return { topics, nextCursor: { topicName: name, partitionIndex: first + page.length } };
  }
  return { topics };
}
