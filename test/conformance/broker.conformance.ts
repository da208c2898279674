import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Consumer, ProduceAcks, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, start } from '../support/apache-kafka.ts';
import { type BrokerProcess, spawnBroker, until } from '../support/broker/own-broker.ts';
import { classPathOf } from '../support/originals.ts';
import { freePort } from '../support/ports.ts';
import { type OwnServer, startOwn } from '../support/zookeeper/own-server.ts';

/** One broker of ours as a process, with our ZooKeeper, against kcat, Apache Kafka's tools and an Apache broker. */
const run = promisify(execFile);
const recordCount = 100_000;
const pad = 'x'.repeat(1024 - 8);

let folder: string;
let zooKeeper: OwnServer;
let port: number;
let ours: BrokerProcess | undefined;

const spawnOurs = async (): Promise<void> => {
  ours = await spawnBroker(folder, {
    port: String(port),
    zooKeeper: `127.0.0.1:${zooKeeper.port}/kafka`,
    'log.segment.bytes': '8000000',
    'num.partitions': '3',
    'zookeeper.session.timeout.ms': '6000',
  });
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'broker-conformance-'));
  zooKeeper = await startOwn();
  port = await freePort();
  await spawnOurs();
});
afterAll(async () => {
  await ours?.kill('SIGKILL');
  await zooKeeper.stop();
  rmSync(folder, { recursive: true, force: true });
});

const bootstrap = (): string => `127.0.0.1:${port}`;

async function tool(main: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run('java', ['-Xmx256m', '-cp', classPathOf('kafka-3.9'), main, ...args], {
    maxBuffer: 1 << 28,
  });
  return stdout + stderr;
}

function kcat(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('kcat', ['-b', bootstrap(), '-q', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    const parts: Buffer[] = [];
    let problems = '';
    child.stdout.on('data', (chunk: Buffer) => parts.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      problems += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(Buffer.concat(parts).toString()) : reject(new Error(`kcat ended with ${code}: ${problems}`)),
    );
    child.stdin.end(input);
  });
}

const numbered = (count: number): string =>
  Array.from({ length: count }, (_, index) => `${String(index).padStart(7, '0')} ${pad}`).join('\n');

/** Every number once, and in order inside each partition. */
function check(received: readonly { readonly partition: number; readonly number: number }[], count: number): void {
  expect(received).toHaveLength(count);
  expect(new Set(received.map((each) => each.number)).size).toBe(count);
  const last = new Map<number, number>();
  for (const { partition, number } of received) {
    if (number <= (last.get(partition) ?? -1))
      throw new Error(`${number} comes after ${last.get(partition)} in partition ${partition}`);
    last.set(partition, number);
  }
}

