import type { KafkaCluster } from '../../api/index.ts';
import type { KubeObject, PersistentVolumeClaim, ResourceType, Service, StatefulSet } from '../../kube/index.ts';
import { kafkaNames as names } from '../desired/names.ts';
import { type BrokerClients, type BrokersView, podAddress } from './brokers-transport.ts';
import { type Cache, ownerText } from './cache.ts';
import type { RawObject } from './kinds.ts';
import { managedObjects } from './managed.ts';
import { type ObservedPod, observedPod } from './pods.ts';

/** Where a broker is reached from outside. */
export type ExternalAddress = {
  /** Undefined: the load balancer has no address yet. */
  readonly host: string | undefined;
  /** Undefined: the listener's own. A load balancer that had to take another one says so in its status. */
  readonly port: number | undefined;
  /** When the Service was made, in milliseconds; undefined: it is not there. */
  readonly sinceMs: number | undefined;
};

/** Everything that one pass over a KafkaCluster looks at, read once. */
export type ObservedKafkaCluster = {
  readonly statefulSet: StatefulSet | undefined;
  readonly objects: readonly { readonly type: ResourceType; readonly object: KubeObject }[];
  readonly claims: readonly PersistentVolumeClaim[];
  /** In the order of their numbers. */
  readonly pods: readonly ObservedPod[];
  readonly zooKeeper: RawObject | undefined;
  /** Another cluster that was there before and keeps its metadata in the same place. */
  readonly sharesMetadataWith: string | undefined;
  readonly brokers: BrokersView;
  /** Partitions that have fewer replicas in sync than they should; undefined: not asked, as no restart is due. */
  readonly underReplicated: readonly string[] | undefined;
};

export const statefulSetOf = (cache: Cache, namespace: string, name: string): StatefulSet | undefined =>
  cache.statefulSets.get(`${namespace}/${names.statefulSet(name)}`);

/**
 * @param cluster     with the spec that is in effect
 * @param isOutdated  whether a pod must be restarted: only then are partitions looked at
 */
export async function observeKafkaCluster(
  cluster: KafkaCluster,
  { cache, brokers: clients }: { readonly cache: Cache; readonly brokers: BrokerClients },
  isOutdated: (pod: ObservedPod) => boolean,
): Promise<ObservedKafkaCluster> {
  const { name, namespace = '' } = cluster.metadata;
  const owner = ownerText('kafka', namespace, name);
  const pods = cache.pods
    .byIndex('owner', owner)
    .map((pod) => observedPod(pod, (node) => cache.nodes.get(node), cluster.spec.rack.topologyKey))
    .sort((a, b) => a.index - b.index);
  const answering = pods.filter(({ ready, terminating }) => ready && !terminating);
  const key = { namespace, name };
  const bootstrap = answering.map(({ index }) => podAddress(key, index));
  let brokers: BrokersView = { kind: 'notAsked' };
  let underReplicated: readonly string[] | undefined;
  if (bootstrap.length > 0) {
    const answer = await clients.describe(key, bootstrap);
    brokers = answer.ok ? { kind: 'answered', ...answer.value } : { kind: 'silent', sentence: answer.problem };
    if (answer.ok && pods.some(isOutdated)) {
      const topics = await clients.admin(key, bootstrap).describeTopics(null);
      // What is not known counts as bad: a restart waits for an answer.
      underReplicated = topics.ok
        ? topics.value.flatMap(({ name: topic, partitions }) =>
            partitions
              .filter(({ replicas, inSyncReplicas }) => replicas.length > 1 && inSyncReplicas.length < replicas.length)
              .map(({ partition }) => `${topic}-${partition}`),
          )
        : [`unknown: ${topics.problem.sentence}`];
    }
  }
  const zooKeeper = cluster.spec.coordination.zooKeeper;
  return {
    statefulSet: statefulSetOf(cache, namespace, name),
    objects: managedObjects(cache, owner),
    claims: cache.persistentVolumeClaims.byIndex('owner', owner),
    pods,
    zooKeeper: zooKeeper === undefined ? undefined : cache.zooKeepers.get(`${namespace}/${zooKeeper.name}`),
    sharesMetadataWith: sharesMetadataWith(cluster, cache.kafkaClusters.list()),
    brokers,
    underReplicated,
  };
}

type Reference = { readonly name?: unknown; readonly chroot?: unknown } | undefined;

const placeOf = (spec: unknown): string | undefined => {
  const reference = (spec as { readonly coordination?: { readonly zooKeeper?: Reference } } | undefined)?.coordination
    ?.zooKeeper;
  return reference === undefined ? undefined : `${String(reference.name)}${String(reference.chroot ?? '')}`;
};

/** The older one keeps the place; of two of one second, the first by name. */
function sharesMetadataWith({ metadata, spec }: KafkaCluster, all: readonly RawObject[]): string | undefined {
  const place = placeOf(spec);
  if (place === undefined) return undefined;
  const age = (object: { readonly creationTimestamp?: string | undefined; readonly name: string }): string =>
    `${object.creationTimestamp ?? ''} ${object.name}`;
  return all.find(
    (other) =>
      other.metadata.namespace === metadata.namespace &&
      other.metadata.name !== metadata.name &&
      placeOf(other.spec) === place &&
      age(other.metadata) < age(metadata),
  )?.metadata.name;
}

/** @param service  one broker's, or the bootstrap one */
export function externalAddress(service: Service | undefined): ExternalAddress {
  const ingress = service?.status?.loadBalancer?.ingress?.[0];
  const created = service?.metadata.creationTimestamp;
  return {
    host: ingress?.hostname || ingress?.ip || undefined,
    port: ingress?.ports?.[0]?.port,
    sinceMs: created === undefined ? undefined : Date.parse(created),
  };
}

export const serviceNamed = (observed: ObservedKafkaCluster, name: string): Service | undefined =>
  observed.objects.find(({ object }) => object.kind === 'Service' && object.metadata.name === name)?.object as
    | Service
    | undefined;
