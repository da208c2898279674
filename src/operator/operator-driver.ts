/** Runs the controllers: watches, queues, and the election of the one operator that acts. */
import { randomBytes } from 'node:crypto';
import type { Clock, Logger, Metric, Network, Random } from '../base/index.ts';
import {
  createEventRecorder,
  createWorkQueue,
  type KubeClient,
  type KubeObject,
  keyOf,
  type Next,
  startLeaderElection,
  type WorkQueue,
} from '../kube/index.ts';
import type { Context } from './controllers/context.ts';
import { reconcileKafkaCluster } from './controllers/kafka-cluster-controller.ts';
import { reconcileKafkaTopics } from './controllers/kafka-topic-controller.ts';
import { reconcileZooKeeper } from './controllers/zookeeper-controller.ts';
import type { EngineImages } from './desired/engines/index.ts';
import { createBrokerClients } from './observe/brokers-transport.ts';
import { type Cache, clusterKeyOf, createCache, informersOf, ownerOf } from './observe/cache.ts';
import { createFreshObjects } from './observe/fresh-objects.ts';
import type { RawObject } from './observe/kinds.ts';
import { count, createCounters, operatorMetrics } from './status/counters.ts';

export type OperatorOptions = {
  readonly images: EngineImages;
  /** Watch one namespace only; undefined: all. */
  readonly namespace?: string | undefined;
  /** Undefined: there is no other operator, so begin at once. */
  readonly election?: { readonly namespace: string } | undefined;
  /** Different in every process: in the lease and in events. */
  readonly identity: string;
};

export type OperatorDeps = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
};

