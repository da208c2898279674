import { type KafkaCluster, parseKafkaCluster } from '../../api/index.ts';
import { type ConfigEntry, errorCode, type KafkaAdmin, type TopicDescription } from '../../client/kafka/index.ts';
import type { Namespace } from '../../kube/index.ts';
import { type BrokerClients, podAddress } from './brokers-transport.ts';
import { type Cache, ownerText } from './cache.ts';
import type { RawObject } from './kinds.ts';

/** What is known about the cluster that topics belong to. */
export type ObservedTopicCluster =
  /** There is no such resource, or it is going away, or its whole namespace is. */
  | { readonly kind: 'gone'; readonly because: string; readonly isLeaving: boolean }
  /** It is there and cannot be asked yet. */
  | {
      readonly kind: 'notServing';
      readonly because: string;
      readonly reason: 'WaitingForCluster' | 'BrokersUnreachable';
    }
  | {
      readonly kind: 'serving';
      readonly cluster: KafkaCluster;
      readonly admin: KafkaAdmin;
      readonly brokerIds: readonly number[];
      /** Undefined: new topics may be made; otherwise why not yet. */
      readonly notReadyForTopics: string | undefined;
    };

/** How long a pass may take for its calls: a thousand topics are created meanwhile. */
const callDeadlineMs = 35_000;

const isLeaving = (namespace: Namespace | undefined): boolean => namespace?.metadata.deletionTimestamp !== undefined;

export async function observeTopicCluster(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { cache, brokers }: { readonly cache: Cache; readonly brokers: BrokerClients },
): Promise<ObservedTopicCluster> {
  if (isLeaving(cache.namespaces.get(namespace))) {
    return { kind: 'gone', because: `namespace ${namespace} is being deleted`, isLeaving: true };
  }
  const raw = cache.kafkaClusters.get(`${namespace}/${name}`);
  if (raw === undefined) {
    const because = `spec.cluster: there is no KafkaCluster ${name} in namespace ${namespace}; make one, or name another`;
    return { kind: 'gone', because, isLeaving: false };
  }
  if (raw.metadata.deletionTimestamp !== undefined) {
    return { kind: 'gone', because: `KafkaCluster ${name} is being deleted`, isLeaving: true };
  }
  const parsed = parseKafkaCluster(raw);
  if (!parsed.ok) {
    return { kind: 'notServing', reason: 'WaitingForCluster', because: `KafkaCluster ${name} is not valid` };
  }
  const ready = cache.pods
    .byIndex('owner', ownerText('kafka', namespace, name))
    .filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
    .map((pod) => Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? 0))
    .sort((a, b) => a - b);
  if (ready.length === 0) {
    // Its conditions say why: copied here they would be written once for every topic.
    const because = `KafkaCluster ${name} has no ready broker yet`;
    return { kind: 'notServing', reason: 'WaitingForCluster', because };
  }
  const bootstrap = ready.map((id) => podAddress({ namespace, name }, id));
  const described = await brokers.describe({ namespace, name }, bootstrap);
  if (!described.ok) return { kind: 'notServing', reason: 'BrokersUnreachable', because: described.problem };
  const brokerIds = described.value.brokers.map(({ id }) => id);
  const { replicas } = parsed.value.spec;
  const isWhole = brokerIds.length >= replicas && described.value.controllerId >= 0;
  const isRestarting = reasonOf(raw, 'Progressing') === 'RestartingPods';
  return {
    kind: 'serving',
    cluster: parsed.value,
    admin: brokers.admin({ namespace, name }, bootstrap, callDeadlineMs),
    brokerIds,
    // A topic that is made while brokers are missing is not spread over them.
    notReadyForTopics:
      isWhole || isRestarting
        ? undefined
        : `KafkaCluster ${name} is not whole yet: ${brokerIds.length} of ${replicas} brokers are registered`,
  };
}

type Said = { readonly type: string; readonly reason: string };
const reasonOf = (raw: RawObject, type: string): string | undefined =>
  (raw.status as { readonly conditions?: readonly Said[] } | undefined)?.conditions?.find((each) => each.type === type)
    ?.reason;

/** A topic as the brokers know it. */
export type LiveTopic = {
  /** Undefined: brokers of that age give none. */
  readonly id: string | undefined;
  readonly partitions: number;
  readonly replicas: number;
  /** Partitions that nobody leads now. */
  readonly leaderless: number;
  /** Properties set on the topic itself; undefined: the brokers cannot tell. */
  readonly config: Readonly<Record<string, string>> | undefined;
};

export type LiveTopics =
  | { readonly kind: 'answered'; readonly topics: ReadonlyMap<string, LiveTopic> }
  | { readonly kind: 'failed'; readonly sentence: string };

const namesPerCall = 500;
const zeroTopicId = /^A+$/;

/** @param configsOf  names whose properties matter: asking for those of all is slow */
export async function observeTopics(
  admin: KafkaAdmin,
  names: readonly string[],
  configsOf: (name: string) => boolean,
): Promise<LiveTopics> {
  const found: TopicDescription[] = [];
  for (const some of chunks(names, namesPerCall)) {
    const answer = await admin.describeTopics(some);
    if (!answer.ok) return { kind: 'failed', sentence: answer.problem.sentence };
    const strange = answer.value.find(({ errorCode: code }) => !isAnswer(code));
    if (strange !== undefined) return { kind: 'failed', sentence: `${strange.name}: error ${strange.errorCode}` };
    found.push(...answer.value.filter(({ errorCode: code }) => exists(code)));
  }
  const configs = new Map<string, Readonly<Record<string, string>>>();
  for (const some of chunks(found.map(({ name }) => name).filter(configsOf), namesPerCall)) {
    const answer = await admin.describeConfigs(some.map((name) => ({ type: 'topic', name })));
    if (!answer.ok) {
      // A broker without this call still has topics.
      if (answer.problem.kind === 'unsupportedVersion') break;
      return { kind: 'failed', sentence: answer.problem.sentence };
    }
    for (const { name, errorCode: code, entries } of answer.value) {
      if (code === errorCode.NONE) configs.set(name, ownConfig(entries));
    }
  }
  return {
    kind: 'answered',
    topics: new Map(found.map((topic) => [topic.name, liveTopic(topic, configs.get(topic.name))])),
  };
}

const exists = (code: number): boolean => code === errorCode.NONE || code === errorCode.LEADER_NOT_AVAILABLE;
const isAnswer = (code: number): boolean =>
  exists(code) || code === errorCode.UNKNOWN_TOPIC_OR_PARTITION || code === errorCode.INVALID_TOPIC_EXCEPTION;

const topicSource = 1;
const ownConfig = (entries: readonly ConfigEntry[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    entries
      .filter(({ source, value }) => source === topicSource && value !== null)
      .map(({ name, value }) => [name, value ?? '']),
  );

const liveTopic = (
  { topicId, partitions }: TopicDescription,
  config: Readonly<Record<string, string>> | undefined,
): LiveTopic => ({
  id: zeroTopicId.test(topicId) ? undefined : topicId,
  partitions: partitions.length,
  replicas: Math.max(0, ...partitions.map(({ replicas }) => replicas.length)),
  leaderless: partitions.filter(({ leader }) => leader < 0).length,
  config,
});

export function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
