import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OurKafka, startOurKafka } from '../support/our-kafka.ts';
import { apacheTool, pythonWith, run } from '../support/programs.ts';

const recordCount = 100_000;
const recordBytes = 1024;
const partitionCount = 3;

const records = Array.from({ length: recordCount }, (_, index) =>
  `${String(index).padStart(7, '0')}-`.padEnd(recordBytes, 'x'),
);
const lines = `${records.join('\n')}\n`;

let kafka: OurKafka;

beforeAll(async () => {
  kafka = await startOurKafka();
});

afterAll(async () => {
  await kafka?.stop();
});

type Seen = { readonly partition: number; readonly value: string };

/** Every record once, and the records of a partition in the order in which they were sent. */
function expectAll(seen: readonly Seen[], count = recordCount): void {
  const last = new Map<number, number>();
  const found = new Set<number>();
  const wrong: string[] = [];
  for (const { partition, value } of seen) {
    const index = Number(value.slice(0, 7));
    if (value !== records[index]) wrong.push(`record ${value.slice(0, 20)} was changed`);
    if (found.has(index)) wrong.push(`record ${index} came twice`);
    if (index <= (last.get(partition) ?? -1)) wrong.push(`record ${index} is out of order in partition ${partition}`);
    found.add(index);
    last.set(partition, index);
  }
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(found.size).toBe(count);
}

async function createTopic(name: string): Promise<void> {
  const client = new Kafka({ brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic: name, numPartitions: partitionCount, replicationFactor: 1 }],
    waitForLeaders: true,
  });
  await admin.disconnect();
}

/** What kcat finds in a topic, from the beginning to the end. */
async function readWithKcat(topic: string, more: readonly string[] = []): Promise<Seen[]> {
  const ended = await run('kcat', [
    '-b',
    kafka.bootstrap,
    '-t',
    topic,
    '-C',
    '-e',
    '-q',
    '-o',
    'beginning',
    '-f',
    '%p %s\\n',
    ...more,
  ]);
  expect(ended.err).toBe('');
  return parsed(ended.out);
}

const parsed = (text: string): Seen[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ partition: Number(line.slice(0, line.indexOf(' '))), value: line.slice(line.indexOf(' ') + 1) }));

describe('kcat', () => {
  test('writes and reads a topic', async () => {
    await createTopic('kcat');
    const produced = await run('kcat', ['-b', kafka.bootstrap, '-t', 'kcat', '-P'], { input: lines });
    expect(produced).toMatchObject({ code: 0, err: '' });
    expectAll(await readWithKcat('kcat'));
  });

  test('reads as a member of a group, and goes on where it stopped', async () => {
    const group = [
      '-b',
      kafka.bootstrap,
      '-X',
      'auto.offset.reset=earliest',
      '-q',
      '-e',
      '-f',
      '%p %s\\n',
      '-G',
      'kcat-group',
      'kcat',
    ];
    const first = await run('kcat', group);
    expectAll(parsed(first.out));
    const again = await run('kcat', group);
    expect(again.out).toBe('');
  });

  test('is told where a topic is, with a partition count and leaders', async () => {
    const listed = await run('kcat', ['-b', kafka.bootstrap, '-L', '-J', '-t', 'kcat']);
    const [topic] = (JSON.parse(listed.out) as { topics: { topic: string; partitions: { leader: number }[] }[] })
      .topics;
    expect(topic?.partitions.map((partition) => partition.leader)).toEqual([1, 1, 1]);
  });

  test.each([
    'gzip',
    'snappy',
    'lz4',
    'zstd',
  ])('writes and reads batches in %s, which pass through as they are', async (codec) => {
    await createTopic(`kcat-${codec}`);
    const some = records.slice(0, 5000);
    const produced = await run('kcat', ['-b', kafka.bootstrap, '-t', `kcat-${codec}`, '-P', '-z', codec], {
      input: `${some.join('\n')}\n`,
    });
    expect(produced).toMatchObject({ code: 0, err: '' });
    expectAll(await readWithKcat(`kcat-${codec}`), some.length);
  });

  test('writes as an idempotent producer', async () => {
    await createTopic('kcat-idempotent');
    const produced = await run(
      'kcat',
      ['-b', kafka.bootstrap, '-t', 'kcat-idempotent', '-P', '-X', 'enable.idempotence=true'],
      {
        input: lines,
      },
    );
    expect(produced).toMatchObject({ code: 0, err: '' });
    expectAll(await readWithKcat('kcat-idempotent'));
  });
});

