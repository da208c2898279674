import { type KafkaTopic, type KafkaTopicStatus, topicNameOf } from '../../api/index.ts';
import type { LiveTopic } from '../observe/kafka-topics.ts';

/**
 * What there is, apart from conditions. What is not known now (no broker answers) stays as it was.
 *
 * @param live      undefined: not known, or not there
 * @param isOurs    whether the topic belongs to this resource
 * @param isConfigured  whether the topic has the properties of the spec now
 */
export function kafkaTopicFacts(
  topic: KafkaTopic,
  {
    live,
    isOurs,
    isConfigured,
  }: { readonly live: LiveTopic | undefined; readonly isOurs: boolean; readonly isConfigured: boolean },
): KafkaTopicStatus {
  const { conditions: _conditions, observedGeneration: _generation, ...before } = topic.status;
  if (live === undefined || !isOurs) return before;
  const config = isConfigured ? topic.spec.config : topic.status.config;
  return {
    cluster: topic.spec.cluster,
    topicName: topicNameOf(topic),
    ...(live.id === undefined ? {} : { topicId: live.id }),
    partitions: live.partitions,
    replicas: live.replicas,
    ...(config === undefined || Object.keys(config).length === 0 ? {} : { config }),
  };
}
