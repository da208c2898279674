import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Kafka } from 'kafkajs';
import type { PlanDocument, TopicState } from '../../../src/placement/index.ts';
import type { Original } from '../../support/originals.ts';
import { type ApacheCluster, type SetUp, startApacheCluster } from './apache-cluster.ts';
import { reassignByApache } from './apache-move.ts';
import { type Load, produceSteadily } from './load.ts';
import { fill, kafkaOf } from './producers.ts';

export const topic = 'orders';
export const partitions = 12;

export type LiveOriginal = Extract<Original, 'kafka-3.9' | 'kafka-4'>;
export type Ran = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
};

/** A cluster that is not ours, under load, with `hikube-kafka plan` at hand. */
export type Live = {
  readonly cluster: ApacheCluster;
  readonly kafka: Kafka;
  readonly load: Load;
  readonly folder: string;
  readonly steps: { readonly step: string; readonly code: number | null; readonly seconds: number }[];
  /** Runs `hikube-kafka plan ... --bootstrap`. @param signalWhen  sends a signal the first time that it says so */
  step(
    name: string,
    args: readonly string[],
    signalWhen?: { readonly signal: NodeJS.Signals; readonly when: (stderr: string) => boolean },
  ): Promise<Ran>;
  replicasOn(broker: number): Promise<number>;
  /** Leader of each partition of the topic. */
  leaders(): Promise<ReadonlyMap<number, number>>;
  /** Of each partition of the topic. */
  replicas(): Promise<ReadonlyMap<number, readonly number[]>>;
  /** Whether anything is being reassigned. */
  isMoving(): Promise<boolean>;
  /** Throttles that stand anywhere. */
  throttlesLeft(): Promise<string[]>;
  stop(): Promise<void>;
};

const main = resolve(import.meta.dirname, '../../../src/main.ts');

/** Four brokers of two disks each with racks a, b, c, c; a topic on the first three; producers that never stop. */
export async function startLive(original: LiveOriginal, partitionBytes: number, setUp?: SetUp): Promise<Live> {
  const folder = mkdtempSync(join(tmpdir(), 'hikube-live-'));
  const cluster = await startApacheCluster(original, ['a', 'b', 'c', 'c'], { disks: 2, setUp });
  const kafka = kafkaOf(cluster.bootstrap);
  const admin = kafka.admin();
  const held = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]!.partitions;
  const steps: { step: string; code: number | null; seconds: number }[] = [];
  let load: Load | undefined;
  const stop = async (): Promise<void> => {
    await load?.stop().catch(() => undefined);
    await admin.disconnect().catch(() => undefined);
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await admin.connect();
    const replicaAssignment = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      replicas: [1 + (partition % 3), 1 + ((partition + 1) % 3)],
    }));
    await admin.createTopics({ topics: [{ topic, replicaAssignment }] });
    await fill(kafka, { topic, partitions }, partitionBytes);
    load = await produceSteadily(cluster.bootstrap, { topic, partitions });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ cluster, kafka, load, folder, steps, stop },
    step: async (name, args, signalWhen) => {
      const ran = await plan([...args, '--bootstrap', cluster.bootstrap], signalWhen);
      steps.push({ step: name, code: ran.code, seconds: ran.seconds });
      return ran;
    },
    replicasOn: async (broker) => (await held()).filter(({ replicas }) => replicas.includes(broker)).length,
    leaders: async () => new Map((await held()).map(({ partitionId, leader }) => [partitionId, leader])),
    replicas: async () => new Map((await held()).map(({ partitionId, replicas }) => [partitionId, replicas])),
    isMoving: async () => (await admin.listPartitionReassignments({})).topics.length > 0,
    throttlesLeft: async () => {
      const names = [1, 2, 3, 4].map((id) => ({ type: 4, name: String(id) }));
      const resources = [...names, { type: 2, name: topic }];
      const described = await admin.describeConfigs({ includeSynonyms: false, resources });
      return described.resources.flatMap(({ resourceName, configEntries }) =>
        configEntries
          .filter(({ configName, configValue, isDefault }) => {
            const isThrottle = /throttled\.(rate|replicas)$|alter\.log\.dirs\.io\.max/.test(configName);
            return isThrottle && !isDefault && configValue !== '' && configValue !== null;
          })
          .map(({ configName }) => `${resourceName} ${configName}`),
      );
    },
  };
}