describe("Apache Kafka's tools", () => {
  const bootstrap = (): string[] => ['--bootstrap-server', kafka.bootstrap];

  test('kafka-topics creates, describes, changes and deletes', async () => {
    const topics = (...args: string[]) => apacheTool('org.apache.kafka.tools.TopicCommand', [...bootstrap(), ...args]);
    const created = await topics(
      '--create',
      '--topic',
      'made',
      '--partitions',
      '2',
      '--replication-factor',
      '1',
      '--config',
      'retention.ms=7200000',
    );
    expect(created).toMatchObject({ code: 0, out: expect.stringContaining('Created topic made.') });
    const described = await topics('--describe', '--topic', 'made');
    expect(described.out).toMatch(
      /Topic: made\s+TopicId: [\w-]{22}\s+PartitionCount: 2\s+ReplicationFactor: 1\s+Configs: .*retention\.ms=7200000/,
    );
    expect(described.out).toMatch(/Partition: 1\s+Leader: 1\s+Replicas: 1\s+Isr: 1/);
    expect((await topics('--alter', '--topic', 'made', '--partitions', '4')).code).toBe(0);
    expect((await topics('--describe', '--topic', 'made')).out).toContain('PartitionCount: 4');
    expect((await topics('--list')).out.split('\n')).toContain('made');
    expect((await topics('--delete', '--topic', 'made')).code).toBe(0);
    await expect.poll(async () => (await topics('--list')).out.split('\n'), { timeout: 20_000 }).not.toContain('made');
    await createTopic('twice');
    const twice = await topics('--create', '--topic', 'twice', '--partitions', '2');
    expect(twice.code).not.toBe(0);
    expect(twice.out + twice.err).toMatch(/twice'? already exists/);
  });

  test('kafka-configs shows and changes the settings of a topic', async () => {
    await createTopic('configured');
    const configs = (...args: string[]) =>
      apacheTool('kafka.admin.ConfigCommand', [
        ...bootstrap(),
        '--entity-type',
        'topics',
        '--entity-name',
        'configured',
        ...args,
      ]);
    expect((await configs('--alter', '--add-config', 'max.message.bytes=20000')).code).toBe(0);
    await expect
      .poll(async () => (await configs('--describe')).out, { timeout: 20_000 })
      .toContain('max.message.bytes=20000');
    const refused = await configs('--alter', '--add-config', 'retention.ms=soon');
    expect(refused.out + refused.err).toContain('retention.ms');
    expect((await configs('--alter', '--delete-config', 'max.message.bytes')).code).toBe(0);
  });

  test('the console producer and consumer move every record, with the idempotence that is their default', async () => {
    await createTopic('console');
    const produced = await apacheTool('kafka.tools.ConsoleProducer', [...bootstrap(), '--topic', 'console'], {
      input: lines,
    });
    expect(produced).toMatchObject({ code: 0 });
    expect(produced.err).not.toContain('ERROR');
    expectAll(await readWithKcat('console'));
    const consumed = await apacheTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...bootstrap(),
      ...['--topic', 'console', '--group', 'console-group', '--from-beginning', '--max-messages', String(recordCount)],
      ...['--property', 'print.partition=true', '--timeout-ms', '30000'],
    ]);
    expectAll(
      consumed.out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => /^Partition:(\d+)\t(.*)$/.exec(line))
        .map((match) => ({ partition: Number(match?.[1]), value: match?.[2] ?? '' })),
    );
  });

  test('kafka-consumer-groups lists, describes, resets and deletes', async () => {
    const groups = (...args: string[]) =>
      apacheTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [...bootstrap(), ...args]);
    expect((await groups('--list')).out.split('\n')).toContain('console-group');
    const described = await groups('--describe', '--group', 'console-group');
    const rows = described.out.split('\n').filter((line) => line.startsWith('console-group'));
    const columns = rows.map((row) => row.split(/\s+/));
    expect(columns).toHaveLength(partitionCount);
    expect(columns.reduce((sum, column) => sum + Number(column[3]), 0)).toBe(recordCount);
    expect(columns.map((column) => column[5])).toEqual(['0', '0', '0']);
    const state = await groups('--describe', '--group', 'console-group', '--state');
    expect(state.out).toMatch(/console-group\s+127\.0\.0\.1:\d+ {2}\(1\)\s+Empty\s+0/);
    const reset = await groups(
      '--reset-offsets',
      '--group',
      'console-group',
      '--topic',
      'console',
      '--to-earliest',
      '--execute',
    );
    expect(reset.code).toBe(0);
    const after = await groups('--describe', '--group', 'console-group', '--offsets');
    expect(after.out.split('\n').filter((line) => /^console-group\s+console\s+\d\s+0\s/.test(line))).toHaveLength(
      partitionCount,
    );
    expect((await groups('--delete-offsets', '--group', 'console-group', '--topic', 'console')).out).toContain(
      'Successful',
    );
    expect((await groups('--delete', '--group', 'console-group')).out).toContain('was successful');
    expect((await groups('--list')).out.split('\n')).not.toContain('console-group');
  });

  test('kafka-verifiable-producer and -consumer acknowledge and read every record', async () => {
    await createTopic('verifiable');
    const produced = await apacheTool('org.apache.kafka.tools.VerifiableProducer', [
      ...bootstrap(),
      ...['--topic', 'verifiable', '--max-messages', String(recordCount), '--acks', '-1'],
    ]);
    expect(produced.code).toBe(0);
    const sums = JSON.parse(produced.out.trim().split('\n').at(-1) ?? '{}') as { sent: number; acked: number };
    expect(sums).toMatchObject({ sent: recordCount, acked: recordCount });
    const consumed = await apacheTool('org.apache.kafka.tools.VerifiableConsumer', [
      ...bootstrap(),
      ...['--topic', 'verifiable', '--group-id', 'verifiable-group', '--max-messages', String(recordCount)],
      ...['--reset-policy', 'earliest', '--verbose'],
    ]);
    const values = consumed.out
      .split('\n')
      .filter((line) => line.includes('"record_data"'))
      .map((line) => Number((JSON.parse(line) as { value: string }).value));
    expect(new Set(values).size).toBe(recordCount);
    expect(values).toHaveLength(recordCount);
  });

  test('kafka-get-offsets and kafka-delete-records agree about the ends of the log', async () => {
    await createTopic('cut');
    await run('kcat', ['-b', kafka.bootstrap, '-t', 'cut', '-p', '0', '-P'], { input: 'a\nb\nc\n' });
    const offsets = (time: string) =>
      apacheTool('org.apache.kafka.tools.GetOffsetShell', [
        ...bootstrap(),
        '--topic',
        'cut',
        '--partitions',
        '0',
        '--time',
        time,
      ]);
    expect((await offsets('-1')).out.trim()).toBe('cut:0:3');
    const folder = mkdtempSync(join(tmpdir(), 'hikube-records-'));
    const file = join(folder, 'offsets.json');
    writeFileSync(file, '{"version":1,"partitions":[{"topic":"cut","partition":0,"offset":2}]}');
    const deleted = await apacheTool('org.apache.kafka.tools.DeleteRecordsCommand', [
      ...bootstrap(),
      ...['--offset-json-file', file],
    ]);
    rmSync(folder, { recursive: true });
    expect(deleted.out).toMatch(/cut-0\s+low_watermark: 2/);
    expect((await offsets('-2')).out.trim()).toBe('cut:0:2');
  });
});