describe('100,000 records of 1 KiB come back once, in order per partition', () => {
  test('with kcat', async () => {
    await kcat(['-t', 'by-kcat', '-P', '-X', 'acks=all'], numbered(recordCount));
    const lines = (await kcat(['-t', 'by-kcat', '-C', '-e', '-f', '%p %s\n'])).trimEnd().split('\n');
    check(
      lines.map((line) => ({ partition: Number(line.split(' ')[0]), number: Number(line.split(' ')[1]) })),
      recordCount,
    );
  });

  test('with kafkajs', async () => {
    const kafka = new Kafka({ brokers: [bootstrap()], logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, maxInFlightRequests: 1 });
    await producer.connect();
    for (let from = 0; from < recordCount; from += 1000) {
      const messages = Array.from({ length: 1000 }, (_, index) => ({
        key: `k${index}`,
        value: `${from + index} ${pad}`,
      }));
      await producer.send({ topic: 'by-kafkajs', messages });
    }
    await producer.disconnect();
    const consumer = kafka.consumer({ groupId: 'by-kafkajs' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'by-kafkajs', fromBeginning: true });
    const received: { partition: number; number: number }[] = [];
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages)
            received.push({ partition: batch.partition, number: Number(value?.toString().split(' ')[0]) });
          if (received.length >= recordCount) resolve();
        },
      });
    });
    await consumer.disconnect();
    check(received, recordCount);
  });

  test('with @platformatic/kafka', async () => {
    const options = { clientId: 'conformance', bootstrapBrokers: [bootstrap()] };
    const producer = new Producer({ ...options, serializers: stringSerializers, autocreateTopics: true });
    for (let from = 0; from < recordCount; from += 1000) {
      const messages = Array.from({ length: 1000 }, (_, index) => ({
        topic: 'by-platformatic',
        key: `k${index}`,
        value: `${from + index} ${pad}`,
      }));
      await producer.send({ messages, acks: ProduceAcks.ALL });
    }
    await producer.close();
    const consumer = new Consumer({ ...options, groupId: 'by-platformatic', deserializers: stringDeserializers });
    const stream = await consumer.consume({ topics: ['by-platformatic'], mode: 'earliest' });
    const received: { partition: number; number: number }[] = [];
    for await (const { partition, value } of stream) {
      received.push({ partition, number: Number(value.split(' ')[0]) });
      if (received.length === recordCount) break;
    }
    await stream.close();
    await consumer.close();
    check(received, recordCount);
  });
});

describe("Apache Kafka's tools", () => {
  test('kafka-topics makes, shows, enlarges and deletes a topic', async () => {
    const topics = (...args: string[]) =>
      tool('org.apache.kafka.tools.TopicCommand', '--bootstrap-server', bootstrap(), ...args);
    expect(
      await topics('--create', '--topic', 'tools', '--partitions', '2', '--config', 'retention.ms=1000000'),
    ).toContain('Created topic tools');
    expect(await topics('--alter', '--topic', 'tools', '--partitions', '4')).not.toContain('Error');
    const described = await topics('--describe', '--topic', 'tools');
    expect(described).toMatch(/PartitionCount: 4\s+ReplicationFactor: 1\s+Configs: .*retention\.ms=1000000/);
    await topics('--delete', '--topic', 'tools');
    expect(await topics('--list')).not.toMatch(/^tools$/m);
    const refused = await topics(
      '--create',
      '--topic',
      'three',
      '--partitions',
      '1',
      '--replication-factor',
      '3',
    ).catch((error: { stdout: string }) => error.stdout);
    expect(refused).toMatch(/keeps one replica/);
  });

  test('kafka-configs, kafka-consumer-groups, kafka-get-offsets and kafka-log-dirs understand the answers', async () => {
    const configs = (...args: string[]) =>
      tool(
        'kafka.admin.ConfigCommand',
        '--bootstrap-server',
        bootstrap(),
        '--entity-type',
        'topics',
        '--entity-name',
        'by-kcat',
        ...args,
      );
    await configs('--alter', '--add-config', 'max.message.bytes=2000000');
    expect(await configs('--describe')).toContain('max.message.bytes=2000000');
    const groups = await tool(
      'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
      '--bootstrap-server',
      bootstrap(),
      '--describe',
      '--group',
      'by-kafkajs',
    );
    expect(groups).toMatch(/by-kafkajs\s+by-kafkajs\s+\d+\s+\d+\s+\d+\s+0/);
    const offsets = await tool(
      'org.apache.kafka.tools.GetOffsetShell',
      '--bootstrap-server',
      bootstrap(),
      '--topic',
      'by-kcat',
    );
    expect(offsets.match(/by-kcat:\d+:(\d+)/g)?.reduce((sum, line) => sum + Number(line.split(':')[2]), 0)).toBe(
      recordCount,
    );
    expect(
      await tool('org.apache.kafka.tools.LogDirsCommand', '--bootstrap-server', bootstrap(), '--describe'),
    ).toContain('by-kcat');
  });

  test('the Java producer and consumer, idempotent and with every compression', async () => {
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const said = await tool(
        'org.apache.kafka.tools.ProducerPerformance',
        ...['--topic', 'by-java', '--num-records', '2000', '--record-size', '1000', '--throughput', '-1'],
        ...['--producer-props', `bootstrap.servers=${bootstrap()}`, `compression.type=${compression}`, 'acks=all'],
      );
      expect(said).toContain('2000 records sent');
    }
    const consumed = await tool(
      'org.apache.kafka.tools.ConsumerPerformance',
      '--bootstrap-server',
      bootstrap(),
      '--topic',
      'by-java',
      '--messages',
      '10000',
    );
    expect(consumed).toMatch(/, 10000, /);
  });
});

