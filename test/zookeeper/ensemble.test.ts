import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { type OwnEnsemble, startEnsembleOf } from '../support/zookeeper/own-ensemble.ts';
import { platform } from '../support/zookeeper/own-server.ts';
import { playOn } from '../support/zookeeper/transcript.ts';

let ensemble: OwnEnsemble | undefined;
afterEach(async () => {
  await ensemble?.stop();
  ensemble = undefined;
}, 30_000);

const clientOf = (ids: readonly number[], sessionTimeoutMs = 6_000): ZooKeeperClient =>
  new ZooKeeperClient(
    { servers: ids.map((id) => ({ host: '127.0.0.1', port: ensemble!.ports.get(id)!.client })), sessionTimeoutMs },
    platform,
  );

test('clients of three servers hear what clients of one Apache server heard', async () => {
  ensemble = await startEnsembleOf(3);
  const file = join(import.meta.dirname, '../fixtures/zookeeper/transcript-101.jsonl.gz');
  const expected = gunzipSync(readFileSync(file))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const client = clientOf([1]);
  await client.connected();
  // Only a reply tells the epoch, which is the second where a busy machine has elected twice.
  await client.exists('/');
  const epochBase = Math.floor(client.lastZxid / 2 ** 32) * 2 ** 32;
  await client.close();
  // That client's session has taken two zxids.
  const base = (epochBase === 0 ? 2 ** 32 : epochBase) + 2;
  const ports = [1, 2, 3].map((id) => ensemble!.ports.get(id)!.client);
  const heard = await playOn({ ports, zxidBase: base }, 101, expected.length);
  for (const [index, line] of heard.entries()) {
    // Only an ensemble has a configuration to show.
    if (line.step.includes('/zookeeper/config')) continue;
    expect(line).toEqual(expected[index]);
  }
}, 60_000);

test('whichever server is killed, every acknowledged znode stays, and so do sessions and their ephemeral nodes', async () => {
  ensemble = await startEnsembleOf(3, ['snapCount=300']);
  const client = clientOf([1, 2, 3]);
  await client.connected();
  const session = client.sessionId;
  expect(await client.create('/mine', undefined, { mode: 'ephemeral' })).toMatchObject({ ok: true });
  const acknowledged: string[] = [];
  let writing = true;
  const writer = (async () => {
    for (let index = 0; writing; index++) {
      const path = `/n${index}`;
      const created = await client.create(path, Buffer.from(path));
      if (created.ok) acknowledged.push(path);
      else expect(['connectionLoss', 'nodeExists']).toContain(created.problem.kind);
    }
  })();
  for (let round = 0; round < 3; round++) {
    const leader = await ensemble.serving(3);
    const victim = round % 2 === 0 ? leader : [1, 2, 3].find((id) => id !== leader)!;
    await ensemble.kill(victim);
    await ensemble.serving(2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    ensemble.start(victim);
  }
  await ensemble.serving(3);
  writing = false;
  await writer;
  expect(client.sessionId).toBe(session);
  expect(acknowledged.length).toBeGreaterThan(50);
  for (const id of [1, 2, 3]) {
    const reader = clientOf([id]);
    await reader.connected();
    await reader.sync('/');
    const children = await reader.getChildren('/');
    const names = new Set(children.ok ? children.value.children : []);
    expect(acknowledged.filter((path) => !names.has(path.slice(1)))).toEqual([]);
    expect(await reader.exists('/mine')).toMatchObject({ ok: true, value: { ephemeralOwner: session } });
    await reader.close();
  }
  await client.close();
}, 90_000);

test('an ensemble of one grows to three and shrinks again while a client writes', async () => {
  ensemble = await startEnsembleOf(1, ['reconfigEnabled=true', 'skipACL=yes']);
  const client = clientOf([1]);
  await client.connected();
  await client.create('/before', Buffer.from('x'));
  await ensemble.configure([2, 3]);
  for (const id of [2, 3]) {
    ensemble.start(id, [1, 2, 3]);
    const grown = await client.reconfig({ joiningServers: ensemble.serverLine(id) });
    expect(grown).toMatchObject({ ok: true });
    if (grown.ok) expect(grown.value.data?.toString()).toContain(`server.${id}=`);
  }
  await ensemble.serving(3);
  const other = clientOf([3]);
  await other.connected();
  expect(await other.exists('/before')).toMatchObject({ ok: true, value: { dataLength: 1 } });
  expect(await other.create('/after', undefined)).toMatchObject({ ok: true });
  await other.close();
  // Two of three go on without the first.
  await ensemble.kill(1);
  await ensemble.serving(2);
  ensemble.start(1);
  await ensemble.serving(3);
  const all = clientOf([1, 2, 3]);
  await all.connected();
  for (const leaving of ['3', '2']) {
    let shrunk = await all.reconfig({ leavingServers: leaving });
    for (let attempt = 0; !shrunk.ok && attempt < 20; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      shrunk = await all.reconfig({ leavingServers: leaving });
    }
    expect(shrunk).toMatchObject({ ok: true });
  }
  await ensemble.kill(2);
  await ensemble.kill(3);
  await ensemble.serving(1);
  const last = clientOf([1]);
  await last.connected();
  expect(await last.create('/alone', undefined)).toMatchObject({ ok: true });
  await last.close();
  await all.close();
  await client.close();
}, 90_000);