test('the tools of Apache Kafka 4 move records too, as members of a classic group', async () => {
  const tool = (mainClass: string, ...args: string[]) =>
    apacheTool(mainClass, ['--bootstrap-server', kafka.bootstrap, ...args], { original: 'kafka-4' });
  const created = await tool('org.apache.kafka.tools.TopicCommand', '--create', '--topic', 'four', '--partitions', '3');
  expect(created.code).toBe(0);
  const some = records.slice(0, 20_000);
  const produced = await apacheTool(
    'org.apache.kafka.tools.ConsoleProducer',
    ['--bootstrap-server', kafka.bootstrap, '--topic', 'four'],
    {
      original: 'kafka-4',
      input: `${some.join('\n')}\n`,
    },
  );
  expect(produced.code).toBe(0);
  const consumed = await tool(
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...[
      '--topic',
      'four',
      '--group',
      'four-group',
      '--from-beginning',
      '--max-messages',
      String(some.length),
      '--timeout-ms',
      '30000',
    ],
    ...['--formatter-property', 'print.partition=true'],
  );
  const seen = [...consumed.out.matchAll(/^Partition:(\d+)\t(.*)$/gm)];
  expectAll(
    seen.map(([, partition, value]) => ({ partition: Number(partition), value: value ?? '' })),
    some.length,
  );
  const groups = await tool('org.apache.kafka.tools.GroupsCommand', '--list');
  expect(groups.out).toMatch(/four-group\s+Classic\s+consumer/);
});

