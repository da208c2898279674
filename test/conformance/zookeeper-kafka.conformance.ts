import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { classPathOf } from '../support/originals.ts';
import { ended, freePort } from '../support/zookeeper/apache-server.ts';
import { type OwnEnsemble, startEnsembleOf } from '../support/zookeeper/own-ensemble.ts';
import { platform } from '../support/zookeeper/own-server.ts';

/** Apache Kafka 3.9 in ZooKeeper mode, three brokers, on our ensemble of three. */
const BROKERS = [1, 2, 3];
/** One of our servers is killed every so often, for so long. */
const KILL_EVERY_MS = Number(process.env.KILL_EVERY_MS ?? 8_000);
const KILL_FOR_MS = Number(process.env.KILL_FOR_MS ?? 32_000);

let ensemble: OwnEnsemble;
let folder: string;
const brokers = new Map<number, { child: ChildProcess; port: number; output: string }>();
const classPath = (): string => classPathOf('kafka-3.9');
const bootstrap = (): string => [...brokers.values()].map(({ port }) => `127.0.0.1:${port}`).join(',');

async function startBroker(id: number): Promise<void> {
  const port = brokers.get(id)?.port ?? (await freePort());
  const file = join(folder, `server-${id}.properties`);
  writeFileSync(
    file,
    [
      `broker.id=${id}`,
      `listeners=PLAINTEXT://127.0.0.1:${port}`,
      `log.dirs=${join(folder, `logs-${id}`)}`,
      `zookeeper.connect=${ensemble.connectText}/kafka`,
      'zookeeper.session.timeout.ms=9000',
      'offsets.topic.replication.factor=3',
      'offsets.topic.num.partitions=3',
      'min.insync.replicas=2',
      'default.replication.factor=3',
      'group.initial.rebalance.delay.ms=0',
      '',
    ].join('\n'),
  );
  const child = spawn('java', ['-Xmx384m', '-cp', classPath(), 'kafka.Kafka', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const broker = { child, port, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      broker.output = (broker.output + text.toString()).slice(-10_000);
    });
  }
  brokers.set(id, broker);
}

const zooKeeper = async (): Promise<ZooKeeperClient> => {
  const servers = [...ensemble.ports.values()].map(({ client }) => ({ host: '127.0.0.1', port: client }));
  const client = new ZooKeeperClient({ servers, sessionTimeoutMs: 10_000, chroot: '/kafka' }, platform);
  await client.connected();
  return client;
};

async function until(what: string, condition: () => Promise<boolean>, waitMs = 90_000): Promise<void> {
  const endMs = performance.now() + waitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) {
      throw new Error(
        `waited in vain for ${what}\n${[...brokers.values()].map(({ output }) => output).join('\n---\n')}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function tool(main: string, args: readonly string[], input?: string, timeoutMs = 60_000): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('java', ['-Xmx256m', '-cp', classPath(), main, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
    let errors = '';
    child.stderr.on('data', (piece: Buffer) => {
      errors = (errors + piece.toString()).slice(-4_000);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? text : `${text}\n${errors}\nexit ${code}`);
    });
    child.stdin.end(input ?? '');
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-on-ours-'));
  mkdirSync(folder, { recursive: true });
  ensemble = await startEnsembleOf(3);
  for (const id of BROKERS) await startBroker(id);
  const client = await zooKeeper();
  await until('three brokers in /brokers/ids', async () => {
    const ids = await client.getChildren('/brokers/ids');
    return ids.ok && ids.value.children.length === BROKERS.length;
  });
  await client.close();
});

afterAll(async () => {
  await Promise.all([...brokers.values()].map(({ child }) => ended(child, 'SIGKILL')));
  await ensemble?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function produced(topic: string, from: number, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, index) => `record-${from + index}`).join('\n');
  const answer = await tool(
    'kafka.tools.ConsoleProducer',
    ['--bootstrap-server', bootstrap(), '--topic', topic, '--producer-property', 'acks=all'],
    `${lines}\n`,
    120_000,
  );
  expect(answer).not.toContain('exit');
}

async function consumed(topic: string, count: number): Promise<string[]> {
  const text = await tool(
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    [
      '--bootstrap-server',
      bootstrap(),
      '--topic',
      topic,
      '--from-beginning',
      '--max-messages',
      `${count}`,
      '--timeout-ms',
      '60000',
    ],
    undefined,
    120_000,
  );
  return text.split('\n').filter((line) => line.startsWith('record-'));
}

test('topics, produce, consume, and another controller when one dies', async () => {
  const created = await tool('org.apache.kafka.tools.TopicCommand', [
    ...['--bootstrap-server', bootstrap(), '--create', '--topic', 'first'],
    ...['--partitions', '6', '--replication-factor', '3'],
  ]);
  expect(created).toContain('Created topic first');
  await produced('first', 0, 2_000);
  expect(new Set(await consumed('first', 2_000)).size).toBe(2_000);

  const client = await zooKeeper();
  const controllerOf = async (): Promise<number> => {
    const controller = await client.getData('/controller');
    return controller.ok ? Number(JSON.parse(controller.value.data!.toString()).brokerid) : -1;
  };
  const old = await controllerOf();
  await ended(brokers.get(old)!.child, 'SIGKILL');
  await until('another controller', async () => ![-1, old].includes(await controllerOf()));
  await produced('first', 2_000, 500);
  await startBroker(old);
  await until('three brokers again', async () => {
    const ids = await client.getChildren('/brokers/ids');
    return ids.ok && ids.value.children.length === BROKERS.length;
  });
  await client.close();
  expect(new Set(await consumed('first', 2_500)).size).toBe(2_500);
}, 400_000);

test('brokers go on while one of our servers after another is killed', async () => {
  await tool('org.apache.kafka.tools.TopicCommand', [
    ...['--bootstrap-server', bootstrap(), '--create', '--topic', 'second'],
    ...['--partitions', '3', '--replication-factor', '3'],
  ]);
  const endMs = performance.now() + KILL_FOR_MS;
  let total = 0;
  let kills = 0;
  let topics = 0;
  while (performance.now() < endMs) {
    const leader = await ensemble.serving(3);
    const victim = kills % 2 === 0 ? leader : [1, 2, 3].find((id) => id !== leader)!;
    const startedMs = performance.now();
    await ensemble.kill(victim);
    kills++;
    await produced('second', total, 300);
    total += 300;
    const created = await tool('org.apache.kafka.tools.TopicCommand', [
      ...['--bootstrap-server', bootstrap(), '--create', '--topic', `while-${kills}`, '--partitions', '2'],
      ...['--replication-factor', '3'],
    ]);
    expect(created).toContain(`Created topic while-${kills}`);
    topics++;
    ensemble.start(victim);
    await ensemble.serving(3);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, KILL_EVERY_MS - (performance.now() - startedMs))));
  }
  expect(new Set(await consumed('second', total)).size).toBe(total);
  const client = await zooKeeper();
  const ids = await client.getChildren('/brokers/ids');
  expect(ids).toMatchObject({ ok: true, value: { children: { length: BROKERS.length } } });
  const listed = await client.getChildren('/brokers/topics');
  expect(listed.ok && listed.value.children.filter((name) => name.startsWith('while-')).length).toBe(topics);
  await client.close();
}, 600_000);