describe('the files', () => {
  const dumped = (partition: string): Promise<string> => {
    const path = join(folder, 'log', partition);
    const files = readdirSync(path).filter((name) => /\.(log|index|timeindex|snapshot)$/.test(name));
    return tool('kafka.tools.DumpLogSegments', '--files', files.map((name) => join(path, name)).join(','));
  };

  test('kafka-dump-log finds no mismatch in logs, indexes and snapshots', async () => {
    await ours?.kill('SIGTERM');
    for (const partition of ['by-kcat-0', 'by-java-0', 'by-kafkajs-1']) {
      const said = await dumped(partition);
      expect(said).toContain('isvalid: true');
      expect(said).not.toMatch(/isvalid: false|Mismatches|Found timestamp|following offsets|corrupt|exception/i);
    }
    await spawnOurs();
  });

  test('an Apache broker starts on the folder, after an orderly stop and after a kill, and ours on what it leaves', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const before = (await kcat(['-t', 'by-java', '-C', '-e', '-f', '.'])).length;
      await ours?.kill(signal);
      ours = undefined;
      const apache = await startApache();
      try {
        // Right after its start an Apache broker does not know its topics yet.
        await until(
          () => kcat(['-t', 'by-java', '-C', '-e', '-c', '1']).then(Boolean, () => false),
          'the Apache broker serves the topic',
          60_000,
        );
        expect((await kcat(['-t', 'by-java', '-C', '-e', '-f', '.'])).length).toBe(before);
        await kcat(['-t', 'by-java', '-P', '-X', 'acks=all'], 'written by Apache\n');
        expect(apache.output()).not.toMatch(/corrupt|Found invalid/i);
      } finally {
        if (signal === 'SIGTERM') await apache.stop();
        else {
          apache.process.kill('SIGKILL');
          await apache.stop();
        }
      }
      await spawnOurs();
      expect((await kcat(['-t', 'by-java', '-C', '-e', '-f', '.'])).length).toBe(before + 1);
      expect(await kcat(['-t', 'by-java', '-C', '-e', '-f', '%s\n'])).toContain('written by Apache');
    }
  });
});

async function startApache(): Promise<Running> {
  const file = join(folder, 'apache.properties');
  const log4j = join(folder, 'log4j.properties');
  writeFileSync(
    log4j,
    'log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\nlog4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%p %c %m%n\n',
  );
  writeFileSync(
    file,
    [
      'broker.id=0',
      `listeners=PLAINTEXT://127.0.0.1:${port}`,
      `log.dirs=${join(folder, 'log')}`,
      `zookeeper.connect=127.0.0.1:${zooKeeper.port}/kafka`,
      // A killed broker's session must end before an Apache broker of the same id may register.
      'zookeeper.session.timeout.ms=6000',
      'offsets.topic.replication.factor=1',
      '',
    ].join('\n'),
  );
  // A broker of ours that was killed is still registered until its session ends.
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(
        'java',
        ['-Xmx512m', `-Dlog4j.configuration=file:${log4j}`, '-cp', classPathOf('kafka-3.9'), 'kafka.Kafka', file],
        { ready: /KafkaServer.*started/, timeoutMs: 90_000 },
      );
    } catch (error) {
      if (attempt === 4 || !(error as Error).message.includes('NodeExists')) throw error;
    }
  }
}