describe('kafkajs', () => {
  const client = (): Kafka =>
    new Kafka({ clientId: 'kafkajs', brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING });

  test('a producer and a consumer in a group move every record', async () => {
    await createTopic('kafkajs');
    const producer = client().producer();
    await producer.connect();
    for (let from = 0; from < recordCount; from += 2000) {
      const messages = records
        .slice(from, from + 2000)
        .map((value, index) => ({ value, partition: (from + index) % partitionCount }));
      await producer.send({ topic: 'kafkajs', messages });
    }
    await producer.disconnect();
    const consumer = client().consumer({ groupId: 'kafkajs-group', maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true });
    const seen: Seen[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        seen.push({ partition, value: String(message.value) });
        if (seen.length === recordCount) resolve();
      },
    });
    await promise;
    await consumer.disconnect();
    expectAll(seen);
  });

  test('an idempotent producer in gzip, and an admin that lists what is there', async () => {
    await createTopic('kafkajs-gzip');
    const producer = client().producer({ idempotent: true });
    await producer.connect();
    const messages = records.slice(0, 3000).map((value) => ({ value, partition: 0 }));
    await producer.send({ topic: 'kafkajs-gzip', messages, compression: CompressionTypes.GZIP, acks: -1 });
    await producer.disconnect();
    expectAll(await readWithKcat('kafkajs-gzip'), 3000);
    const admin = client().admin();
    await admin.connect();
    expect(await admin.listTopics()).toContain('kafkajs-gzip');
    const offsets = await admin.fetchTopicOffsets('kafkajs-gzip');
    expect(offsets.find((each) => each.partition === 0)).toMatchObject({ low: '0', high: '3000' });
    const { groups } = await admin.listGroups();
    expect(groups.map((group) => group.groupId)).toContain('kafkajs-group');
    await admin.disconnect();
  });

  test('two consumers of a group share the partitions, and one takes over when the other goes', async () => {
    await createTopic('shared');
    const consumers = [1, 2].map(() =>
      client().consumer({ groupId: 'shared-group', sessionTimeout: 6000, rebalanceTimeout: 6000 }),
    );
    const owned = new Map<number, number[]>();
    for (const [index, consumer] of consumers.entries()) {
      consumer.on('consumer.group_join', ({ payload }) => owned.set(index, payload.memberAssignment.shared ?? []));
      await consumer.connect();
      await consumer.subscribe({ topic: 'shared' });
      await consumer.run({ eachMessage: async () => {} });
    }
    const all = () => [...owned.values()].flat().sort();
    await expect.poll(() => [owned.get(0)?.length, owned.get(1)?.length].sort(), { timeout: 30_000 }).toEqual([1, 2]);
    expect(all()).toEqual([0, 1, 2]);
    await consumers[0]?.disconnect();
    await expect.poll(() => owned.get(1)?.length, { timeout: 30_000 }).toBe(3);
    await consumers[1]?.disconnect();
  });
});

describe('@platformatic/kafka', () => {
  test('a producer and a consumer in a group move every record', async () => {
    await createTopic('platformatic');
    const producer = new Producer({
      clientId: 'p',
      bootstrapBrokers: [kafka.bootstrap],
      serializers: stringSerializers,
    });
    for (let from = 0; from < recordCount; from += 2000) {
      const messages = records
        .slice(from, from + 2000)
        .map((value, index) => ({ topic: 'platformatic', value, partition: (from + index) % partitionCount }));
      await producer.send({ messages });
    }
    await producer.close();
    const consumer = new Consumer({
      clientId: 'c',
      groupId: 'platformatic-group',
      bootstrapBrokers: [kafka.bootstrap],
      deserializers: stringDeserializers,
    });
    const stream = await consumer.consume({
      topics: ['platformatic'],
      mode: MessagesStreamModes.EARLIEST,
      maxWaitTime: 100,
      autocommit: true,
    });
    const seen: Seen[] = [];
    for await (const message of stream) {
      seen.push({ partition: message.partition, value: message.value });
      if (seen.length === recordCount) break;
    }
    await consumer.close(true);
    expectAll(seen);
  });
});

