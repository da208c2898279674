import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { parseEnsembleSettings } from '../../src/settings/index.ts';
import { serverSettings } from '../../src/zookeeper/index.ts';
import { fourLetterWord } from '../support/zookeeper/apache-server.ts';
import { type OwnServer, startOwn } from '../support/zookeeper/own-server.ts';
import { WireClient } from '../support/zookeeper/wire-client.ts';

const QUOTA_EXCEEDED = -125;
const IN_ONE_PACKET = 2_000;

let server: OwnServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function start(...settings: string[]): Promise<OwnServer> {
  server = await startOwn({ settings });
  return server;
}

async function clientOf({ port }: OwnServer): Promise<WireClient> {
  const client = new WireClient(port);
  await client.open();
  return client;
}

const create = (path: string, data = '') =>
  ({
    op: 'create',
    path,
    data: Buffer.from(data),
    acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
    flags: 0,
  }) as const;
const setData = (path: string, data: string) =>
  ({ op: 'setData', path, data: Buffer.from(data), version: -1 }) as const;

test('no more nodes are made than hikube.maxZnodes says, until some go', async () => {
  // Four are the server's own.
  const client = await clientOf(await start('hikube.maxZnodes=7'));
  for (const path of ['/a', '/b', '/c']) expect(await client.call(create(path))).toMatchObject({ error: 0 });
  expect(await client.call(create('/d'))).toMatchObject({ error: QUOTA_EXCEEDED });
  expect(await client.call(setData('/a', 'still'))).toMatchObject({ error: 0 });
  expect(await client.call({ op: 'delete', path: '/b', version: -1 })).toMatchObject({ error: 0 });
  expect(await client.call(create('/d'))).toMatchObject({ error: 0 });
  expect(await fourLetterWord(server!.port, 'mntr')).toMatch(
    /zk_write_refused_for_room_count\t1\n.*zk_max_znode_count\t7\n/s,
  );
});

test('nodes that are decided and not yet there count, and those of a multi that failed do not', async () => {
  const client = await clientOf(await start('hikube.maxZnodes=7'));
  for (const path of ['/a', '/b', '/c', '/d', '/e']) client.send(create(path));
  const last = await client.call({ op: 'exists', path: '/d', watch: false });
  expect(last).toMatchObject({ error: -101 });
  expect(client.replies.slice(0, 5).map((reply) => reply.kind === 'reply' && reply.error)).toEqual([
    ...[0, 0, 0],
    ...[QUOTA_EXCEEDED, QUOTA_EXCEEDED],
  ]);
  await client.call({ op: 'delete', path: '/a', version: -1 });
  const multi = await client.call({ op: 'multi', operations: [create('/f'), create('/g')] });
  expect(multi?.body).toEqual({
    kind: 'multi',
    results: [
      { op: 'error', code: 0 },
      { op: 'error', code: QUOTA_EXCEEDED },
    ],
  });
  expect(await client.call(create('/h'))).toMatchObject({ error: 0 });
});

test('paths and data take no more than hikube.maxDataBytes', async () => {
  const client = await clientOf(await start('hikube.maxDataBytes=5000'));
  expect(await client.call(create('/a', 'x'.repeat(4_000)))).toMatchObject({ error: 0 });
  expect(await client.call(create('/b', 'x'.repeat(4_000)))).toMatchObject({ error: QUOTA_EXCEEDED });
  expect(await client.call(create('/b'))).toMatchObject({ error: 0 });
  expect(await client.call(setData('/b', 'x'.repeat(4_000)))).toMatchObject({ error: QUOTA_EXCEEDED });
  expect(await client.call(setData('/a', 'less'))).toMatchObject({ error: 0 });
  expect(await client.call(setData('/b', 'x'.repeat(4_000)))).toMatchObject({ error: 0 });
});

test('no more watches are set than hikube.maxWatches says, and reads without one are answered', async () => {
  const client = await clientOf(await start('hikube.maxWatches=2'));
  const exists = (path: string, watch: boolean) => client.call({ op: 'exists', path, watch });
  expect(await exists('/a', true)).toMatchObject({ error: -101 });
  expect(await exists('/b', true)).toMatchObject({ error: -101 });
  expect(await exists('/c', true)).toMatchObject({ error: QUOTA_EXCEEDED });
  expect(await client.call({ op: 'addWatch', path: '/c', mode: 1 })).toMatchObject({ error: QUOTA_EXCEEDED });
  expect(await exists('/a', true)).toMatchObject({ error: -101 });
  expect(await exists('/c', false)).toMatchObject({ error: -101 });
  await client.call(create('/a'));
  expect(client.replies.some((reply) => reply.kind === 'event' && reply.path === '/a')).toBe(true);
  expect(await exists('/c', true)).toMatchObject({ error: -101 });
});

