import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  configMaps,
  endpointSlices,
  type KubeObject,
  keyOf,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  type ResourceType,
  services,
  statefulSets,
} from '../../src/kube/index.ts';
import { until } from '../kube/suite.ts';
import {
  type Cluster,
  conditionOf,
  kafkaClusters,
  kafkaTopics,
  quickStartFile,
  type Resource,
  startCluster,
  zooKeepers,
} from './cluster.ts';

const namespace = 'default';
const key = { namespace, name: 'example' };
const topicKey = { namespace, name: 'my-topic' };
const patience = 90_000;
let cluster: Cluster;
let kafka: Kafka;
const sent: string[] = [];

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

async function read(
  type: ResourceType<Resource>,
  of: { namespace: string; name: string },
): Promise<Resource | undefined> {
  const answer = await cluster.client.get(type, of);
  return answer.ok ? answer.value : undefined;
}

async function isReady(type: ResourceType<Resource>, of: { namespace: string; name: string }): Promise<boolean> {
  const object = await read(type, of);
  return (
    conditionOf(object, 'Ready')?.status === 'True' &&
    object?.status?.observedGeneration === object?.metadata.generation
  );
}

async function allReady(): Promise<void> {
  await until(
    'the quick start is Ready',
    async () =>
      (await isReady(zooKeepers, key)) && (await isReady(kafkaClusters, key)) && (await isReady(kafkaTopics, topicKey)),
    patience,
  );
}

async function produce(count: number): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  for (let index = 0; index < count; index++) {
    const value = `record ${sent.length}`;
    await producer.send({ topic: 'my-topic', acks: -1, messages: [{ key: value, value }] });
    sent.push(value);
  }
  await producer.disconnect();
}