export interface Operator {
  /** Undefined while ready; otherwise what it waits for. */
  notReadyBecause(): string | undefined;
  metrics(): readonly Metric[];
  /** Resolves when the watches have begun and all that was there has had its first pass. For tests. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** Clusters and ensembles that are worked on at once. One pass waits for brokers for 3 s at most. */
const clusterConcurrency = 8;
/** Topics of so many clusters at once. */
const topicConcurrency = 4;
const passwordBytes = 24;
const retryBackoff = { firstMs: 100, longestMs: 30_000 };
export const leaseName = 'hikube-kafka-operator';

export function startOperator(options: OperatorOptions, deps: OperatorDeps): Operator {
  const { client, clock, random, network, logger } = deps;
  const cache = createCache(deps, options.namespace);
  const events = createEventRecorder({ controller: 'kafka.hikube.cloud/operator', instance: options.identity }, deps);
  const brokers = createBrokerClients({ network, clock, random, logger });
  const counters = createCounters();
  const context: Context = {
    client,
    cache,
    fresh: createFreshObjects<RawObject>(),
    events,
    brokers,
    network,
    clock,
    random,
    newPassword: () => randomBytes(passwordBytes).toString('base64url'),
    logger,
    images: options.images,
    counters,
  };
  let active: { readonly queues: Queues; readonly signal: AbortSignal | undefined } | undefined;

  const queueFor = (
    name: string,
    concurrency: number,
    pass: (key: string, context: Context) => Promise<Next>,
  ): WorkQueue =>
    createWorkQueue(
      {
        name,
        concurrency,
        backoff: retryBackoff,
        process: async (key) => {
          const next = await pass(key, { ...context, logger: logger.child({ kind: name, key }) });
          if (next.kind === 'retry') count(counters.failures, name);
          return next;
        },
      },
      { clock, random, logger },
    );

  function startQueues(): Queues {
    const queues: Queues = {
      kafkaClusters: queueFor('KafkaCluster', clusterConcurrency, reconcileKafkaCluster),
      zooKeepers: queueFor('ZooKeeper', clusterConcurrency, reconcileZooKeeper),
      kafkaTopics: queueFor('KafkaTopic', topicConcurrency, reconcileKafkaTopics),
    };
    for (const cluster of cache.kafkaClusters.list()) queues.kafkaClusters.add(keyOf(cluster));
    for (const ensemble of cache.zooKeepers.list()) queues.zooKeepers.add(keyOf(ensemble));
    for (const key of clustersOfTopics(cache)) queues.kafkaTopics.add(key);
    return queues;
  }

  watchChanges(cache, () => active?.queues);
  for (const informer of informersOf(cache)) informer.start();
  const synced = Promise.all(informersOf(cache).map((informer) => informer.synced));
  let stopped = false;

  function lead(signal: AbortSignal | undefined): void {
    void synced.then(() => {
      if (stopped || signal?.aborted === true) return;
      logger.info({}, 'reconciling');
      const queues = startQueues();
      active = { queues, signal };
      signal?.addEventListener('abort', () => {
        // Another may act from now on: start nothing more. Passes that run end by themselves; their writes are
        // idempotent or have preconditions.
        logger.warn({}, 'not the leader any more');
        active = undefined;
        void stopQueues(queues);
      });
    });
  }

  const election =
    options.election === undefined
      ? undefined
      : startLeaderElection(
          {
            lease: { namespace: options.election.namespace, name: leaseName },
            identity: options.identity,
            onLeading: lead,
          },
          deps,
        );
  if (election === undefined) lead(undefined);

  return {
    notReadyBecause() {
      const waiting = informersOf(cache).filter(({ isSynced }) => !isSynced);
      if (waiting.length > 0)
        return `waiting for the first list of ${waiting.map(({ type }) => type.plural).join(', ')}`;
      return undefined;
    },
    metrics: () => [
      ...operatorMetrics(counters),
      {
        name: 'hikube_operator_leading',
        help: 'Whether this process is the one that acts.',
        kind: 'gauge',
        samples: [{ value: active === undefined ? 0 : 1 }],
      },
    ],
    async settled() {
      await synced;
      for (let rounds = 0; rounds < 100; rounds++) {
        const queues = active?.queues;
        if (queues === undefined) await new Promise<void>((resolve) => clock.after(10, resolve));
        else {
          await Promise.all(Object.values(queues).map((queue) => queue.idle()));
          return;
        }
      }
    },
    async stop() {
      stopped = true;
      const queues = active?.queues;
      active = undefined;
      if (queues !== undefined) await stopQueues(queues);
      await Promise.all(informersOf(cache).map((informer) => informer.stop()));
      await brokers.close();
      await events.flush();
      await election?.stop();
    },
  };
}

type Queues = {
  readonly kafkaClusters: WorkQueue;
  readonly zooKeepers: WorkQueue;
  /** Keys are clusters: their topics are worked on together. */
  readonly kafkaTopics: WorkQueue;
};

const stopQueues = (queues: Queues): Promise<unknown> =>
  Promise.all(Object.values(queues).map((queue) => queue.stop()));

const clustersOfTopics = (cache: Cache): ReadonlySet<string> =>
  new Set(
    cache.kafkaTopics
      .list()
      .map(clusterKeyOf)
      .filter((key) => key !== undefined),
  );

/** A thousand topics that are applied together are one or two passes, not a thousand. */
const topicGatherMs = 50;

/** Every change leads to the resource it concerns. */
function watchChanges(cache: Cache, queues: () => Queues | undefined): void {
  const toOwner = ({ current, previous }: { current: KubeObject | undefined; previous: KubeObject | undefined }) => {
    for (const object of [current, previous]) {
      const owner = object === undefined ? undefined : ownerOf(object);
      if (owner === undefined) continue;
      if (owner.component === 'kafka') queues()?.kafkaClusters.add(owner.key);
      else queues()?.zooKeepers.add(owner.key);
    }
  };
  cache.configMaps.onChange(toOwner);
  cache.services.onChange(toOwner);
  cache.statefulSets.onChange(toOwner);
  cache.podDisruptionBudgets.onChange(toOwner);
  cache.persistentVolumeClaims.onChange(toOwner);
  cache.pods.onChange(toOwner);

  cache.kafkaClusters.onChange(({ key }) => {
    queues()?.kafkaClusters.add(key);
    queues()?.kafkaTopics.addAfter(key, topicGatherMs);
  });
  cache.zooKeepers.onChange(({ key, current, previous }) => {
    queues()?.zooKeepers.add(key);
    const namespace = (current ?? previous)?.metadata.namespace;
    for (const cluster of cache.kafkaClusters.list()) {
      if (cluster.metadata.namespace === namespace) queues()?.kafkaClusters.add(keyOf(cluster));
    }
  });
  cache.kafkaTopics.onChange(({ current, previous }) => {
    for (const topic of [current, previous]) {
      const key = topic === undefined ? undefined : clusterKeyOf(topic);
      if (key !== undefined) queues()?.kafkaTopics.addAfter(key, topicGatherMs);
    }
  });
  cache.nodes.onChange(({ key, current, previous }) => {
    // Labels are all that is kept of a node: a pod's zone may have become known.
    if (JSON.stringify(current?.metadata.labels) === JSON.stringify(previous?.metadata.labels)) return;
    for (const pod of cache.pods.list()) {
      if (pod.spec?.nodeName === key) toOwner({ current: pod, previous: undefined });
    }
  });
  cache.namespaces.onChange(({ key, current }) => {
    if (current?.metadata.deletionTimestamp === undefined) return;
    for (const topic of cache.kafkaTopics.list()) {
      const cluster = topic.metadata.namespace === key ? clusterKeyOf(topic) : undefined;
      if (cluster !== undefined) queues()?.kafkaTopics.addAfter(cluster, topicGatherMs);
    }
  });
}