describe('kafka-python', () => {
  const program = `
import sys
from kafka import KafkaProducer, KafkaConsumer
bootstrap, count = sys.argv[1], int(sys.argv[2])
producer = KafkaProducer(bootstrap_servers=bootstrap, acks='all', linger_ms=5)
for index, line in enumerate(sys.stdin):
    producer.send('python', line.rstrip('\\n').encode(), partition=index % 3)
producer.flush()
producer.close()
consumer = KafkaConsumer('python', bootstrap_servers=bootstrap, group_id='python-group', auto_offset_reset='earliest', consumer_timeout_ms=20000)
seen = 0
for message in consumer:
    print(message.partition, message.value.decode())
    seen += 1
    if seen == count:
        break
consumer.commit()
consumer.close()
`;

  test('a producer and a consumer in a group move every record', async () => {
    await createTopic('python');
    const python = pythonWith('kafka-python==2.2.15');
    const ended = await run(python, ['-c', program, kafka.bootstrap, String(recordCount)], { input: lines });
    expect(ended).toMatchObject({ code: 0 });
    expectAll(parsed(ended.out));
  });
});

describe('confluent-kafka, with the librdkafka of today', () => {
  const program = `
import sys
import confluent_kafka as kafka
from confluent_kafka.admin import AdminClient, NewTopic
bootstrap, count = sys.argv[1], int(sys.argv[2])
admin = AdminClient({'bootstrap.servers': bootstrap})
for future in admin.create_topics([NewTopic('confluent', 3, 1)]).values():
    future.result()
failed = []
producer = kafka.Producer({'bootstrap.servers': bootstrap, 'enable.idempotence': True, 'compression.type': 'zstd'})
for index, line in enumerate(sys.stdin):
    while True:
        try:
            producer.produce('confluent', line.rstrip('\\n'), partition=index % 3, callback=lambda error, _: failed.append(error) if error else None)
            break
        except BufferError:
            producer.poll(0.1)
producer.flush()
assert not failed, failed[0]
consumer = kafka.Consumer({'bootstrap.servers': bootstrap, 'group.id': 'confluent-group', 'auto.offset.reset': 'earliest',
    'partition.assignment.strategy': 'cooperative-sticky', 'group.instance.id': 'one', 'isolation.level': 'read_committed'})
consumer.subscribe(['confluent'])
seen = 0
while seen < count:
    for message in consumer.consume(1000, 5.0):
        assert message.error() is None, message.error()
        print(message.partition(), message.value().decode())
        seen += 1
consumer.commit(asynchronous=False)
description = admin.describe_consumer_groups(['confluent-group'])['confluent-group'].result()
assert [member.group_instance_id for member in description.members] == ['one'], description.members
consumer.close()
`;

  test('an idempotent producer in zstd and a static member with cooperative assignment move every record', async () => {
    const python = pythonWith('confluent-kafka==2.16.1');
    const ended = await run(python, ['-c', program, kafka.bootstrap, String(recordCount)], { input: lines });
    expect(ended).toMatchObject({ code: 0, err: '' });
    expectAll(parsed(ended.out));
  });
});

describe('aiokafka', () => {
  const program = `
import asyncio, sys
from aiokafka import AIOKafkaProducer, AIOKafkaConsumer
bootstrap, count = sys.argv[1], int(sys.argv[2])

async def main():
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, compression_type='gzip')
    await producer.start()
    sent = [await producer.send('aio', line.rstrip('\\n').encode(), partition=index % 3) for index, line in enumerate(sys.stdin)]
    await asyncio.gather(*sent)
    await producer.stop()
    consumer = AIOKafkaConsumer('aio', bootstrap_servers=bootstrap, group_id='aio-group', auto_offset_reset='earliest')
    await consumer.start()
    seen = 0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=2000)).values():
            for record in records:
                print(record.partition, record.value.decode())
                seen += 1
    await consumer.commit()
    await consumer.stop()

asyncio.run(main())
`;

  test('an idempotent producer in gzip and a consumer in a group move records', async () => {
    await createTopic('aio');
    const some = records.slice(0, 20_000);
    const ended = await run(pythonWith('aiokafka==0.14.0'), ['-c', program, kafka.bootstrap, String(some.length)], {
      input: `${some.join('\n')}\n`,
    });
    expect(ended).toMatchObject({ code: 0 });
    expectAll(parsed(ended.out), some.length);
  });
});