/** Every record of the topic from the beginning, with a new group. */
async function consume(): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `e2e-${performance.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topic: 'my-topic', fromBeginning: true });
  const values: string[] = [];
  const all = new Promise<void>((done) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        values.push(message.value?.toString() ?? '');
        if (values.length >= sent.length) done();
      },
    });
  });
  await Promise.race([all, new Promise((late) => setTimeout(late, patience))]);
  await consumer.disconnect();
  return values;
}

const sorted = (values: readonly string[]): string[] => [...values].sort();

test('the quick start becomes Ready, and says Unknown within a second of being seen', async () => {
  await cluster.apply(quickStartFile);
  const appliedMs = performance.now();
  await until(
    'there is a Ready condition',
    async () => conditionOf(await read(kafkaClusters, key), 'Ready') !== undefined,
  );
  expect(performance.now() - appliedMs).toBeLessThan(cluster.isReal ? 15_000 : 5_000);
  await allReady();
  const object = await read(kafkaClusters, key);
  expect(object?.status?.bootstrap).toMatch(/^127\.[\d.]+:9094$/);
  kafka = cluster.kafka(object?.status?.bootstrap as string);
  const zones = await cluster.client.list(pods, { namespace, labelSelector: 'app.kubernetes.io/name=kafka' });
  const seen = zones.ok ? zones.value.items.map((pod) => pod.metadata.labels?.['topology.kubernetes.io/zone']) : [];
  expect(new Set(seen).size).toBe(3);
});

test('kafkajs writes records and reads each of them once', async () => {
  await produce(50);
  expect(sorted(await consume())).toEqual(sorted(sent));
  const admin = kafka.admin();
  await admin.connect();
  expect(await admin.listTopics()).toContain('my-topic');
  await admin.disconnect();
});

test('nothing is written while nothing changes', async () => {
  // What the last test made the cluster do has to settle first.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const versions = async (): Promise<Record<string, string | undefined>> => {
    const found: Record<string, string | undefined> = {};
    const types = [
      kafkaClusters,
      kafkaTopics,
      zooKeepers,
      statefulSets,
      services,
      configMaps,
      pods,
      persistentVolumeClaims,
      podDisruptionBudgets,
    ];
    for (const type of cluster.isReal ? types : [...types, endpointSlices]) {
      const answer = await cluster.client.list(type as ResourceType<KubeObject>, { namespace });
      if (!answer.ok) throw new Error(answer.problem.message);
      for (const object of answer.value.items) found[`${type.kind} ${keyOf(object)}`] = object.metadata.resourceVersion;
    }
    return found;
  };
  const before = await versions();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  expect(await versions()).toEqual(before);
});

test('a resource that cannot be is refused with the field that is wrong', async () => {
  const refused = async (object: object): Promise<string> => {
    const answer = await cluster.client.create(kafkaClusters, {
      apiVersion: 'kafka.hikube.cloud/v1alpha1',
      kind: 'KafkaCluster',
      metadata: { name: 'bad', namespace },
      ...object,
    } as Resource);
    return answer.ok ? 'accepted' : `${answer.problem.kind}: ${answer.problem.message}`;
  };
  const coordination = { zooKeeper: { name: 'example' } };
  expect(await refused({ spec: { replicas: -1, storage: { size: '1Gi' }, coordination } })).toMatch(
    /^invalid: .*spec\.replicas/,
  );
  expect(await refused({ spec: { replicas: 1, storage: { size: 'much' }, coordination } })).toMatch(
    /^invalid: .*spec\.storage\.size/,
  );
  const topic = await cluster.client.create(kafkaTopics, {
    apiVersion: 'kafka.hikube.cloud/v1alpha1',
    kind: 'KafkaTopic',
    metadata: { name: 'bad', namespace },
    spec: { cluster: 'example', partitions: 0 },
  });
  expect(topic).toMatchObject({
    ok: false,
    problem: { kind: 'invalid', message: expect.stringContaining('spec.partitions') },
  });
});

test('a change of config is taken up, and the records stay', async () => {
  const patch = { spec: { config: { 'log.retention.hours': 100 } } };
  const answer = await cluster.client.mergePatch(kafkaClusters, key, patch);
  expect(answer.ok).toBe(true);
  await allReady();
  expect(sorted(await consume())).toEqual(sorted(sent));
});

test('every process can be killed, again and again, and every acknowledged record stays', async () => {
  for (const name of [
    'example-zookeeper-0',
    'example-kafka-0',
    'example-kafka-1',
    'example-kafka-2',
    'example-kafka-0',
    'example-zookeeper-0',
  ]) {
    const before = cluster.processes().get(name);
    expect(before, name).toBeDefined();
    process.kill(before as number, 'SIGKILL');
    await until(
      `another process of ${name} runs`,
      () => cluster.processes().get(name) !== undefined && cluster.processes().get(name) !== before,
      patience,
    );
    await allReady();
    await produce(5);
  }
  expect(sorted(await consume())).toEqual(sorted(sent));
});

test('an operator that is killed at any moment goes on where it was', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-manifest-'));
  for (let round = 0; round < 3; round++) {
    const file = join(folder, `topic-${round}.yaml`);
    writeFileSync(
      file,
      `apiVersion: kafka.hikube.cloud/v1alpha1\nkind: KafkaTopic\nmetadata: { name: topic-${round} }\nspec: { cluster: example, partitions: 2 }\n`,
    );
    await cluster.apply(file);
    await new Promise((resolve) => setTimeout(resolve, 30 * round));
    await cluster.killOperator();
    await until(`topic-${round} is Ready`, () => isReady(kafkaTopics, { namespace, name: `topic-${round}` }), patience);
  }
  rmSync(folder, { recursive: true, force: true });
  const admin = kafka.admin();
  await admin.connect();
  expect(await admin.listTopics()).toEqual(expect.arrayContaining(['topic-0', 'topic-1', 'topic-2']));
  await admin.disconnect();
});

test('what is deleted goes, with everything that belongs to it', async () => {
  for (const name of ['topic-0', 'topic-1', 'topic-2']) await cluster.client.delete(kafkaTopics, { namespace, name });
  await until(
    'the topics are gone',
    async () => (await read(kafkaTopics, { namespace, name: 'topic-2' })) === undefined,
    patience,
  );
  expect((await cluster.client.delete(kafkaTopics, topicKey)).ok).toBe(true);
  expect((await cluster.client.delete(kafkaClusters, key)).ok).toBe(true);
  expect((await cluster.client.delete(zooKeepers, key)).ok).toBe(true);
  const left = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const type of [kafkaTopics, kafkaClusters, zooKeepers, statefulSets, services, pods, podDisruptionBudgets]) {
      const answer = await cluster.client.list(type as ResourceType<KubeObject>, { namespace });
      const names = answer.ok
        ? answer.value.items.map(({ metadata }) => metadata.name)
        : [`cannot list ${type.plural}`];
      found.push(...names.filter((name) => name.startsWith('example') || name.startsWith('my-topic')));
    }
    return found;
  };
  await until('nothing is left', async () => (await left()).length === 0, patience);
  expect([...cluster.processes().keys()].filter((name) => name.startsWith('example'))).toEqual([]);
});
