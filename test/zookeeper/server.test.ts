import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { fourLetterWord } from '../support/zookeeper/apache-server.ts';
import { type OwnServer, platform, startOwn } from '../support/zookeeper/own-server.ts';
import { WireClient } from '../support/zookeeper/wire-client.ts';

let server: OwnServer;
beforeEach(async () => {
  server = await startOwn({ settings: ['maxClientCnxns=40', 'minSessionTimeout=200', 'tickTime=100'] });
});
afterEach(() => server.stop());

const wire = async (timeoutMs = 30_000): Promise<WireClient> => {
  const client = new WireClient(server.port);
  await client.open({ timeoutMs });
  return client;
};
const create = (path: string, flags = 0, data = '') =>
  ({
    op: 'create',
    path,
    data: Buffer.from(data),
    acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
    flags,
  }) as const;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('the session time-out is kept within its bounds', async () => {
  expect((await wire(1)).session?.timeoutMs).toBe(200);
  expect((await wire(1_000_000)).session?.timeoutMs).toBe(2_000);
});

test('a client that has seen a newer state is refused without a word', async () => {
  const client = new WireClient(server.port);
  expect(await client.open({ lastZxidSeen: 1_000_000 })).toBeUndefined();
  expect(client.closed).toBe(true);
});

test('a session moves to another connection with its password, and not without', async () => {
  const first = await wire();
  await first.call(create('/mine', 1));
  const second = new WireClient(server.port);
  const moved = await second.open({ resume: first.session! });
  expect(moved?.sessionId).toBe(first.session!.sessionId);
  await first.ended();
  expect(await second.call({ op: 'getEphemerals', prefixPath: '/' })).toMatchObject({ body: { children: ['/mine'] } });
  const thief = new WireClient(server.port);
  const refused = await thief.open({ resume: { ...first.session!, password: Buffer.alloc(16, 1) } });
  expect(refused).toMatchObject({ timeoutMs: 0, sessionId: 0n });
});

test('a silent session expires, with its ephemeral nodes, and its watchers hear of it', async () => {
  const watcher = await wire(2_000);
  const silent = await wire(200);
  await silent.call(create('/gone', 1));
  await watcher.call({ op: 'getData', path: '/gone', watch: true });
  for (let turn = 0; turn < 30 && !watcher.replies.some(({ kind }) => kind === 'event'); turn++) {
    await sleep(50);
    await watcher.call({ op: 'ping' });
  }
  expect(watcher.replies.at(-2)).toMatchObject({ kind: 'event', type: 2, path: '/gone' });
  await silent.ended();
  const again = new WireClient(server.port);
  expect(await again.open({ resume: silent.session! })).toMatchObject({ timeoutMs: 0 });
});

test('requests that are sent at once are answered in their order, reads after the writes before them', async () => {
  const client = await wire();
  client.send(create('/p', 0, 'v0'));
  for (let index = 1; index <= 200; index++) {
    client.send({ op: 'setData', path: '/p', data: Buffer.from(`v${index}`), version: index - 1 });
    client.send({ op: 'getData', path: '/p', watch: false });
  }
  await client.call({ op: 'sync', path: '/p' });
  const reads = client.replies.filter((reply) => reply.kind === 'reply' && reply.body?.kind === 'data');
  expect(reads).toHaveLength(200);
  for (const [index, reply] of reads.entries()) {
    expect(reply.kind === 'reply' && reply.body?.kind === 'data' && reply.body.data?.toString()).toBe(`v${index + 1}`);
  }
  const xids = client.replies.flatMap((reply) => (reply.kind === 'reply' ? [reply.xid] : []));
  expect(xids).toEqual([...xids].sort((a, b) => a - b));
});

