import { afterAll, beforeAll, expect, test } from 'vitest';
import { KafkaOnOurs, killRun } from '../support/zookeeper/kafka-on-ours.ts';

let kafka: KafkaOnOurs;
beforeAll(async () => {
  kafka = await KafkaOnOurs.start();
});
afterAll(() => kafka?.stop());

async function produced(topic: string, from: number, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, index) => `record-${from + index}`).join('\n');
  const answer = await kafka.tool(
    'kafka.tools.ConsoleProducer',
    ['--bootstrap-server', kafka.bootstrap, '--topic', topic, '--producer-property', 'acks=all'],
    `${lines}\n`,
    120_000,
  );
  expect(answer).not.toContain('exit');
}

async function consumedCount(topic: string, count: number): Promise<number> {
  const text = await kafka.consumed(topic, count);
  return new Set(text.split('\n').filter((line) => line.startsWith('record-'))).size;
}

test('topics, produce, consume, and another controller when one dies', async () => {
  const created = await kafka.tool('org.apache.kafka.tools.TopicCommand', [
    ...['--bootstrap-server', kafka.bootstrap, '--create', '--topic', 'first'],
    ...['--partitions', '6', '--replication-factor', '3'],
  ]);
  expect(created).toContain('Created topic first');
  await produced('first', 0, 2_000);
  expect(await consumedCount('first', 2_000)).toBe(2_000);

  const client = await kafka.zooKeeper();
  const controllerOf = async (): Promise<number> => {
    const controller = await client.getData('/controller');
    return controller.ok ? Number(JSON.parse(controller.value.data!.toString()).brokerid) : -1;
  };
  const old = await controllerOf();
  await kafka.killBroker(old);
  await kafka.until('another controller', async () => ![-1, old].includes(await controllerOf()));
  await produced('first', 2_000, 500);
  await kafka.startBroker(old);
  await client.close();
  await kafka.allRegistered();
  expect(await consumedCount('first', 2_500)).toBe(2_500);
}, 400_000);

// `npm run campaign:kafka-on-zookeeper` does it for five minutes.
test('brokers go on while one of our servers after another is killed', async () => {
  const result = await killRun(kafka, { seconds: 32, killEverySeconds: 8 });
  expect(result).toMatchObject({ lost: 0, sendsFailed: 0, topicsMissing: 0, brokersExited: 0, sessionsLost: 0 });
  expect(result.kills).toBeGreaterThan(2);
  expect(result.acknowledged).toBeGreaterThan(1_000);
}, 600_000);
