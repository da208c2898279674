import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ZooKeeperStatus } from '../../src/api/index.ts';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import {
  type KubeObject,
  nodes,
  persistentVolumeClaims,
  pods,
  secrets,
  services,
  statefulSets,
} from '../../src/kube/index.ts';
import { until } from '../kube/suite.ts';
import { realDeps } from '../support/deps.ts';
import {
  type Cluster,
  conditionOf,
  kafkaClusters,
  kafkaTopics,
  type Resource,
  startCluster,
  zooKeepers,
} from './cluster.ts';

const namespace = 'default';
const name = 'coordination';
const key = { namespace, name };
const patienceMs = 60_000;
let cluster: Cluster;
let writer: Writer;

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await writer?.stop();
  await cluster?.stop();
});

type Writer = {
  readonly acknowledged: string[];
  /** The longest time that no write was acknowledged, since the last call. */
  longestPauseMs(): number;
  /** Everything that was acknowledged and is not there. */
  missing(): Promise<string[]>;
  stop(): Promise<void>;
};

/** Creates one znode after the other through the Service, as a broker would, with one session all along. */
function startWriter(): Writer {
  const address = { host: `${name}-zookeeper-client.${namespace}.svc`, port: 2181 };
  const client = new ZooKeeperClient(
    { servers: [address], sessionTimeoutMs: 10_000 },
    { ...realDeps, network: cluster.network },
  );
  const acknowledged: string[] = [];
  let isWriting = true;
  let lastMs = performance.now();
  let longestMs = 0;
  const writing = (async () => {
    for (let index = 0; isWriting; index++) {
      const created = await client.create(`/n${index}`, Buffer.from(String(index)));
      if (created.ok) {
        acknowledged.push(`n${index}`);
        longestMs = Math.max(longestMs, performance.now() - lastMs);
        lastMs = performance.now();
      } else expect(['connectionLoss', 'nodeExists']).toContain(created.problem.kind);
      await new Promise((next) => setTimeout(next, 10));
    }
  })();
  return {
    acknowledged,
    longestPauseMs() {
      const longest = longestMs;
      longestMs = 0;
      return Math.round(longest);
    },
    async missing() {
      // `sync` may meet a server that is just ending.
      for (;;) {
        await client.sync('/');
        const all = [...acknowledged];
        const children = await client.getChildren('/');
        if (!children.ok) continue;
        const there = new Set(children.value.children);
        return all.filter((each) => !there.has(each));
      }
    },
    async stop() {
      isWriting = false;
      await writing;
      await client.close();
    },
  };
}

async function read(): Promise<Resource & { readonly status?: ZooKeeperStatus }> {
  const answer = await cluster.client.get(zooKeepers, key);
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value as Resource & { readonly status?: ZooKeeperStatus };
}

async function isAsAsked(): Promise<boolean> {
  const object = await read();
  const isReady = conditionOf(object, 'Ready')?.status === 'True';
  return isReady && object.status?.observedGeneration === object.metadata.generation;
}

async function ask(spec: object): Promise<ZooKeeperStatus> {
  const patched = await cluster.client.mergePatch(zooKeepers, key, { spec });
  expect(patched).toMatchObject({ ok: true });
  await until('the ensemble is as asked', isAsAsked, patienceMs);
  return (await read()).status ?? {};
}

const zonesOf = async (): Promise<(string | undefined)[]> => {
  const found = await cluster.client.list(pods, { namespace, labelSelector: 'app.kubernetes.io/name=zookeeper' });
  const all = await cluster.client.list(nodes);
  if (!found.ok || !all.ok) throw new Error('cannot list');
  return found.value.items.map(
    ({ spec }) =>
      all.value.items.find(({ metadata }) => metadata.name === spec?.nodeName)?.metadata.labels?.[
        'topology.kubernetes.io/zone'
      ],
  );
};

