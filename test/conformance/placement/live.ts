import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import type { PlanDocument } from '../../../src/placement/index.ts';
import type { Original } from '../../support/originals.ts';
import { startApacheCluster } from './apache-cluster.ts';

export type LiveOptions = {
  /** Bytes of each of the topic's 12 partitions before anything moves. */
  readonly partitionBytes: number;
  /** Bytes per second that `plan` may copy to each broker. */
  readonly throttle: number;
};

/** What was seen while `plan` worked on a cluster that is not ours. */
export type LiveResult = {
  readonly original: Original;
  readonly steps: readonly { readonly step: string; readonly code: number | null; readonly seconds: number }[];
  readonly throttle: { readonly asked: number; readonly seen: number; readonly error: number };
  readonly produceP99Ms: { readonly before: number; readonly during: number; readonly ratio: number };
  readonly produced: number;
  readonly produceErrors: number;
  readonly killedAt: { readonly left: number };
  readonly throttleLeftBehind: readonly string[];
  readonly onBroker4: { readonly afterAdd: number; readonly afterRemove: number; readonly afterZone: number };
  readonly apacheVerify: { readonly completed: number; readonly asked: number };
};

const main = resolve(import.meta.dirname, '../../../src/main.ts');
const topic = 'orders';
const partitions = 12;

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string; readonly seconds: number };

function plan(args: readonly string[], killWhen?: (stderr: string) => boolean): Promise<Ran> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [main, 'plan', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (killWhen?.(stderr) === true) child.kill('SIGKILL');
  });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout, stderr, seconds: (performance.now() - startedMs) / 1000 }));
  });
}

/**
 * Four brokers with racks a, b, c, c; a topic on the first three; a producer that never stops. Then: explain, add the
 * fourth under a throttle, killed with SIGKILL on the way and resumed, rebalance, a zone given up, the fourth removed.
 */
