/** What becomes of each topic: pure, one answer a resource. */
import {
  type Config,
  type KafkaCluster,
  type KafkaTopic,
  kafkaTopicFindings,
  type Refusal,
  supportedReplicationFactor,
  topicNameOf,
} from '../../api/index.ts';
import type { ConfigChange } from '../../client/kafka/index.ts';
import type { LiveTopic } from '../observe/kafka-topics.ts';
import type { Why } from './action.ts';

export type TopicPlan =
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'wait'; readonly why: Why }
  | { readonly kind: 'create' }
  | { readonly kind: 'addPartitions'; readonly count: number }
  | { readonly kind: 'alterConfig'; readonly changes: readonly ConfigChange[] }
  | { readonly kind: 'settled' }
  /** The resource is going: delete the topic, then let the resource go. */
  | { readonly kind: 'delete' }
  /** The resource is going, and there is no topic of its own to delete. */
  | { readonly kind: 'release'; readonly because: string };

/** Who has the right to a topic's name: the one that made it, else the oldest. */
export function topicOwners(topics: readonly KafkaTopic[]): ReadonlyMap<string, KafkaTopic> {
  const owners = new Map<string, KafkaTopic>();
  const rank = (topic: KafkaTopic): string =>
    `${topic.status.topicId === undefined ? 1 : 0} ${topic.metadata.creationTimestamp ?? ''} ${topic.metadata.name}`;
  for (const topic of topics) {
    const name = topicNameOf(topic);
    const owner = owners.get(name);
    if (owner === undefined || rank(topic) < rank(owner)) owners.set(name, topic);
  }
  return owners;
}

export type TopicContext = {
  readonly cluster: KafkaCluster;
  readonly owners: ReadonlyMap<string, KafkaTopic>;
  readonly live: LiveTopic | undefined;
  /** Why no topic can be made yet. */
  readonly notReadyForTopics: string | undefined;
};

export function planTopic(topic: KafkaTopic, context: TopicContext): TopicPlan {
  const { live } = context;
  const name = topicNameOf(topic);
  if (topic.metadata.deletionTimestamp !== undefined) return planRelease(topic, context);
  const refusals = [...movedRefusals(topic), ...kafkaTopicFindings(topic).refusals];
  const owner = context.owners.get(name);
  if (owner !== undefined && owner.metadata.name !== topic.metadata.name) {
    const field = topic.spec.topicName === undefined ? 'metadata.name' : 'spec.topicName';
    const message = `topic ${name} belongs to KafkaTopic ${owner.metadata.name}; take another name, or delete one of the two`;
    refusals.push({ reason: 'TopicConflict', field, message });
  }
  refusals.push(...replicasRefusals(topic, context));
  if (live !== undefined && topic.spec.partitions !== undefined && topic.spec.partitions < live.partitions) {
    const message = `${topic.spec.partitions} is less than the ${live.partitions} partitions there are, and none can be taken away; set it back to ${live.partitions}`;
    refusals.push({ reason: 'PartitionsShrinkNotSupported', field: 'spec.partitions', message });
  }
  if (refusals.length > 0) return { kind: 'refused', refusals };
  if (live === undefined) {
    return context.notReadyForTopics === undefined
      ? { kind: 'create' }
      : { kind: 'wait', why: { reason: 'WaitingForCluster', message: context.notReadyForTopics } };
  }
  if (topic.spec.partitions !== undefined && topic.spec.partitions > live.partitions) {
    return { kind: 'addPartitions', count: topic.spec.partitions };
  }
  const changes = configChanges(topic.spec.config, topic.status.config ?? {}, live.config);
  if (changes.length > 0) return { kind: 'alterConfig', changes };
  if (live.leaderless > 0) {
    const message = `${live.leaderless} of ${live.partitions} partitions have no leader now`;
    return { kind: 'wait', why: { reason: 'WaitingForLeader', message } };
  }
  return { kind: 'settled' };
}

function planRelease(topic: KafkaTopic, { owners, live }: TopicContext): TopicPlan {
  const name = topicNameOf(topic);
  if (live === undefined) return { kind: 'release', because: `there is no topic ${name}` };
  // Only a topic that this resource has made or taken over: never one that was there by the same name.
  if (topic.status.topicName !== name || topic.status.partitions === undefined) {
    return { kind: 'release', because: `topic ${name} was never this resource's` };
  }
  if (live.id !== undefined && topic.status.topicId !== undefined && live.id !== topic.status.topicId) {
    return { kind: 'release', because: `topic ${name} was deleted, and another one made by that name` };
  }
  const owner = owners.get(name);
  if (owner !== undefined && owner.metadata.name !== topic.metadata.name) {
    return { kind: 'release', because: `topic ${name} belongs to KafkaTopic ${owner.metadata.name}` };
  }
  return { kind: 'delete' };
}

function movedRefusals({ spec, status, metadata }: KafkaTopic): Refusal[] {
  const refusals: Refusal[] = [];
  const moved = (field: string, was: string): void => {
    const message = `was ${was} and cannot change; set it back, or delete the resource and make a new one`;
    refusals.push({ reason: 'TopicNameChangeNotSupported', field, message });
  };
  if (status.partitions === undefined) return refusals;
  if (status.cluster !== undefined && status.cluster !== spec.cluster) moved('spec.cluster', status.cluster);
  if (status.topicName !== undefined && status.topicName !== topicNameOf({ spec, metadata })) {
    moved('spec.topicName', status.topicName);
  }
  return refusals;
}

function replicasRefusals({ spec }: KafkaTopic, { cluster, live }: TopicContext): Refusal[] {
  const asked = spec.replicas;
  if (asked === undefined) return [];
  const { engine, replicas: brokers } = cluster.spec;
  const limit = supportedReplicationFactor[engine];
  if (limit !== undefined && asked > limit) {
    const message = `${asked} was asked for, and the ${engine} engine does not keep more than ${limit} yet; set replicas: ${limit}`;
    return [{ reason: 'ReplicationFactorNotSupported', field: 'spec.replicas', message }];
  }
  if (live === undefined && asked > brokers) {
    const message = `${asked} was asked for, and KafkaCluster ${cluster.metadata.name} has ${brokers} brokers; set replicas: ${brokers} or less`;
    return [{ reason: 'ReplicationFactorNotSupported', field: 'spec.replicas', message }];
  }
  if (live !== undefined && live.replicas > 0 && live.replicas !== asked) {
    const message = `${asked} was asked for, and the topic has ${live.replicas}; changing it is not supported yet, set it back to ${live.replicas}`;
    return [{ reason: 'ReplicationFactorChangeNotSupported', field: 'spec.replicas', message }];
  }
  return [];
}

/**
 * Only keys that the spec names, now or before, are touched: others are somebody else's, e.g. a throttle.
 *
 * @param ours  what we have set before
 * @param live  undefined: the brokers cannot tell, so what we have set counts
 */
export function configChanges(wanted: Config, ours: Config, live: Config | undefined): readonly ConfigChange[] {
  const is = live ?? ours;
  const set = Object.entries(wanted)
    .filter(([name, value]) => is[name] !== value)
    .map(([name, value]): ConfigChange => ({ name, operation: 'set', value }));
  const dropped = Object.keys(ours)
    .filter((name) => !Object.hasOwn(wanted, name) && Object.hasOwn(is, name))
    .map((name): ConfigChange => ({ name, operation: 'delete' }));
  return [...set, ...dropped];
}