test('an ensemble grows from one server to three and to five under a client that writes', async () => {
  const made = await cluster.client.create(zooKeepers, {
    apiVersion: 'kafka.hikube.cloud/v1alpha1',
    kind: 'ZooKeeper',
    metadata: { name, namespace },
    spec: { replicas: 1, resourcesPreset: 'nano', storage: { size: '1Gi' } },
  });
  expect(made).toMatchObject({ ok: true });
  await until('the ensemble of one is ready', isAsAsked, patienceMs);
  writer = startWriter();
  await until('the client writes', () => writer.acknowledged.length > 10, patienceMs);
  for (const replicas of [3, 5]) {
    const beganMs = performance.now();
    const status = await ask({ replicas });
    const tookMs = Math.round(performance.now() - beganMs);
    console.log(`to ${replicas} servers: ${tookMs} ms, longest pause of the writer ${writer.longestPauseMs()} ms`);
    expect(status).toMatchObject({
      ready: `${replicas}/${replicas}`,
      replicas,
      phase: 'Running',
      mode: 'replicated',
      leader: expect.stringContaining(`${name}-zookeeper-`),
    });
    expect(status.servers?.map(({ member, behind, ready }) => ({ member, behind, ready }))).toEqual(
      Array.from({ length: replicas }, () => ({ member: 'participant', behind: 0, ready: true })),
    );
    if (replicas === 3) expect(new Set(await zonesOf()).size).toBe(3);
  }
  expect(await writer.missing()).toEqual([]);
});

test('a change of config restarts one server after the other, who leads last', async () => {
  const before = (await read()).status;
  const listed = await cluster.client.list(pods, { namespace, labelSelector: 'app.kubernetes.io/name=zookeeper' });
  const uids = new Map(listed.ok ? listed.value.items.map(({ metadata }) => [metadata.name, metadata.uid]) : []);
  const restarted: string[] = [];
  let mostDown = 0;
  let isWatching = true;
  const watching = (async () => {
    while (isWatching) {
      const now = await cluster.client.list(pods, { namespace, labelSelector: 'app.kubernetes.io/name=zookeeper' });
      const items = now.ok ? now.value.items : [];
      const up = items.filter(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
      );
      if (now.ok) mostDown = Math.max(mostDown, uids.size - up.length);
      for (const { metadata } of items) {
        const isNew = uids.has(metadata.name) && uids.get(metadata.name) !== metadata.uid;
        if (isNew && !restarted.includes(metadata.name)) restarted.push(metadata.name);
      }
      await new Promise((next) => setTimeout(next, 20));
    }
  })();
  writer.longestPauseMs();
  const after = await ask({ config: { snapCount: 10_000 } });
  isWatching = false;
  await watching;
  console.log(`rolling restart of 5: longest pause of the writer ${writer.longestPauseMs()} ms`);
  expect(restarted).toHaveLength(5);
  expect(restarted.at(-1)).toBe(before?.leader);
  expect(mostDown).toBe(1);
  expect(after.epoch).toBeGreaterThan(before?.epoch ?? 0);
  expect(await writer.missing()).toEqual([]);
});

test('it shrinks to three, though the operator is killed on the way', async () => {
  const patched = await cluster.client.mergePatch(zooKeepers, key, { spec: { replicas: 3 } });
  expect(patched).toMatchObject({ ok: true });
  await cluster.killOperator();
  await until('there are three', isAsAsked, patienceMs);
  const { status } = await read();
  expect(status).toMatchObject({
    ready: '3/3',
    replicas: 3,
    phase: 'Running',
    zones: expect.stringMatching(/=1 .*=1 .*=1/),
  });
  expect(status?.servers).toHaveLength(3);
  // Their volumes stay, as the policy says.
  const claims = await cluster.client.list(persistentVolumeClaims, { namespace });
  expect(
    claims.ok && claims.value.items.filter(({ metadata }) => metadata.name.startsWith(`data-${name}-`)),
  ).toHaveLength(5);
  expect(await writer.missing()).toEqual([]);
});