function plan(
  args: readonly string[],
  signalWhen?: { readonly signal: NodeJS.Signals; readonly when: (stderr: string) => boolean },
): Promise<Ran> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [main, 'plan', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, isSignalled] = ['', '', false];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (isSignalled || signalWhen?.when(stderr) !== true) return;
    isSignalled = true;
    child.kill(signalWhen.signal);
  });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout, stderr, seconds: (performance.now() - startedMs) / 1000 }));
  });
}

/** Whether some bytes have been copied and not all. */
export const hasBegun = (stderr: string): boolean => /\[#/.test(stderr);

/** What was seen while `plan` worked on a cluster that is not ours. */
export type WalkResult = {
  readonly steps: Live['steps'];
  readonly produced: number;
  readonly produceErrors: number;
  readonly throttleLeftBehind: readonly string[];
  readonly onBroker4: { readonly afterAdd: number; readonly afterZone: number; readonly afterRemove: number };
  readonly apacheVerify: { readonly completed: number; readonly asked: number };
  /** Replicas that an emptied disk of broker 2 still has. */
  readonly onEmptiedDisk: readonly string[];
};

/**
 * Explain; add the fourth broker under a throttle, killed with SIGKILL on the way, resumed, interrupted with SIGINT,
 * resumed; Apache's tool on what came of it; rebalance, a zone relabelled, a disk emptied, the fourth broker removed.
 */
export async function walk(live: Live, throttle: number): Promise<WalkResult> {
  const { step, folder, cluster } = live;
  await step('explain', ['explain']);
  const state = join(folder, 'add.json');
  const add = ['add', '--brokers', '4', '--execute', '--state', state, '--throttle', String(throttle)];
  await step('add, killed', add, { signal: 'SIGKILL', when: hasBegun });
  await step('verify', ['verify', '--state', state]);
  await step('resume, interrupted', ['resume', '--state', state], {
    signal: 'SIGINT',
    when: (stderr) => /[1-9]\d*\/\d+ partitions/.test(stderr),
  });
  const leftBehind = await live.throttlesLeft();
  await step('resume', ['resume', '--state', state, '--throttle', 'none']);
  const afterAdd = await live.replicasOn(4);
  const apacheVerify = verifyByApache(live, state);
  const kept = (name: string): string[] => ['--execute', '--state', join(folder, name)];
  await step('rebalance', ['rebalance', '--trigger', '0.05', ...kept('rebalance.json')]);
  await step('zone relabelled', ['zone', '--relabel', '4=b', ...kept('zone.json')]);
  const afterZone = await live.replicasOn(4);
  const disk = cluster.disksOf(2)[1]!;
  await step('disk emptied', ['remove', '--brokers', '2', '--disks', disk, '--throttle', '50M', ...kept('disk.json')]);
  const onEmptiedDisk = await replicasOnDisk(live, 2, disk);
  await step('remove', ['remove', '--brokers', '4', ...kept('remove.json')]);
  const afterRemove = await live.replicasOn(4);
  const { produced, errors: produceErrors } = await live.load.counts();
  return {
    ...{ steps: live.steps, produced, produceErrors },
    throttleLeftBehind: [...leftBehind, ...(await live.throttlesLeft())],
    onBroker4: { afterAdd, afterZone, afterRemove },
    apacheVerify,
    onEmptiedDisk,
  };
}

/** `kafka-reassign-partitions --verify` on what a kept plan wanted. */
function verifyByApache(live: Live, state: string): WalkResult['apacheVerify'] {
  const { batches } = JSON.parse(readFileSync(state, 'utf8')) as PlanDocument;
  const asked = batches.flat().map(({ topic: name, partition, to }) => ({ topic: name, partition, replicas: to }));
  const output = reassignByApache(live, asked, '--verify', '--preserve-throttles');
  return { completed: output.match(/is completed/g)?.length ?? 0, asked: asked.length };
}

async function replicasOnDisk({ step }: Live, broker: number, path: string): Promise<string[]> {
  const { stdout } = await step('read', ['explain', '--output', 'cluster']);
  const [, ...lines] = stdout.trim().split('\n');
  return lines.flatMap((line) => {
    const { name, partitions: all } = JSON.parse(line) as TopicState;
    return all
      .filter(({ replicas, disks = [] }) => disks[replicas.indexOf(broker)] === path)
      .map(({ id, replicas }) => `${name}-${id} on ${replicas.join(', ')}`);
  });
}
