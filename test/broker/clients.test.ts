import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OwnCluster, startCluster } from '../support/broker/own-broker.ts';

/** Other people's clients, unmodified. The long runs with all records of 1 KiB are in the conformance suite. */
const count = 3000;
const perSend = 100;

let cluster: OwnCluster;
beforeAll(async () => {
  cluster = await startCluster({ count: 3 });
});
afterAll(() => cluster.stop());

/** Values are numbers in the order of sending; a key's values must come back in that order, once. */
function check(received: readonly { readonly partition: number; readonly value: string }[]): void {
  expect(received).toHaveLength(count);
  const last = new Map<number, number>();
  for (const { partition, value } of received) {
    expect(Number(value)).toBeGreaterThan(last.get(partition) ?? -1);
    last.set(partition, Number(value));
  }
  expect(last.size).toBe(3);
}

test('kafkajs: an idempotent producer, a consumer group and the admin calls', async () => {
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'by-kafkajs', numPartitions: 3 }] });
  expect(await admin.listTopics()).toContain('by-kafkajs');
  const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let from = 0; from < count; from += perSend) {
    await producer.send({
      topic: 'by-kafkajs',
      messages: Array.from({ length: perSend }, (_, index) => ({ key: `key-${index}`, value: String(from + index) })),
    });
  }
  await producer.disconnect();
  const consumer = kafka.consumer({ groupId: 'kafkajs-group' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'by-kafkajs', fromBeginning: true });
  const received: { partition: number; value: string }[] = [];
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ partition, message }) => {
        received.push({ partition, value: message.value?.toString() ?? '' });
        if (received.length === count) resolve();
      },
    });
  });
  check(received);
  await consumer.disconnect();
  const offsets = await admin.fetchOffsets({ groupId: 'kafkajs-group', topics: ['by-kafkajs'] });
  expect(offsets[0]?.partitions.reduce((sum, { offset }) => sum + Number(offset), 0)).toBe(count);
  expect((await admin.describeGroups(['kafkajs-group'])).groups[0]?.state).toBe('Empty');
  await admin.deleteGroups(['kafkajs-group']);
  await admin.deleteTopics({ topics: ['by-kafkajs'] });
  expect(await admin.listTopics()).not.toContain('by-kafkajs');
  await admin.disconnect();
}, 60_000);

test('@platformatic/kafka: a producer and a consumer group', async () => {
  const options = { clientId: 'platformatic', bootstrapBrokers: cluster.bootstrap.split(',') };
  const connection = await cluster.connect();
  const { apis } = await import('../../src/protocol/kafka/index.ts');
  await connection.call(apis.createTopics, {
    topics: [{ name: 'by-platformatic', numPartitions: 3, replicationFactor: -1, assignments: [], configs: [] }],
    timeoutMs: 5000,
  });
  const producer = new Producer({ ...options, serializers: stringSerializers });
  for (let from = 0; from < count; from += perSend) {
    await producer.send({
      messages: Array.from({ length: perSend }, (_, index) => ({
        topic: 'by-platformatic',
        key: `key-${index}`,
        value: String(from + index),
      })),
    });
  }
  await producer.close();
  const consumer = new Consumer({ ...options, groupId: 'platformatic-group', deserializers: stringDeserializers });
  const stream = await consumer.consume({ topics: ['by-platformatic'], mode: 'earliest' });
  const received: { partition: number; value: string }[] = [];
  for await (const { partition, value } of stream) {
    received.push({ partition, value });
    if (received.length === count) break;
  }
  check(received);
  await stream.close();
  await consumer.close();
}, 60_000);