test('any server may be killed, and a broker and a client go on with the others', async () => {
  const made = await cluster.client.create(kafkaClusters, {
    apiVersion: 'kafka.hikube.cloud/v1alpha1',
    kind: 'KafkaCluster',
    metadata: { name: 'events', namespace },
    spec: { replicas: 1, storage: { size: '1Gi' }, coordination: { zooKeeper: { name, chroot: '/events' } } },
  });
  expect(made).toMatchObject({ ok: true });
  for (const [round, id] of [0, 1, 2].entries()) {
    const pod = `${name}-zookeeper-${id}`;
    const pid = cluster.processes().get(pod);
    expect(pid, pod).toBeDefined();
    process.kill(pid as number, 'SIGKILL');
    const topic = await cluster.client.create(kafkaTopics, {
      apiVersion: 'kafka.hikube.cloud/v1alpha1',
      kind: 'KafkaTopic',
      metadata: { name: `events-${round}`, namespace },
      spec: { cluster: 'events', partitions: 2 },
    });
    expect(topic).toMatchObject({ ok: true });
    await until(
      `events-${round} is ready`,
      async () => {
        const answer = await cluster.client.get(kafkaTopics, { namespace, name: `events-${round}` });
        return answer.ok && conditionOf(answer.value, 'Ready')?.status === 'True';
      },
      patienceMs,
    );
    await until('the ensemble is whole again', isAsAsked, patienceMs);
  }
  console.log(`servers killed one by one: longest pause of the writer ${writer.longestPauseMs()} ms`);
  expect(await writer.missing()).toEqual([]);
});

test('a server whose volume is lost gets its data again', async () => {
  const { status } = await read();
  const victim = status?.servers?.find(({ pod }) => pod !== status.leader)?.pod ?? '';
  const before = await cluster.client.get(persistentVolumeClaims, { namespace, name: `data-${victim}` });
  await cluster.client.delete(persistentVolumeClaims, { namespace, name: `data-${victim}` });
  await cluster.client.delete(pods, { namespace, name: victim });
  await until(
    'it has another volume',
    async () => {
      const now = await cluster.client.get(persistentVolumeClaims, { namespace, name: `data-${victim}` });
      return now.ok && before.ok && now.value.metadata.uid !== before.value.metadata.uid;
    },
    patienceMs,
  );
  await until(
    'it votes again',
    async () => {
      const now = (await read()).status;
      return (
        now?.ready === '3/3' && now.servers?.every(({ mode }) => mode === 'leader' || mode === 'follower') === true
      );
    },
    patienceMs,
  );
  await until('all is well', isAsAsked, patienceMs);
  expect(await writer.missing()).toEqual([]);
});

test('what is deleted goes, but for the volumes', async () => {
  await writer.stop();
  for (const topic of ['events-0', 'events-1', 'events-2']) {
    await cluster.client.delete(kafkaTopics, { namespace, name: topic });
  }
  await until(
    'the topics are gone',
    async () => {
      const left = await cluster.client.list(kafkaTopics, { namespace });
      return left.ok && left.value.items.length === 0;
    },
    patienceMs,
  );
  await cluster.client.delete(kafkaClusters, { namespace, name: 'events' });
  // A broker says good-bye to its ensemble.
  await until('the broker has ended', () => !cluster.processes().has('events-kafka-0'), patienceMs);
  await cluster.client.delete(zooKeepers, key);
  const left = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const type of [statefulSets, services, pods, secrets]) {
      const answer = await cluster.client.list<KubeObject>(type, { namespace });
      if (answer.ok) found.push(...answer.value.items.map(({ metadata }) => metadata.name));
    }
    return found.filter((each) => each.startsWith(name) || each.startsWith('events'));
  };
  await until('nothing is left', async () => (await left()).length === 0, patienceMs);
});
