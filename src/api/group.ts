/** The API group of all our kinds, and the version that is served and stored. */
export const group = 'kafka.hikube.cloud';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}` as const;

/** What kubectl and the API's paths call a kind. */
export type KindNames = {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
};

export const kafkaClusterNames = {
  kind: 'KafkaCluster',
  plural: 'kafkaclusters',
  singular: 'kafkacluster',
  shortName: 'kc',
} as const satisfies KindNames;

export const kafkaTopicNames = {
  kind: 'KafkaTopic',
  plural: 'kafkatopics',
  singular: 'kafkatopic',
  shortName: 'kt',
} as const satisfies KindNames;

export const zooKeeperNames = {
  kind: 'ZooKeeper',
  plural: 'zookeepers',
  singular: 'zookeeper',
  shortName: 'zk',
} as const satisfies KindNames;

/** The metadata of an object as far as our resources care; the API server has checked it. */
export type ResourceMetadata = {
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly generation?: number | undefined;
  readonly creationTimestamp?: string | undefined;
  readonly deletionTimestamp?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly finalizers?: readonly string[] | undefined;
};
