/**
 * Names of objects, labels, ports and paths. Dashboards, documents and scripts rely on them, so they are written once,
 * here. `cluster` and `ensemble` are the names of the KafkaCluster and the ZooKeeper.
 */
import { group } from '../../api/index.ts';

export const ports = {
  replication: 9091,
  clients: 9092,
  external: 9094,
  zooKeeperClients: 2181,
  zooKeeperPeers: 2888,
  zooKeeperElection: 3888,
  /** Health and metrics of every role. */
  health: 9404,
} as const;

export const kafkaNames = {
  statefulSet: (cluster: string) => `${cluster}-kafka`,
  configMap: (cluster: string) => `${cluster}-kafka`,
  disruptionBudget: (cluster: string) => `${cluster}-kafka`,
  pod: (cluster: string, id: number) => `${cluster}-kafka-${id}`,
  claim: (cluster: string, id: number) => `data-0-${cluster}-kafka-${id}`,
  brokers: (cluster: string) => `${cluster}-kafka-brokers`,
  bootstrap: (cluster: string) => `${cluster}-kafka-bootstrap`,
  externalBootstrap: (cluster: string) => `${cluster}-kafka-external-bootstrap`,
  externalBroker: (cluster: string, id: number) => `${cluster}-kafka-${id}`,
} as const;

export const zooKeeperNames = {
  statefulSet: (ensemble: string) => `${ensemble}-zookeeper`,
  configMap: (ensemble: string) => `${ensemble}-zookeeper`,
  disruptionBudget: (ensemble: string) => `${ensemble}-zookeeper`,
  pod: (ensemble: string, index: number) => `${ensemble}-zookeeper-${index}`,
  claim: (ensemble: string, index: number) => `data-${ensemble}-zookeeper-${index}`,
  /** The Secret with the super user's password. */
  superUser: (ensemble: string) => `${ensemble}-zookeeper-super`,
  nodes: (ensemble: string) => `${ensemble}-zookeeper-nodes`,
  client: (ensemble: string) => `${ensemble}-zookeeper-client`,
} as const;

/** A pod's name in DNS: the same from every namespace, and short enough for every log. */
export const podHost = (pod: string, service: string, namespace: string): string =>
  `${pod}.${service}.${namespace}.svc`;
export const serviceHost = (service: string, namespace: string): string => `${service}.${namespace}.svc`;

/** Everything that the operator made carries it; the operator watches nothing else. */
export const managedByLabel = { 'app.kubernetes.io/managed-by': 'hikube-kafka' } as const;

export type Component = 'kafka' | 'zookeeper';

/** What finds the pods of one resource, and never changes: a StatefulSet's selector cannot. */
export const selectorLabels = (component: Component, owner: string): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/name': component,
  'app.kubernetes.io/instance': owner,
  ...managedByLabel,
});

/**
 * Labels of every object. Those of `strimzi.io` are here because alerts and dashboards that people have match them.
 */
export const objectLabels = (component: Component, owner: string): Readonly<Record<string, string>> => ({
  ...selectorLabels(component, owner),
  'app.kubernetes.io/part-of': 'hikube-kafka',
  [`${group}/${component === 'kafka' ? 'cluster' : 'zookeeper'}`]: owner,
  'strimzi.io/cluster': owner,
  'strimzi.io/kind': 'Kafka',
  'strimzi.io/name': `${owner}-${component}`,
  'strimzi.io/component-type': component,
});

export const annotations = {
  /** On every object: what it was applied from, so that nothing is written when nothing changed. */
  applied: `${group}/applied`,
  /** On pods and their template: what a pod must be restarted for. */
  revision: `${group}/revision`,
  /** On pods of an ensemble and their template: how many servers stood in the file that the pod was started with. */
  servers: `${group}/servers`,
  /** On pods, written once they are scheduled: the node's zone. The broker reads it as its rack. */
  zone: `${group}/zone`,
  /** On pods, written once the addresses are known: what the broker advertises. */
  advertisedListeners: `${group}/advertised-listeners`,
  /** On the StatefulSet: what cannot change later. */
  engine: `${group}/engine`,
  coordination: `${group}/coordination`,
  /** On the StatefulSet: the last `spec.config` that was accepted, kept in force while a worse one is refused. */
  config: `${group}/config`,
  /** On an ensemble's StatefulSet: the last `spec.replicas` that was accepted; the pods may be more for a while. */
  replicas: `${group}/replicas`,
  /** On a resource, by a person: leave it alone while `true`. */
  pause: `${group}/pause`,
} as const;

export const paths = {
  config: '/etc/hikube-kafka/config',
  pod: '/etc/hikube-kafka/pod',
  superUser: '/etc/hikube-kafka/super',
  kafkaVolume: '/var/lib/kafka',
  kafkaLogs: '/var/lib/kafka/data',
  zooKeeperData: '/var/lib/zookeeper',
} as const;
