import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { KafkaAdmin, KafkaClient } from '../../src/client/kafka/index.ts';
import { configMaps, events, pods, services } from '../../src/kube/index.ts';
import type { Operator } from '../../src/operator/index.ts';
import { realDeps } from '../support/deps.ts';
import {
  conditionOf,
  kafkaClusters,
  kafkaTopics,
  type Loose,
  must,
  ourKinds,
  pause,
  startWorld,
  until,
  type World,
  zooKeepers,
} from './world.ts';

let world: World;
let operator: Operator;
const namespace = 'default';
/** A second is promised; a machine that runs many tests at once takes its time. */
const firstWordMs = 2_500;

const get = async (kind: string, name: string): Promise<Loose | undefined> => {
  const answer = await world.client.get(ourKinds[kind] as (typeof ourKinds)[string], { namespace, name });
  return answer.ok ? answer.value : undefined;
};
const ready = (kind: string, name: string, timeoutMs = 20_000): Promise<Loose> =>
  until(
    `${kind} ${name} to be ready`,
    async () => {
      const object = await get(kind, name);
      const is = object && conditionOf(object);
      return is?.status === 'True' && is.observedGeneration === object?.metadata.generation ? object : undefined;
    },
    timeoutMs,
  );
const said = (kind: string, name: string, reason: string): Promise<Loose> =>
  until(`${kind} ${name} to say ${reason}`, async () => {
    const object = await get(kind, name);
    return object !== undefined && conditionOf(object)?.reason === reason ? object : undefined;
  });
const admin = (): KafkaAdmin =>
  new KafkaAdmin(
    new KafkaClient(
      { ...realDeps, network: world.network },
      { clientId: 'test', bootstrap: [{ host: 'example-kafka-bootstrap.default.svc', port: 9092 }] },
    ),
    { deadlineMs: 10_000 },
  );
const revision = async (): Promise<string> => must(await world.client.list(configMaps)).resourceVersion;
const eventsAbout = async (name: string): Promise<{ reason: string; note: string; type: string }[]> =>
  must(await world.client.list(events, { namespace }))
    .items.filter(({ regarding }) => regarding?.name === name)
    .map(({ reason, note, type }) => ({ reason: reason ?? '', note: note ?? '', type: type ?? '' }));

beforeAll(async () => {
  world = await startWorld({ processes: 'real' });
  operator = world.startOperator();
  await until('the first lists', () => (operator.notReadyBecause() === undefined ? true : undefined));
});
afterAll(async () => {
  await operator?.stop();
  await world?.stop();
});