export async function planOnApache(original: 'kafka-3.9' | 'kafka-4', options: LiveOptions): Promise<LiveResult> {
  const folder = mkdtempSync(join(tmpdir(), 'hikube-live-'));
  const cluster = await startApacheCluster(original, ['a', 'b', 'c', 'c']);
  const kafka = new Kafka({
    brokers: cluster.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 10 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const latencies: number[] = [];
  const load = { isOn: true, produced: 0, errors: 0 };
  try {
    await admin.connect();
    await producer.connect();
    await admin.createTopics({
      topics: [
        {
          topic,
          replicaAssignment: Array.from({ length: partitions }, (_, partition) => ({
            partition,
            replicas: [1 + (partition % 3), 1 + ((partition + 1) % 3)],
          })),
        },
      ],
    });
    await fill(producer, options.partitionBytes);
    const loading = produceSteadily(producer, latencies, load);
    const steps: { step: string; code: number | null; seconds: number }[] = [];
    const live = ['--bootstrap', cluster.bootstrap];
    const step = async (
      name: string,
      args: readonly string[],
      killWhen?: (stderr: string) => boolean,
    ): Promise<Ran> => {
      const ran = await plan([...args, ...live], killWhen);
      steps.push({ step: name, code: ran.code, seconds: ran.seconds });
      return ran;
    };
    await sleep(4000);
    latencies.length = 0;
    await sleep(12_000);
    const before = p99(latencies);
    latencies.length = 0;

    await step('explain', ['explain']);
    const state = join(folder, 'add.json');
    const add = ['add', '--brokers', '4', '--execute', '--state', state];
    const throttled = ['--throttle', String(options.throttle), '--moves-per-broker', '3'];
    const whole = await step('add', [...add, ...throttled]);
    const during = p99(latencies);
    const seen = rateOf(whole.stderr);
    const leftBehind = await throttlesLeft(admin);
    await step('remove', ['remove', '--brokers', '4', '--execute']);
    const afterRemove = await replicasOn(admin, 4);
    await step('add, killed', [...add, ...throttled], (stderr) => /[1-9]\d*\/\d+ partitions/.test(stderr));
    const progress = (await step('verify', ['verify', '--state', state])).stdout;
    const [, done = '0', all = '0'] = /(\d+) of (\d+)/.exec(progress) ?? [];
    await step('resume', ['resume', '--state', state, ...throttled]);
    const afterAdd = await replicasOn(admin, 4);
    const reassignment = join(folder, 'reassignment.json');
    const { batches } = JSON.parse(readFileSync(state, 'utf8')) as PlanDocument;
    const asked = batches.flat().map(({ topic: name, partition, to }) => ({ topic: name, partition, replicas: to }));
    writeFileSync(reassignment, JSON.stringify({ version: 1, partitions: asked }));
    const verified = cluster.tool(
      'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
      '--bootstrap-server',
      cluster.bootstrap,
      '--reassignment-json-file',
      reassignment,
      '--verify',
      '--preserve-throttles',
    );
    const completed = verified.output.match(/is completed/g)?.length ?? 0;

    await step('rebalance', ['rebalance', '--execute', '--trigger', '0.05']);
    await step('zone relabelled', ['zone', '--relabel', '4=b', '--execute']);
    const afterZone = await replicasOn(admin, 4);
    load.isOn = false;
    await loading;
    return {
      original,
      steps,
      throttle: { asked: options.throttle, seen, error: seen / options.throttle - 1 },
      produceP99Ms: { before, during, ratio: during / before },
      produced: load.produced,
      produceErrors: load.errors,
      killedAt: { left: Number(all) - Number(done) },
      throttleLeftBehind: [...leftBehind, ...(await throttlesLeft(admin))],
      onBroker4: { afterAdd, afterRemove, afterZone },
      apacheVerify: { completed, asked: asked.length },
    };
  } finally {
    load.isOn = false;
    await producer.disconnect().catch(() => undefined);
    await admin.disconnect().catch(() => undefined);
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const p99 = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * 0.99))] ?? 0;

type Producer = ReturnType<Kafka['producer']>;
type Admin = ReturnType<Kafka['admin']>;

async function fill(producer: Producer, partitionBytes: number): Promise<void> {
  const value = Buffer.alloc(100_000, 'x');
  const each = Math.ceil(partitionBytes / value.length);
  for (let partition = 0; partition < partitions; partition++) {
    for (let sent = 0; sent < each; sent += 8) {
      const messages = Array.from({ length: Math.min(8, each - sent) }, () => ({ partition, value }));
      await producer.send({ topic, acks: -1, messages });
    }
  }
}

/** Twenty small records a second with acks=all; each one's time is kept. */
async function produceSteadily(
  producer: Producer,
  latencies: number[],
  load: { isOn: boolean; produced: number; errors: number },
): Promise<void> {
  for (let turn = 0; load.isOn; turn++) {
    const startedMs = performance.now();
    try {
      await producer.send({ topic, acks: -1, messages: [{ partition: turn % partitions, value: Buffer.alloc(200) }] });
      load.produced++;
      latencies.push(performance.now() - startedMs);
    } catch {
      load.errors++;
    }
    await sleep(Math.max(0, 50 - (performance.now() - startedMs)));
  }
}

async function replicasOn(admin: Admin, broker: number): Promise<number> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics[0]!.partitions.filter(({ replicas }) => replicas.includes(broker)).length;
}

/** Bytes per second of `moved 5 partitions, 60.2 MiB in 40.1 s`. */
function rateOf(stderr: string): number {
  const [, amount, unit, time, of] = /moved \d+ partitions, ([\d.]+) (\w+) in ([\d.]+) (ms|s|min)/.exec(stderr) ?? [];
  const scale = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }[unit ?? 'B'] ?? 1;
  const seconds = { ms: 0.001, s: 1, min: 60 }[of ?? 's']!;
  return (Number(amount) * scale) / (Number(time) * seconds);
}

async function throttlesLeft(admin: Admin): Promise<string[]> {
  const names = [1, 2, 3, 4].map((id) => ({ type: 4, name: String(id) }));
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [...names, { type: 2, name: topic }],
  });
  return resources.flatMap(({ resourceName, configEntries }) =>
    configEntries
      .filter(({ configName, configValue, isDefault }) => {
        return (
          /throttled\.(rate|replicas)$/.test(configName) && !isDefault && configValue !== '' && configValue !== null
        );
      })
      .map(({ configName }) => `${resourceName} ${configName}`),
  );
}

/** `node test/conformance/placement/live.ts [--record]`: both originals, long enough for the throttle to be measured. */
if (import.meta.main) {
  const results: LiveResult[] = [];
  for (const original of ['kafka-3.9', 'kafka-4'] as const) {
    const result = await planOnApache(original, { partitionBytes: 16_000_000, throttle: 1_500_000 });
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    results.push(result);
  }
  if (process.argv.includes('--record')) {
    const { execFileSync } = await import('node:child_process');
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const file = join(import.meta.dirname, '../../campaigns/placement-live.json');
    writeFileSync(file, `${JSON.stringify({ commit, results }, undefined, 2)}\n`);
  }
}
