/** Resources that no API server should take, and what its refusal must name. */
import { apiVersion } from '../../src/api/index.ts';
import { type KubeClient, namespaces } from '../../src/kube/index.ts';

export type BadResource = {
  readonly what: string;
  readonly kind: 'KafkaCluster' | 'KafkaTopic' | 'ZooKeeper';
  readonly name?: string;
  readonly spec: object;
  /** Applied before: then the bad one is a change of it. */
  readonly before?: object;
  readonly names: string;
};

const coordination = { zooKeeper: { name: 'example' } };

export const badResources: readonly BadResource[] = [
  {
    what: 'a negative number of brokers',
    kind: 'KafkaCluster',
    spec: { replicas: -1, coordination },
    names: 'spec.replicas',
  },
  { what: 'an unknown field', kind: 'KafkaCluster', spec: { replica: 1, coordination }, names: 'spec.replica' },
  { what: 'no coordination', kind: 'KafkaCluster', spec: {}, names: 'spec.coordination' },
  {
    what: 'two kinds of coordination',
    kind: 'KafkaCluster',
    spec: { coordination: { ...coordination, quorum: {} } },
    names: 'spec.coordination',
  },
  { what: 'an unknown engine', kind: 'KafkaCluster', spec: { engine: 'other', coordination }, names: 'spec.engine' },
  {
    what: 'an unknown preset',
    kind: 'KafkaCluster',
    spec: { resourcesPreset: 'tiny', coordination },
    names: 'spec.resourcesPreset',
  },
  {
    what: 'a size that is no quantity',
    kind: 'KafkaCluster',
    spec: { storage: { size: 'big' }, coordination },
    names: 'spec.storage.size',
  },
  {
    what: 'a name that is too long',
    kind: 'KafkaCluster',
    name: 'a'.repeat(47),
    spec: { coordination },
    names: 'metadata.name',
  },
  { what: 'a name that no Service can begin with', kind: 'ZooKeeper', name: '1st', spec: {}, names: 'metadata.name' },
  { what: 'no partitions', kind: 'KafkaTopic', spec: { cluster: 'example', partitions: 0 }, names: 'spec.partitions' },
  { what: 'no cluster', kind: 'KafkaTopic', spec: { partitions: 1 }, names: 'spec.cluster' },
  {
    what: 'a topic name with a space',
    kind: 'KafkaTopic',
    spec: { cluster: 'example', topicName: 'a b' },
    names: 'spec.topicName',
  },
];

/** Those that a schema cannot say: rules in CEL. */
export const badChanges: readonly BadResource[] = [
  ...[2, 4, 7].map((replicas) => ({
    what: `an ensemble of ${replicas}`,
    kind: 'ZooKeeper' as const,
    spec: { replicas },
    names: 'must be one of 1, 3, 5',
  })),
  {
    what: 'a long name with brokers outside',
    kind: 'KafkaCluster',
    name: 'a'.repeat(39),
    spec: { external: true, coordination },
    names: 'metadata.name',
  },
  {
    what: 'smaller volumes',
    kind: 'KafkaCluster',
    before: { storage: { size: '10Gi' }, coordination },
    spec: { storage: { size: 1024 }, coordination },
    names: 'spec.storage.size',
  },
  {
    what: 'another class of volumes',
    kind: 'ZooKeeper',
    before: {},
    spec: { storage: { storageClass: 'other' } },
    names: 'spec.storage.storageClass',
  },
  {
    what: 'another ensemble',
    kind: 'KafkaCluster',
    before: { coordination },
    spec: { coordination: { zooKeeper: { name: 'elsewhere' } } },
    names: 'spec.coordination',
  },
  {
    what: 'fewer partitions',
    kind: 'KafkaTopic',
    before: { cluster: 'example', partitions: 3 },
    spec: { cluster: 'example', partitions: 2 },
    names: 'spec.partitions',
  },
  {
    what: 'another name of the topic',
    kind: 'KafkaTopic',
    before: { cluster: 'example', topicName: 'a' },
    spec: { cluster: 'example', topicName: 'b' },
    names: 'spec.topicName',
  },
  {
    what: 'another cluster of the topic',
    kind: 'KafkaTopic',
    before: { cluster: 'example' },
    spec: { cluster: 'other' },
    names: 'spec.cluster',
  },
];

let count = 0;

/** What the API server says to it; asked strictly, as kubectl does: an unknown field is an error and not dropped. */
export async function refusalOf(bad: BadResource, client: KubeClient): Promise<string> {
  const namespace = `refused-${count++}`;
  const metadata = { name: bad.name ?? 'bad', namespace };
  const made = await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  if (!made.ok) throw new Error(made.problem.message);
  const path = `/apis/${apiVersion}/namespaces/${namespace}/${bad.kind.toLowerCase()}s`;
  const query = '?fieldManager=person&fieldValidation=Strict';
  const object = (spec: object) => JSON.stringify({ apiVersion, kind: bad.kind, metadata, spec });
  if (bad.before === undefined) {
    const answer = await client.raw({ method: 'POST', path: path + query, body: object(bad.spec) });
    return answer.ok ? 'it was taken' : answer.problem.message;
  }
  const before = await client.raw({ method: 'POST', path: path + query, body: object(bad.before) });
  if (!before.ok) throw new Error(before.problem.message);
  const answer = await client.raw({
    method: 'PATCH',
    path: `${path}/${metadata.name}${query}`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ spec: bad.spec }),
  });
  return answer.ok ? 'it was taken' : answer.problem.message;
}
