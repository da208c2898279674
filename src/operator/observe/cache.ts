/** What the operator watches: our kinds, the objects it made (by label), and of nodes and namespaces what it needs. */
import {
  type ConfigMap,
  configMaps,
  createInformer,
  type Informer,
  type InformerDeps,
  type KubeObject,
  type Namespace,
  type Node,
  namespaces,
  nodes,
  type PersistentVolumeClaim,
  type Pod,
  type PodDisruptionBudget,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  type Service,
  type StatefulSet,
  services,
  statefulSets,
} from '../../kube/index.ts';
import { type Component, managedByLabel } from '../desired/names.ts';
import { kafkaClusters, kafkaTopics, type RawObject, zooKeepers } from './kinds.ts';

export type Cache = {
  readonly kafkaClusters: Informer<RawObject>;
  readonly kafkaTopics: Informer<RawObject>;
  readonly zooKeepers: Informer<RawObject>;
  readonly configMaps: Informer<ConfigMap>;
  readonly services: Informer<Service>;
  readonly statefulSets: Informer<StatefulSet>;
  readonly podDisruptionBudgets: Informer<PodDisruptionBudget>;
  readonly persistentVolumeClaims: Informer<PersistentVolumeClaim>;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly namespaces: Informer<Namespace>;
};

/** Names the resource that an object was made for: `kafka/default/example`. */
export const ownerText = (component: Component, namespace: string, name: string): string =>
  `${component}/${namespace}/${name}`;

/** As `ownerText`, from the object's labels; undefined if they say nothing. */
export function ownerOf(object: KubeObject): { component: Component; key: string } | undefined {
  const component = object.metadata.labels?.['app.kubernetes.io/name'];
  const instance = object.metadata.labels?.['app.kubernetes.io/instance'];
  if ((component !== 'kafka' && component !== 'zookeeper') || instance === undefined) return undefined;
  return { component, key: `${object.metadata.namespace}/${instance}` };
}

const byOwner = {
  owner: (object: KubeObject): readonly string[] => {
    const owner = ownerOf(object);
    return owner === undefined ? [] : [`${owner.component}/${owner.key}`];
  },
};

/** The cluster that a topic names: `default/example`. */
export function clusterKeyOf(topic: RawObject): string | undefined {
  const cluster = (topic.spec as { readonly cluster?: unknown } | undefined)?.cluster;
  return typeof cluster === 'string' ? `${topic.metadata.namespace}/${cluster}` : undefined;
}

const byCluster = {
  cluster: (topic: RawObject): readonly string[] => {
    const key = clusterKeyOf(topic);
    return key === undefined ? [] : [key];
  },
};

/** Nodes report often and at length; their labels hardly ever change. */
const labelsOnly = (node: Node): Node => ({
  apiVersion: node.apiVersion,
  kind: node.kind,
  metadata: { name: node.metadata.name, labels: node.metadata.labels },
});

/** @param namespace  watch one namespace only; undefined: all */
export function createCache(deps: InformerDeps, namespace: string | undefined): Cache {
  const managed = {
    namespace,
    labelSelector: Object.entries(managedByLabel)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    indexes: byOwner,
  };
  return {
    kafkaClusters: createInformer(kafkaClusters, { namespace }, deps),
    kafkaTopics: createInformer(kafkaTopics, { namespace, indexes: byCluster }, deps),
    zooKeepers: createInformer(zooKeepers, { namespace }, deps),
    configMaps: createInformer(configMaps, managed, deps),
    services: createInformer(services, managed, deps),
    statefulSets: createInformer(statefulSets, managed, deps),
    podDisruptionBudgets: createInformer(podDisruptionBudgets, managed, deps),
    persistentVolumeClaims: createInformer(persistentVolumeClaims, managed, deps),
    pods: createInformer(pods, managed, deps),
    nodes: createInformer(nodes, { transform: labelsOnly }, deps),
    namespaces: createInformer(namespaces, {}, deps),
  };
}

export const informersOf = (cache: Cache): readonly Informer<KubeObject>[] =>
  Object.values(cache) as unknown as readonly Informer<KubeObject>[];
