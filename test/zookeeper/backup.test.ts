import { afterEach, beforeEach, expect, test } from 'vitest';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { systemClock } from '../../src/platform/index.ts';
import { parseBackup, readTree, renderBackup, writeTree } from '../../src/zookeeper/index.ts';
import { type OwnServer, platform, startOwn } from '../support/zookeeper/own-server.ts';

let from: OwnServer;
let to: OwnServer;
const clients: ZooKeeperClient[] = [];
const clientOf = async (server: OwnServer): Promise<ZooKeeperClient> => {
  const client = new ZooKeeperClient(
    { servers: [{ host: '127.0.0.1', port: server.port }], sessionTimeoutMs: 10_000 },
    platform,
  );
  clients.push(client);
  await client.connected();
  return client;
};
beforeEach(async () => {
  from = await startOwn();
  to = await startOwn();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await from.stop();
  await to.stop();
});

test('a backup brings back nodes, data and ACLs, without ephemeral nodes', async () => {
  const client = await clientOf(from);
  await client.create('/a', Buffer.from('one'));
  await client.create('/a/b', undefined);
  await client.create('/a/locked', Buffer.from('x'), { acl: [{ perms: 1, scheme: 'world', id: 'anyone' }] });
  await client.create('/a/mine', undefined, { mode: 'ephemeral' });
  const nodes = await readTree(client, systemClock);
  if (!nodes.ok) throw new Error(nodes.problem);
  expect(nodes.value.map(({ path }) => path)).toEqual(['/', '/a', '/a/b', '/a/locked']);
  const parsed = parseBackup(renderBackup(nodes.value, client.lastZxid, new Date(0)));
  expect(parsed).toEqual({ ok: true, value: nodes.value });
  const target = await clientOf(to);
  expect(await writeTree(target, nodes.value, { merge: false })).toEqual({ ok: true, value: 4 });
  expect(await readTree(target, systemClock)).toEqual(nodes);
  expect(await writeTree(target, nodes.value, { merge: false })).toMatchObject({ ok: false });
});

test('what changes while it is read does not make a mixture', async () => {
  const client = await clientOf(from);
  for (const name of ['left', 'right']) await client.create(`/${name}`, Buffer.from('0'));
  for (let index = 0; index < 500; index++) void client.create(`/n${index}`, undefined);
  await client.sync('/');
  const writer = await clientOf(from);
  let going = true;
  const writing = (async () => {
    for (let value = 1; going && value < 400; value++) {
      // Both in one transaction: they are never seen to differ.
      const data = Buffer.from(`${value}`);
      await writer.multi([
        { op: 'setData', path: '/left', data, version: -1 },
        { op: 'setData', path: '/right', data, version: -1 },
      ]);
    }
  })();
  const nodes = await readTree(client, systemClock);
  going = false;
  await writing;
  if (!nodes.ok) throw new Error(nodes.problem);
  const dataOf = (path: string): string | undefined => nodes.value.find((node) => node.path === path)?.data?.toString();
  expect(dataOf('/left')).toBe(dataOf('/right'));
  expect(nodes.value).toHaveLength(503);
});

test('half a backup and a changed one are refused', () => {
  const text = renderBackup([{ path: '/', data: undefined, acl: [] }], 1, new Date(0));
  expect(parseBackup(text.slice(0, text.length / 2))).toMatchObject({ ok: false });
  expect(parseBackup(text.replace('"path":"/"', '"path":"/x"'))).toMatchObject({ ok: false });
  expect(parseBackup('nonsense')).toMatchObject({ ok: false });
});