test('watches that a client brings back have room, but not without end', async () => {
  const running = await start('hikube.maxWatches=4');
  const paths = (count: number) => Array.from({ length: count }, (_, index) => `/n${index}`);
  const first = await clientOf(running);
  const again = { op: 'setWatches', relativeZxid: 0, data: [], child: [] } as const;
  first.send({ ...again, exist: paths(8) });
  expect(await first.call({ op: 'exists', path: '/', watch: false })).toMatchObject({ error: 0 });
  expect(running.server.tree.watchCount).toBe(8);
  const second = await clientOf(running);
  second.send({ ...again, exist: paths(1) });
  await second.ended();
  expect(second.closed).toBe(true);
});

test('bounds that are not given follow from the memory', () => {
  const read = (text: string) => parseEnsembleSettings(`dataDir=/tmp/none\nclientPort=0\n${text}`).settings!;
  const small = serverSettings(read(''), 0, 64 * 2 ** 20).room;
  expect(small.znodesMax).toBeGreaterThan(50_000);
  expect(small.znodesMax * 280 + small.dataBytesMax + small.watchesMax * 500).toBeLessThan(64 * 2 ** 20);
  const given = serverSettings(read('hikube.maxZnodes=5\nhikube.maxWatches=0'), 0, 64 * 2 ** 20).room;
  expect(given).toEqual({ ...small, znodesMax: 5, watchesMax: Number.POSITIVE_INFINITY });
  expect(parseEnsembleSettings('dataDir=/tmp\nclientPort=1\nhikube.maxZnodes=-2').problems).toMatchObject([
    { severity: 'error', key: 'hikube.maxZnodes' },
  ]);
});

test('an address has no more connections than maxClientCnxns says', async () => {
  const running = await start('maxClientCnxns=3');
  const clients = await Promise.all(Array.from({ length: 3 }, () => clientOf(running)));
  const fourth = new WireClient(running.port);
  expect(await fourth.open()).toBeUndefined();
  expect(running.server.statistics.connectionsRejected).toBe(1);
  clients[0]!.destroy();
  for (let turn = 0; turn < 100 && running.server.connections.size > 2; turn++) await sleep(10);
  expect((await clientOf(running)).session).toBeDefined();
});

test('a client with more requests than globalOutstandingLimit is slowed down, and all of them are answered', async () => {
  const running = await start('globalOutstandingLimit=50');
  const client = await clientOf(running);
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, running.server.statistics.requestsOutstanding);
  }, 1);
  for (let index = 0; index < 20_000; index++) client.send(create(`/n-with-a-name-of-some-length-${index}`));
  const other = await clientOf(running);
  for (let index = 0; index < 20; index++) {
    expect(await other.call({ op: 'exists', path: '/', watch: false })).toMatchObject({ error: 0 });
  }
  await client.call({ op: 'exists', path: '/', watch: false });
  clearInterval(timer);
  expect(client.replies.filter((reply) => reply.kind === 'reply' && reply.error === 0)).toHaveLength(20_001);
  // What one packet brings may stand above the bound.
  expect(most).toBeLessThan(50 + IN_ONE_PACKET);
});

test('a request over jute.maxbuffer ends the connection, and no memory is set aside for it', async () => {
  const running = await start('jute.maxbuffer=10000');
  const client = await clientOf(running);
  expect(await client.call(create('/a', 'x'.repeat(9_000)))).toMatchObject({ error: 0 });
  client.send(create('/b', 'x'.repeat(11_000)));
  await client.ended();
  const announced = await clientOf(running);
  announced.write(Buffer.from([0x3f, 0xff, 0xff, 0xff]));
  await announced.ended();
  expect(announced.closed).toBe(true);
});

test('clients that send a byte now and then hold up nobody', async () => {
  const running = await start();
  const sockets = Array.from({ length: 50 }, () => connect(running.port, '127.0.0.1'));
  const client = await clientOf(running);
  for (let byte = 0; byte < 8; byte++) {
    for (const socket of sockets) socket.write(Buffer.from([0]));
    expect(await client.call({ op: 'exists', path: '/', watch: false })).toMatchObject({ error: 0 });
    await sleep(5);
  }
  for (const socket of sockets) socket.destroy();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
