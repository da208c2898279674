import { afterEach, expect, test } from 'vitest';
import { KafkaConnection } from '../../../src/client/kafka/index.ts';
import { apis } from '../../../src/protocol/kafka/index.ts';
import { realPlatform } from './real-platform.ts';
import { scriptedBroker } from './scripted-broker.ts';

const { network, clock } = realPlatform();
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function connected(
  handlers: Parameters<typeof scriptedBroker>[0],
  versions: Parameters<typeof scriptedBroker>[1] = {},
  options: { maxInFlight?: number; maxWaiting?: number } = {},
) {
  const broker = await scriptedBroker(handlers, versions);
  stops.push(broker.stop);
  const opened = await KafkaConnection.open(
    network,
    clock,
    { host: '127.0.0.1', port: broker.port },
    { clientId: 'test', ...options },
  );
  if (!opened.ok) throw new Error(opened.problem.sentence);
  stops.push(() => opened.value.close());
  return { broker, connection: opened.value };
}

const beat = { groupId: 'g', generationId: 1, memberId: 'm' };

test('the newest version that both sides have is used', async () => {
  const versions: number[] = [];
  const heartbeat = ({ version }: { version: number }) => {
    versions.push(version);
    return { errorCode: 0 };
  };
  const { connection } = await connected({ heartbeat }, { heartbeat: { min: 0, max: 2 } });
  expect((await connection.call(apis.heartbeat, beat)).ok).toBe(true);
  expect((await connection.call(apis.heartbeat, beat, { version: 1 })).ok).toBe(true);
  expect(versions).toEqual([2, 1]);
});

test('an api that the broker lacks, and versions that do not meet, are said so', async () => {
  const { connection } = await connected({ heartbeat: () => ({ errorCode: 0 }) }, { heartbeat: { min: 9, max: 12 } });
  expect(await connection.call(apis.heartbeat, beat)).toMatchObject({
    problem: {
      kind: 'unsupportedVersion',
      sentence: expect.stringContaining('in versions 9 to 12, we have versions 0 to 4'),
    },
  });
  expect(await connection.call(apis.listGroups, {})).toMatchObject({
    problem: { kind: 'unsupportedVersion', sentence: expect.stringContaining('not at all') },
  });
});

test('a broker that refuses the version of ApiVersions is asked again in version 0', async () => {
  const { connection, broker } = await connected({
    apiVersions: ({ version }: { version: number }) => ({
      errorCode: version === 0 ? 0 : 35,
      apiKeys: [{ apiKey: apis.heartbeat.key, minVersion: 0, maxVersion: 1 }],
    }),
    heartbeat: () => ({ errorCode: 0 }),
  });
  expect(broker.asked).toEqual(['apiVersions', 'apiVersions']);
  expect(connection.versionOf(apis.heartbeat)).toBe(1);
});

test('calls are pipelined and answered in order', async () => {
  const { connection } = await connected({
    heartbeat: ({ body }: { body: { generationId: number } }) => ({ errorCode: body.generationId }),
  });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => connection.call(apis.heartbeat, { ...beat, generationId: index })),
  );
  expect(answers.map((answer) => answer.ok && answer.value.errorCode)).toEqual(
    Array.from({ length: 200 }, (_, i) => i),
  );
});

test('a call that is not answered in time ends the connection and all its calls', async () => {
  const { connection } = await connected({ heartbeat: () => undefined });
  const [first, second] = await Promise.all([
    connection.call(apis.heartbeat, beat, { timeoutMs: 50 }),
    connection.call(apis.heartbeat, beat, { timeoutMs: 10_000 }),
  ]);
  expect(first).toMatchObject({ ok: false, problem: { kind: 'timedOut' } });
  expect(second).toMatchObject({ ok: false, problem: { kind: 'timedOut' } });
  await connection.closed;
  expect(connection.isOpen).toBe(false);
  expect((await connection.call(apis.heartbeat, beat)).ok).toBe(false);
});

test('calls beyond the bound are refused', async () => {
  const { connection } = await connected({ heartbeat: () => undefined }, {}, { maxInFlight: 1, maxWaiting: 1 });
  const first = connection.call(apis.heartbeat, beat, { timeoutMs: 100 });
  const second = connection.call(apis.heartbeat, beat, { timeoutMs: 100 });
  expect(await connection.call(apis.heartbeat, beat)).toMatchObject({ problem: { kind: 'busy' } });
  await Promise.all([first, second]);
});

test('a connection that the broker closes gives its calls back', async () => {
  const { connection } = await connected({
    heartbeat: ({ socket }: { socket: { destroy: () => void } }) => void socket.destroy(),
  });
  expect(await connection.call(apis.heartbeat, beat)).toMatchObject({ problem: { kind: 'disconnected' } });
});

test('rubbish from the broker ends the connection with a sentence', async () => {
  const { connection } = await connected({
    heartbeat: ({ socket }: { socket: { write: (bytes: Buffer) => void } }) =>
      void socket.write(Buffer.from([0, 0, 0, 5, 0, 0, 0, 9, 1])),
  });
  expect(await connection.call(apis.heartbeat, beat)).toMatchObject({
    problem: { kind: 'malformed', sentence: expect.stringContaining('correlation id 9') },
  });
});

test('an address where nobody listens is a problem, not an exception', async () => {
  const opened = await KafkaConnection.open(network, clock, { host: '127.0.0.1', port: 1 }, { clientId: 'test' });
  expect(opened).toMatchObject({
    ok: false,
    problem: { kind: 'disconnected', sentence: expect.stringContaining('127.0.0.1:1') },
  });
});