test('a watch event comes before the answer that shows the change', async () => {
  const [reader, writer] = [await wire(), await wire()];
  await writer.call(create('/w', 0, 'old'));
  for (let round = 0; round < 50; round++) {
    const seen = reader.replies.length;
    await reader.call({ op: 'getData', path: '/w', watch: true });
    writer.send({ op: 'setData', path: '/w', data: Buffer.from(`${round}`), version: -1 });
    let shown = false;
    while (!shown) {
      const reply = await reader.call({ op: 'getData', path: '/w', watch: false });
      shown = reply?.body?.kind === 'data' && reply.body.data?.toString() === `${round}`;
    }
    const kinds = reader.replies.slice(seen + 1).map((reply) => (reply.kind === 'event' ? 'event' : 'reply'));
    expect(kinds).toContain('event');
    expect(kinds.indexOf('event')).toBeLessThan(kinds.length - 1);
  }
});

test('a frame that is too large, garbage and a broken request end that connection and no other', async () => {
  const good = await wire();
  for (const bytes of [
    Buffer.from([0x7f, 0xff, 0xff, 0xff]),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0, 0, 0, 3, 1, 2, 3]),
  ]) {
    const bad = new WireClient(server.port);
    bad.write(bytes);
    await bad.ended();
  }
  const afterConnect = await wire();
  afterConnect.write(Buffer.from([0, 0, 0, 2, 0, 0]));
  await afterConnect.ended();
  expect(await good.call({ op: 'exists', path: '/', watch: false })).toMatchObject({ error: 0 });
});

test('a request whose body cannot be read is answered with a marshalling error', async () => {
  const client = await wire();
  client.send({ op: 'getData', path: '/', watch: false });
  // Type getData with a string that claims more than is there.
  client.write(Buffer.from([0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 99]));
  expect(await client.call({ op: 'ping' })).toMatchObject({ error: 0 });
  expect(client.replies.map((reply) => reply.kind === 'reply' && reply.error)).toEqual([0, -5, 0]);
});

test('a request of a type that nobody knows is refused, and its connection closed', async () => {
  const client = await wire();
  client.write(Buffer.from([0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 3, 0xe7]));
  await client.ended();
  expect(client.replies).toMatchObject([{ kind: 'reply', xid: 1, error: -6 }]);
});

test('more connections from one address than allowed are refused', async () => {
  const clients: WireClient[] = [];
  for (let index = 0; index < 40; index++) clients.push(await wire());
  const oneTooMany = new WireClient(server.port);
  expect(await oneTooMany.open()).toBeUndefined();
  clients[0]!.destroy();
  await sleep(50);
  expect(await new WireClient(server.port).open()).toBeDefined();
});

test('a client that never reads holds up nobody', async () => {
  const writer = await wire();
  await writer.call(create('/big', 0, 'x'.repeat(500_000)));
  const lazy = await wire();
  lazy.pause();
  for (let index = 0; index < 300; index++) lazy.send({ op: 'getData', path: '/big', watch: false });
  for (let index = 0; index < 100; index++) {
    expect(await writer.call({ op: 'exists', path: '/big', watch: false })).toMatchObject({ error: 0 });
  }
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(300e6);
});

test('a client that asks for much and reads nothing costs little, and has all its answers once it reads', async () => {
  await server.stop();
  // Of patient sessions.
  server = await startOwn();
  const lazy = await wire();
  await lazy.call(create('/long', 0, 'x'.repeat(20_000)));
  lazy.pause();
  const first = lazy.replies.length;
  // All in one piece, so that the server meets them in one turn of its loop: 40 MB of answers.
  for (let index = 0; index < 2_000; index++) lazy.send({ op: 'getData', path: '/long', watch: false });
  const { statistics } = server.server;
  for (let turn = 0; turn < 50 && statistics.unsentBytes === 0; turn++) await sleep(20);
  await sleep(100);
  expect(statistics.unsentBytes).toBeGreaterThan(0);
  expect(statistics.unsentBytes).toBeLessThan(3e6);
  expect(statistics.requestsOutstanding).toBe(0);
  lazy.resume();
  for (let turn = 0; turn < 500 && lazy.replies.length < first + 2_000; turn++) await sleep(20);
  expect(lazy.replies.slice(first).map((reply) => reply.kind === 'reply' && reply.error)).toEqual(
    new Array(2_000).fill(0),
  );
  expect(statistics.unsentBytes).toBe(0);
});

