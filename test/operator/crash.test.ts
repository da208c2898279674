import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { configMaps, podDisruptionBudgets, pods, services, statefulSets } from '../../src/kube/index.ts';
import { inParallel } from '../../src/operator/apply/in-parallel.ts';
import { stableText } from '../../src/operator/desired/object.ts';
import { cutOffAt } from './cut-off.ts';
import {
  conditionOf,
  kafkaClusters,
  kafkaTopics,
  must,
  pause,
  startWorld,
  until,
  type World,
  zooKeepers,
} from './world.ts';

let world: World;
beforeAll(async () => {
  // Pods stay unready, so that what is reached is the same every time: no broker's own pace is in it.
  world = await startWorld({ processes: 'none' });
});
afterAll(() => world?.stop());

/** What there is in a namespace, without what differs from run to run. */
async function picture(namespace: string): Promise<ReadonlyMap<string, string>> {
  const kinds: readonly ResourceType[] = [
    configMaps,
    services,
    podDisruptionBudgets,
    statefulSets,
    pods,
    kafkaClusters,
    kafkaTopics,
    zooKeepers,
  ] as readonly ResourceType[];
  const objects = new Map<string, string>();
  for (const type of kinds) {
    for (const object of must(await world.client.list(type, { namespace })).items) {
      const { name, labels, annotations, finalizers } = object.metadata;
      const { spec, data, status } = object as KubeObject & { spec?: unknown; data?: unknown; status?: unknown };
      const text = JSON.stringify({ labels, annotations, finalizers, spec, data, status }, (key, value: unknown) => {
        if (differing.includes(key)) return '';
        // The namespace is in host names.
        return typeof value === 'string'
          ? value.replaceAll(namespace, 'N').replace(/127\.\d+\.\d+\.\d+/g, 'IP')
          : value;
      });
      // The order of fields is that of their first writing.
      objects.set(`${object.kind} ${name}`, stableText(JSON.parse(text)));
    }
  }
  return objects;
}

/** Addresses, times, and hashes of what has host names in it. */
const differing = [
  'lastTransitionTime',
  'clusterIP',
  'clusterIPs',
  'nodePort',
  'ingress',
  'kafka.hikube.cloud/applied',
  'kafka.hikube.cloud/revision',
];

const differences = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] =>
  [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));

/** A fourth of the writes, another fourth in another run; all of them with CRASH_AT_EVERY_WRITE=1, which takes a minute or two. */
const everyWrite = process.env.CRASH_AT_EVERY_WRITE === '1';

/** Each in a namespace of its own, with operators of its own. */
const runsAtOnce = 6;
/** Six operators on a machine that has other work: what is waited for is the end, not the pace. */
const settleTimeoutMs = 60_000;
const settledText = 'WaitingForPods';

async function apply(namespace: string): Promise<void> {
  await world.apply(namespace, 'ZooKeeper', 'example', { replicas: 1 });
  await world.apply(namespace, 'KafkaCluster', 'example', {
    replicas: 2,
    external: true,
    coordination: { zooKeeper: { name: 'example' } },
  });
  await world.apply(namespace, 'KafkaTopic', 'orders', { cluster: 'example', partitions: 3 });
}

async function untilSettled(namespace: string): Promise<void> {
  await until(
    'the resources to settle',
    async () => {
      const cluster = await world.client.get(kafkaClusters, { namespace, name: 'example' });
      const ensemble = await world.client.get(zooKeepers, { namespace, name: 'example' });
      const topic = await world.client.get(kafkaTopics, { namespace, name: 'orders' });
      if (!cluster.ok || !ensemble.ok || !topic.ok) return undefined;
      const told = must(await world.client.list(pods, { namespace })).items.filter(
        ({ metadata }) => metadata.annotations?.['kafka.hikube.cloud/advertised-listeners'] !== undefined,
      );
      return conditionOf(cluster.value)?.reason === 'WaitingForZooKeeper' &&
        cluster.value.status.brokers.length === 2 &&
        cluster.value.status.brokers.every(({ external }: { external?: string }) => external !== undefined) &&
        conditionOf(ensemble.value)?.reason === settledText &&
        ensemble.value.status.servers.length === 1 &&
        conditionOf(topic.value)?.reason === 'WaitingForCluster' &&
        told.length === 2
        ? true
        : undefined;
    },
    settleTimeoutMs,
  );
}

async function runThrough(
  namespace: string,
  lastWrite: number,
  end?: ReadonlyMap<string, string>,
): Promise<{ picture: ReadonlyMap<string, string>; writes: number; wasCut: boolean }> {
  await world.namespace(namespace);
  const real = world.newClient();
  const first = cutOffAt(real, lastWrite);
  const doomed = world.startOperator({ namespace }, first.client);
  await apply(namespace);
  let isOver = false;
  const settled = untilSettled(namespace).then(() => {
    isOver = true;
  });
  await until('the end of the first operator', () => (first.isCut() || isOver ? true : undefined), settleTimeoutMs);
  // Killed: its connections end, nothing is stopped in order.
  real.close();
  const wasCut = !isOver;
  const second = wasCut ? world.startOperator({ namespace }) : undefined;
  await settled;
  if (end === undefined) await pause(500);
  else {
    const differs = async (): Promise<string[]> => differences(await picture(namespace), end);
    await until('the same end', async () => ((await differs()).length === 0 ? true : undefined), settleTimeoutMs).catch(
      async () => {
        throw new Error(`killed at write ${lastWrite}, these differ: ${(await differs()).join(', ')}`);
      },
    );
  }
  const result = { picture: await picture(namespace), writes: first.writes(), wasCut };
  await second?.stop();
  void doomed.stop();
  return result;
}

test('an operator that is killed at any write is followed by one that reaches the same end', async () => {
  const whole = await runThrough('undisturbed', Number.POSITIVE_INFINITY);
  expect(whole.wasCut).toBe(false);
  expect(whole.writes).toBeGreaterThan(15);
  const cuts = Array.from({ length: whole.writes }, (_, index) => index + 1).filter(
    (write) => everyWrite || write % 4 === process.pid % 4,
  );
  await inParallel(cuts, runsAtOnce, (write) => runThrough(`killed-at-${write}`, write, whole.picture));
  expect(world.problems).toEqual([]);
}, 180_000);
