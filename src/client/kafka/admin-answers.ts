/** Between the wire's messages and the words of `KafkaAdmin`. */
import { type apis, errorCode, type RequestInputOf, type ResponseOf } from '../../protocol/kafka/index.ts';
import {
  type ConfigEntry,
  type ConfigResource,
  configSources,
  type LogDirectory,
  type NewTopic,
  resourceTypes,
  type TopicDescription,
} from './admin-types.ts';
import type { RetryOptions } from './client.ts';

type Response<Name extends keyof typeof apis> = ResponseOf<(typeof apis)[Name]>;
type RequestInput<Name extends keyof typeof apis> = RequestInputOf<(typeof apis)[Name]>;
export type Element<List> = List extends readonly (infer Each)[] ? Each : never;

export const isPassing = (code: number): boolean =>
  code === errorCode.NOT_CONTROLLER ||
  code === errorCode.REQUEST_TIMED_OUT ||
  code === errorCode.COORDINATOR_LOAD_IN_PROGRESS;

export const partitionCodes: NonNullable<RetryOptions<Response<'listOffsets'>>['codesOf']> = (response) =>
  response.topics.flatMap((topic) => topic.partitions.map((partition) => partition.errorCode));

export function byTopic<Item extends { readonly topic: string }>(items: readonly Item[]): [string, Item[]][] {
  return [...Map.groupBy(items, (item) => item.topic)];
}

export const topicDescription = (topic: Element<Response<'metadata'>['topics']>): TopicDescription => ({
  name: topic.name ?? '',
  topicId: topic.topicId,
  isInternal: topic.isInternal,
  errorCode: topic.errorCode,
  partitions: topic.partitions
    .map((partition) => ({
      partition: partition.partitionIndex,
      leader: partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      replicas: partition.replicaNodes,
      inSyncReplicas: partition.isrNodes,
      offlineReplicas: partition.offlineReplicas,
    }))
    .sort((one, other) => one.partition - other.partition),
});

export function creatableTopic({
  name,
  replicas,
  config = {},
}: NewTopic): Element<RequestInput<'createTopics'>['topics']> {
  const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
  if ('partitions' in replicas) {
    const { partitions, replicationFactor } = replicas;
    return { name, numPartitions: partitions, replicationFactor, assignments: [], configs };
  }
  const assignments = [...replicas.assignment].map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds }));
  return { name, numPartitions: -1, replicationFactor: -1, assignments, configs };
}

export const resourceType = (type: number): ConfigResource['type'] =>
  type === resourceTypes.topic ? 'topic' : 'broker';

type DescribedConfig = Element<Element<Response<'describeConfigs'>['results']>['configs']>;

export const configEntry = (config: DescribedConfig): ConfigEntry => ({
  name: config.name,
  value: config.value,
  isReadOnly: config.readOnly,
  isSensitive: config.isSensitive,
  source: config.configSource === -1 && config.isDefault ? configSources.default : config.configSource,
});

export const logDirectory = (
  broker: number,
  result: Element<Response<'describeLogDirs'>['results']>,
): LogDirectory => ({
  broker,
  path: result.logDir,
  errorCode: result.errorCode,
  totalBytes: result.totalBytes,
  usableBytes: result.usableBytes,
  replicas: result.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => ({
      topic: name,
      partition: partitionIndex,
      sizeBytes: partitionSize,
      offsetLag,
      isFuture: isFutureKey,
    })),
  ),
});