test('a client that takes no events is given up, and its session lives on', async () => {
  await server.stop();
  // Of patient sessions.
  server = await startOwn();
  const lazy = await wire();
  const writer = await wire();
  await writer.call(create('/busy'));
  await lazy.call({ op: 'addWatch', path: '/busy', mode: 1 });
  lazy.pause();
  // Each event says the path: 100 kB, more than the system's own buffers hold after some hundreds.
  const long = `/busy/${'n'.repeat(100_000)}`;
  await writer.call(create(long));
  const { statistics } = server.server;
  for (let count = 0; count < 2_000 && statistics.connectionsDropped === 0; count++) {
    await writer.call({ op: 'setData', path: long, data: Buffer.alloc(0), version: -1 });
  }
  expect(statistics.connectionsDropped).toBe(1);
  expect(server.server.sessions.count).toBe(2);
  expect(await writer.call({ op: 'exists', path: '/busy', watch: false })).toMatchObject({ error: 0 });
});

test('connections that say nothing cost nobody anything', async () => {
  const silent = Array.from({ length: 30 }, () => connect(server.port, '127.0.0.1'));
  const client = await wire();
  expect(await client.call({ op: 'exists', path: '/', watch: false })).toMatchObject({ error: 0 });
  for (const socket of silent) socket.destroy();
});

test('four-letter words answer what tools parse', async () => {
  expect(await fourLetterWord(server.port, 'ruok')).toBe('imok');
  expect(await fourLetterWord(server.port, 'srvr')).toMatch(
    /^Zookeeper version: .*\nLatency min\/avg\/max: .*Mode: standalone\nNode count: 4\n$/s,
  );
  expect(await fourLetterWord(server.port, 'mntr')).toMatch(/zk_server_state\tstandalone\n.*zk_znode_count\t4\n/s);
  expect(await fourLetterWord(server.port, 'isro')).toBe('rw');
  for (const word of ['stat', 'conf', 'cons', 'envi', 'dump', 'wchs', 'wchc', 'wchp', 'dirs', 'crst', 'srst']) {
    expect(await fourLetterWord(server.port, word)).not.toBe('');
  }
});

test('our client comes back to its session when its connection breaks, with its watches', async () => {
  const client = new ZooKeeperClient(
    { servers: [{ host: '127.0.0.1', port: server.port }], sessionTimeoutMs: 2_000, chroot: '/kafka' },
    platform,
  );
  const events: string[] = [];
  client.onSession(({ kind }) => events.push(kind));
  expect(await client.connected()).toBe(true);
  expect((await client.create('/', undefined)).ok).toBe(true);
  await client.create('/mine', Buffer.from('1'), { mode: 'ephemeral' });
  const changed = new Promise((resolve) => {
    void client.getData('/mine', resolve);
  });
  await client.sync('/');
  // The connection breaks; the session does not.
  for (const connection of [...server.server.connections]) connection.destroy();
  const writer = await wire();
  await writer.call({ op: 'setData', path: '/kafka/mine', data: Buffer.from('2'), version: -1 });
  expect(await changed).toEqual({ type: 'nodeDataChanged', path: '/mine' });
  expect(await client.getData('/mine')).toMatchObject({ ok: true, value: { data: Buffer.from('2') } });
  expect(events).toEqual(['connected', 'disconnected', 'connected']);
  await client.close();
  expect(await writer.call({ op: 'exists', path: '/kafka/mine', watch: false })).toMatchObject({ error: -101 });
});

test('our client says when its session has expired', async () => {
  const client = new ZooKeeperClient(
    { servers: [{ host: '127.0.0.1', port: server.port }], sessionTimeoutMs: 500 },
    platform,
  );
  await client.connected();
  const expired = new Promise((resolve) => {
    client.onSession(({ kind }) => {
      if (kind === 'expired') resolve(kind);
    });
  });
  server.server.orderer.submit({
    sessionId: client.sessionId,
    cxid: 0,
    identities: [],
    command: { op: 'closeSession' },
    fromServer: undefined,
  });
  expect(await expired).toBe('expired');
  expect(await client.exists('/')).toMatchObject({ ok: false, problem: { kind: 'sessionExpired' } });
});
