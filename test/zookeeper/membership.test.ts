import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { fourLetterWord } from '../support/zookeeper/apache-server.ts';
import { OwnEnsemble, startEnsembleOf } from '../support/zookeeper/own-ensemble.ts';
import { platform, startOwn } from '../support/zookeeper/own-server.ts';

let ensemble: OwnEnsemble | undefined;
afterEach(async () => {
  await ensemble?.stop();
  ensemble = undefined;
}, 30_000);

const settings = ['reconfigEnabled=true', 'skipACL=yes'];
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function clientOf(ids: readonly number[]): Promise<ZooKeeperClient> {
  const servers = ids.map((id) => ({ host: '127.0.0.1', port: ensemble!.ports.get(id)!.client }));
  const client = new ZooKeeperClient({ servers, sessionTimeoutMs: 6_000 }, platform);
  await client.connected();
  return client;
}

const asObserver = (id: number): string => ensemble!.serverLine(id).replace(':participant', ':observer');
const members = async (id: number): Promise<string[]> =>
  [...(await fourLetterWord(ensemble!.ports.get(id)!.client, 'conf')).matchAll(/^server\.(\d+)=.*:(\w+);/gm)].map(
    ([, server, role]) => `${server} ${role}`,
  );

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await is())) {
    if (performance.now() > endMs) throw new Error(`waited in vain: ${what}\n${ensemble?.output}`);
    await pause(20);
  }
}

/** As an operator does it: again until it is done. */
async function reconfig(client: ZooKeeperClient, change: Parameters<ZooKeeperClient['reconfig']>[0]): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const answer = await client.reconfig(change);
    if (answer.ok) return answer.value.data?.toString() ?? '';
    if (attempt === 40) throw new Error(JSON.stringify(answer.problem));
    await pause(100);
  }
}

async function grow(client: ZooKeeperClient, ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    await reconfig(client, { joiningServers: asObserver(id) });
    await until(`${id} learns`, async () => (await ensemble!.mode(id)) === 'observer');
    await reconfig(client, { joiningServers: ensemble!.serverLine(id) });
    await until(`${id} votes`, async () => ['follower', 'leader'].includes(await ensemble!.mode(id)));
  }
}

test('an ensemble of one takes over the folder of a server alone, with sessions, and grows', async () => {
  ensemble = new OwnEnsemble(settings);
  await ensemble.configure([1, 2, 3]);
  const alone = await startOwn({ folder: join(ensemble.folder, '1') });
  const before = new ZooKeeperClient(
    { servers: [{ host: '127.0.0.1', port: alone.port }], sessionTimeoutMs: 20_000 },
    platform,
  );
  await before.create('/kept', Buffer.from('x'));
  await before.create('/mine', undefined, { mode: 'ephemeral' });
  const owner = before.sessionId;
  const { lastZxid } = before;
  await alone.stop();

  ensemble.start(1, [1, 2]);
  await until('it says why not', async () => /several servers cannot begin/.test(ensemble?.output ?? ''));
  await ensemble.kill(1);
  ensemble.start(1, [1]);
  await ensemble.serving(1);
  const client = await clientOf([1]);
  expect(await client.getData('/kept')).toMatchObject({ ok: true, value: { data: Buffer.from('x') } });
  expect(await client.exists('/mine')).toMatchObject({ ok: true, value: { ephemeralOwner: owner } });
  expect(client.lastZxid).toBeGreaterThan(lastZxid);
  for (const id of [2, 3]) ensemble.start(id);
  await grow(client, [2, 3]);
  // Taken over once: what came after is what a restart finds.
  await client.create('/after', undefined);
  await ensemble.kill(1);
  ensemble.start(1);
  await ensemble.serving(3);
  const again = await clientOf([1]);
  await again.sync('/');
  expect(await again.exists('/after')).toMatchObject({ ok: true, value: { dataLength: 0 } });
  await Promise.all([client.close(), again.close(), before.close()]);
}, 60_000);