describe.sequential('the quick start, from resources to records', () => {
  test('three resources become a cluster with a topic, and say so from the first second on', async () => {
    const first = new Map<string, { reason: string; status: string; afterMs: number }>();
    const text = readFileSync(resolve(import.meta.dirname, '../../manifests/quick-start.yaml'), 'utf8');
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as Loose;
      const atMs = performance.now();
      await world.apply(namespace, object.kind, object.metadata.name, object.spec);
      void until('the first condition', async () => {
        const seen = await get(object.kind, object.metadata.name);
        return seen && conditionOf(seen);
      }).then(({ reason, status }) => first.set(object.kind, { reason, status, afterMs: performance.now() - atMs }));
    }
    await ready('ZooKeeper', 'example');
    const cluster = await ready('KafkaCluster', 'example');
    const topic = await ready('KafkaTopic', 'my-topic');
    for (const kind of ['ZooKeeper', 'KafkaCluster', 'KafkaTopic']) {
      expect(first.get(kind)?.afterMs, kind).toBeLessThan(firstWordMs);
      expect(['Unknown', 'False'], kind).toContain(first.get(kind)?.status);
    }
    expect(cluster.status).toMatchObject({
      ready: '3/3',
      readyReplicas: 3,
      replicas: 3,
      engine: 'embedded',
      zones: 'zone-a=1 zone-b=1 zone-c=1',
      observedGeneration: 1,
      bootstrap: expect.stringMatching(/^127\.[\d.]+:9094$/),
      effectiveConfig: { 'default.replication.factor': '1' },
    });
    expect(cluster.status.brokers.map((broker: { zone: string }) => broker.zone)).toEqual([
      'zone-a',
      'zone-b',
      'zone-c',
    ]);
    expect(cluster.status.conditions.map(({ type }: { type: string }) => type).toSorted()).toEqual([
      'ConfigurationApplied',
      'Progressing',
      'Ready',
    ]);
    expect(topic.status).toMatchObject({ partitions: 3, replicas: 1, topicName: 'my-topic', cluster: 'example' });
    expect(topic.status.topicId).toMatch(/^[\w-]{22}$/);
    const described = must2(await admin().describeCluster());
    expect(described.brokers.map(({ rack }) => rack).toSorted()).toEqual(['zone-a', 'zone-b', 'zone-c']);
    const reasons = (await eventsAbout('example')).map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(['CreatingObjects', 'Ready']));
    expect(world.problems).toEqual([]);
  });

  test('nothing is written when nothing changes', async () => {
    await operator.settled();
    // Events are written in the background: their end is the end of all writing.
    let before = await revision();
    await until('a quiet second', async () => {
      await pause(1_000);
      const now = await revision();
      const isQuiet = now === before;
      before = now;
      return isQuiet ? true : undefined;
    });
    const passes = operator.metrics().find(({ name }) => name === 'hikube_operator_passes_total');
    // A change that is none for the operator, so that it looks at everything again.
    await world.client.mergePatch(
      kafkaClusters,
      { namespace, name: 'example' },
      { metadata: { annotations: { a: 'b' } } },
    );
    await pause(1_500);
    const after = await revision();
    expect(operator.metrics().find(({ name }) => name === 'hikube_operator_passes_total')).not.toEqual(passes);
    expect(Number(after) - Number(before)).toBe(1);
  });

  test('what was deleted or changed by hand is put back', async () => {
    await world.client.delete(services, { namespace, name: 'example-kafka-bootstrap' });
    await world.client.mergePatch(
      configMaps,
      { namespace, name: 'example-zookeeper' },
      { data: { 'zoo-0.cfg': 'dataDir=/elsewhere' }, metadata: { labels: { 'app.kubernetes.io/managed-by': 'me' } } },
    );
    await until('the Service', async () => {
      const service = await world.client.get(services, { namespace, name: 'example-kafka-bootstrap' });
      return service.ok ? true : undefined;
    });
    await until('the ConfigMap', async () => {
      const map = must(await world.client.get(configMaps, { namespace, name: 'example-zookeeper' }));
      return map.data?.['zoo-0.cfg']?.includes('/var/lib/zookeeper') ? true : undefined;
    });
    await ready('KafkaCluster', 'example');
  });

  test('a change of config restarts brokers one at a time, the controller last, and takes effect', async () => {
    const started = must(await world.client.list(pods, { namespace }));
    const uids = new Map(started.items.map(({ metadata }) => [metadata.name, metadata.uid]));
    const controller = `example-kafka-${(await get('KafkaCluster', 'example'))?.status.controller}`;
    const restarted: string[] = [];
    let most = 0;
    let isWatching = true;
    const watching = (async () => {
      while (isWatching) {
        const { items } = must(
          await world.client.list(pods, { namespace, labelSelector: 'app.kubernetes.io/name=kafka' }),
        );
        const down = items.filter(
          ({ metadata, status }) =>
            metadata.deletionTimestamp !== undefined ||
            !status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
        );
        most = Math.max(most, down.length + (3 - items.length));
        for (const { metadata } of items) {
          if (metadata.uid !== uids.get(metadata.name) && !restarted.includes(metadata.name))
            restarted.push(metadata.name);
        }
        await pause(10);
      }
    })();
    await world.client.mergePatch(
      kafkaClusters,
      { namespace, name: 'example' },
      { spec: { config: { 'num.partitions': 7 } } },
    );
    await said('KafkaCluster', 'example', 'RestartingPods');
    await ready('KafkaCluster', 'example', 60_000);
    isWatching = false;
    await watching;
    expect(restarted.toSorted()).toEqual(['example-kafka-0', 'example-kafka-1', 'example-kafka-2']);
    expect(restarted.at(-1)).toBe(controller);
    expect(most).toBe(1);
    expect(
      (await eventsAbout('example')).filter(({ reason }) => reason === 'RestartingPods').length,
    ).toBeGreaterThanOrEqual(3);
    await world.apply(namespace, 'KafkaTopic', 'by-default', { cluster: 'example' });
    expect((await ready('KafkaTopic', 'by-default')).status).toMatchObject({ partitions: 7, replicas: 1 });
  }, 90_000);

  test('a topic grows, changes its properties and goes with its resource', async () => {
    const spec = { cluster: 'example', topicName: 'Orders', partitions: 2, config: { 'retention.ms': 1_000_000 } };
    await world.apply(namespace, 'KafkaTopic', 'orders', spec);
    await ready('KafkaTopic', 'orders');
    await world.apply(namespace, 'KafkaTopic', 'orders', {
      ...spec,
      partitions: 4,
      config: { 'cleanup.policy': 'compact' },
    });
    await ready('KafkaTopic', 'orders');
    const [described] = must2(await admin().describeTopics(['Orders']));
    expect(described?.partitions).toHaveLength(4);
    const [configs] = must2(await admin().describeConfigs([{ type: 'topic', name: 'Orders' }]));
    const own = configs?.entries.filter(({ source }) => source === 1).map(({ name, value }) => [name, value]);
    expect(own).toEqual([['cleanup.policy', 'compact']]);
    must(await world.client.delete(kafkaTopics, { namespace, name: 'orders' }));
    await until('the resource to go', async () =>
      (await get('KafkaTopic', 'orders')) === undefined ? true : undefined,
    );
    const [gone] = must2(await admin().describeTopics(['Orders']));
    expect(gone?.errorCode).toBe(3);
  });

  test('two resources for one topic: the first has it, and the second does not take it along', async () => {
    await world.apply(namespace, 'KafkaTopic', 'second', { cluster: 'example', topicName: 'my-topic' });
    const second = await said('KafkaTopic', 'second', 'TopicConflict');
    expect(conditionOf(second)?.message).toContain('KafkaTopic my-topic');
    expect(conditionOf(second, 'Stalled')?.status).toBe('True');
    must(await world.client.delete(kafkaTopics, { namespace, name: 'second' }));
    await until('the resource to go', async () =>
      (await get('KafkaTopic', 'second')) === undefined ? true : undefined,
    );
    const [described] = must2(await admin().describeTopics(['my-topic']));
    expect(described?.errorCode).toBe(0);
  });

  test.each([
    ['replicas that the engine does not keep', { replicas: 3 }, 'ReplicationFactorNotSupported', 'spec.replicas: 3'],
    ['a property that no topic has', { config: { 'retention.m': 1 } }, 'ConfigInvalid', 'spec.config[retention.m]'],
  ])('a topic with %s is refused', async (_what, spec, reason, words) => {
    await world.apply(namespace, 'KafkaTopic', 'bad', { cluster: 'example', ...spec });
    const topic = await said('KafkaTopic', 'bad', reason);
    expect(conditionOf(topic)?.message).toContain(words);
    expect(await eventsAbout('bad')).toContainEqual(expect.objectContaining({ type: 'Warning', reason }));
    must(await world.client.delete(kafkaTopics, { namespace, name: 'bad' }));
    await until('the resource to go', async () => ((await get('KafkaTopic', 'bad')) === undefined ? true : undefined));
  });

  test('fewer brokers and a forbidden key are refused, the rest goes on, and taking it back cures it', async () => {
    const spec = (await get('KafkaCluster', 'example'))?.spec;
    const before = must(await world.client.list(pods, { namespace })).items.map(({ metadata }) => metadata.uid);
    await world.client.mergePatch(
      kafkaClusters,
      { namespace, name: 'example' },
      { spec: { replicas: 1, config: { 'broker.id': 9 } } },
    );
    const refused = await said('KafkaCluster', 'example', 'ConfigKeyForbidden');
    expect(conditionOf(refused)?.message).toContain('spec.config[broker.id]');
    expect(conditionOf(refused)?.message).toContain('spec.replicas: 1 is less than the 3 there are');
    expect(conditionOf(refused, 'Stalled')?.status).toBe('True');
    expect(refused.spec.replicas).toBe(1);
    expect(refused.status.ready).toBe('3/3');
    await world.client.mergePatch(
      kafkaClusters,
      { namespace, name: 'example' },
      { spec: { replicas: 3, config: { 'broker.id': null, 'num.partitions': spec.config['num.partitions'] } } },
    );
    await ready('KafkaCluster', 'example');
    const after = must(await world.client.list(pods, { namespace })).items.map(({ metadata }) => metadata.uid);
    expect(after).toEqual(before);
  });

  test('volumes grow, more brokers come, and a paused cluster is left alone', async () => {
    await world.client.mergePatch(
      kafkaClusters,
      { namespace, name: 'example' },
      { metadata: { annotations: { 'kafka.hikube.cloud/pause': 'true' } } },
    );
    await said('KafkaCluster', 'example', 'Paused');
    await world.client.mergePatch(
      kafkaClusters,
      { namespace, name: 'example' },
      { spec: { replicas: 4, storage: { size: '20Gi' } } },
    );
    await pause(300);
    expect((await get('KafkaCluster', 'example'))?.status.replicas).toBe(3);
    await world.client.mergePatch(
      kafkaClusters,
      { namespace, name: 'example' },
      { metadata: { annotations: { 'kafka.hikube.cloud/pause': null } } },
    );
    const grown = await until(
      'four brokers',
      async () => {
        const object = await get('KafkaCluster', 'example');
        return object?.status.ready === '4/4' && conditionOf(object)?.status === 'True' ? object : undefined;
      },
      30_000,
    );
    expect(grown.status.storage).toBe('20Gi');
  }, 45_000);

  test('the cluster goes, its topics go with it, and its volumes stay', async () => {
    must(await world.client.delete(kafkaClusters, { namespace, name: 'example' }));
    must(await world.client.delete(kafkaTopics, { namespace, name: 'my-topic' }));
    must(await world.client.delete(kafkaTopics, { namespace, name: 'by-default' }));
    must(await world.client.delete(zooKeepers, { namespace, name: 'example' }));
    await until('topics to go', async () => {
      const { items } = must(await world.client.list(kafkaTopics, { namespace }));
      return items.length === 0 ? true : undefined;
    });
    await until('objects to go', async () => {
      const { items } = must(await world.client.list(services, { namespace }));
      return items.every(({ metadata }) => metadata.name === 'kubernetes') ? true : undefined;
    });
  });
});

function must2<Value>(answer: { ok: true; value: Value } | { ok: false; problem: { sentence: string } }): Value {
  if (!answer.ok) throw new Error(answer.problem.sentence);
  return answer.value;
}