test('a file that names servers which have yet to join does not make them members', async () => {
  ensemble = await startEnsembleOf(1, settings);
  await ensemble.configure([2, 3]);
  await ensemble.kill(1);
  ensemble.start(1, [1, 2, 3]);
  ensemble.start(2, [1, 2, 3]);
  await ensemble.serving(2);
  expect(await members(1)).toEqual(['1 participant']);
  expect(await members(2)).toEqual(['1 participant']);
  expect(await ensemble.mode(2)).toBe('observer');
}, 60_000);

test('a leader that leaves hands over first; nobody leaves if too few would be left', async () => {
  ensemble = await startEnsembleOf(3, settings);
  const leader = await ensemble.serving(3);
  const [first, second] = [1, 2, 3].filter((id) => id !== leader) as [number, number];
  const client = await clientOf([1, 2, 3]);
  await client.create('/a', undefined);
  await reconfig(client, { leavingServers: `${leader}` });
  await ensemble.kill(leader);
  const next = await ensemble.serving(2);
  expect([first, second]).toContain(next);
  expect(await members(next)).toEqual([`${first} participant`, `${second} participant`]);
  ensemble.start(leader);
  const other = await clientOf([first, second]);
  await grow(other, [leader]);

  const nowLeads = await ensemble.serving(3);
  const [killed, left] = [1, 2, 3].filter((id) => id !== nowLeads) as [number, number];
  await ensemble.kill(killed);
  const rest = await clientOf([nowLeads]);
  await pause(2_500);
  const refused = await rest.reconfig({ leavingServers: `${left}` });
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'newConfigNoQuorum' } });
  // The one that is down may leave: then two of two are there.
  await reconfig(rest, { leavingServers: `${killed}` });
  await Promise.all([client.close(), other.close(), rest.close()]);
}, 60_000);

test('volumes of voters that were removed long ago come back as learners and harm nobody', async () => {
  ensemble = await startEnsembleOf(3, settings);
  const client = await clientOf([1, 2, 3]);
  await client.create('/before', undefined);
  // It is cut off before it can hear of its removal.
  process.kill(ensemble.pid(3), 'SIGSTOP');
  await until('two lead', async () => {
    const modes = await Promise.all([1, 2].map((id) => ensemble!.mode(id)));
    return modes.includes('leader') && modes.includes('follower');
  });
  await reconfig(client, { leavingServers: '3' });
  await ensemble.kill(3);
  await reconfig(client, { leavingServers: '2' });
  await ensemble.kill(2);
  for (let index = 0; index < 50; index++) await client.create(`/n${index}`, undefined);
  // Two of the three that once voted, with their old logs: no majority of anything.
  await ensemble.kill(1);
  ensemble.start(2, [1, 2, 3]);
  ensemble.start(3, [1, 2, 3]);
  await pause(3_000);
  expect([await ensemble.mode(2), await ensemble.mode(3)]).toEqual(['none', 'none']);
  ensemble.start(1, [1, 2, 3]);
  await ensemble.serving(3);
  expect(await members(1)).toEqual(['1 participant']);
  const again = await clientOf([1]);
  await grow(again, [2, 3]);
  expect(await members(3)).toEqual(['1 participant', '2 participant', '3 participant']);
  const last = await clientOf([3]);
  await last.sync('/');
  expect(await last.exists('/n49')).toMatchObject({ ok: true, value: { dataLength: 0 } });
  await Promise.all([client.close(), again.close(), last.close()]);
}, 60_000);

test('a voter that has lost its volume only listens, until it was removed and has joined again', async () => {
  ensemble = await startEnsembleOf(3, settings);
  const leader = await ensemble.serving(3);
  const lost = [1, 2, 3].find((id) => id !== leader)!;
  const client = await clientOf([leader]);
  await client.create('/before', undefined);
  // The leader notes whose volume is whose within its first second.
  await pause(1_500);
  await ensemble.kill(lost);
  rmSync(join(ensemble.folder, `${lost}`, 'data'), { recursive: true });
  ensemble.start(lost);
  await until('it listens', async () => (await ensemble!.mode(lost)) === 'observer');
  expect(await members(lost)).toContain(`${lost} participant`);
  await reconfig(client, { leavingServers: `${lost}` });
  await grow(client, [lost]);
  expect(await members(leader)).toHaveLength(3);
  await client.close();
}, 60_000);
