import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { classPathOf } from '../support/originals.ts';
import { startApache } from '../support/zookeeper/apache-server.ts';
import { spawnOwn, startOwn } from '../support/zookeeper/own-server.ts';
import { playTranscript } from '../support/zookeeper/transcript.ts';
import { WireClient } from '../support/zookeeper/wire-client.ts';

const openAcl = [{ perms: 31, scheme: 'world', id: 'anyone' }];

/** Every node that a client can see, with its stat, as text. */
async function everything(port: number): Promise<string[]> {
  const client = new WireClient(port);
  await client.open();
  const lines: string[] = [];
  const walk = async (path: string): Promise<void> => {
    const data = await client.call({ op: 'getData', path, watch: false });
    const acl = await client.call({ op: 'getAcl', path });
    const children = await client.call({ op: 'getChildren', path, watch: false });
    lines.push(
      `${path} ${JSON.stringify([data?.error, data?.body, acl?.body], (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`,
    );
    if (children?.body?.kind !== 'children') return;
    for (const name of [...children.body.children].sort()) await walk(path === '/' ? `/${name}` : `${path}/${name}`);
  };
  await walk('/');
  await client.call({ op: 'closeSession' });
  return lines;
}

/** Random changes, whose sessions end as in a crash. */
async function fill(port: number, seed: number): Promise<void> {
  await playTranscript(port, seed, 400);
  const client = new WireClient(port);
  await client.open({ timeoutMs: 40_000 });
  for (let index = 0; index < 50; index++) {
    await client.call({
      op: 'create',
      path: `/seed-${seed}-`,
      data: Buffer.alloc(index * 20, 'y'),
      acl: openAcl,
      flags: 2,
    });
  }
  await client.call({ op: 'create', path: `/ephemeral-${seed}`, data: undefined, acl: openAcl, flags: 1 });
  client.destroy();
}

test('the same random requests are answered as by Apache ZooKeeper 3.9', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const apache = await startApache();
    const own = await startOwn();
    try {
      const expected = await playTranscript(apache.port, seed, 2_000);
      const heard = await playTranscript(own.port, seed, 2_000);
      for (const [index, line] of heard.entries()) expect(line).toEqual(expected[index]);
    } finally {
      await apache.stop();
      await own.stop();
    }
  }
});

test('Apache ZooKeeper starts on a folder of ours after kill -9, and ours on its, with everything there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zookeeper-exchange-'));
  try {
    let seen: string[] = [];
    for (let round = 0; round < 4; round++) {
      // What a session's end removes must not differ: the ephemeral node is looked at while its session lives.
      const server =
        round % 2 === 0
          ? await spawnOwn({ folder, settings: ['snapCount=150'] })
          : await startApache({ folder, settings: ['snapCount=150'] });
      const found = await everything(server.port);
      if (round > 0) expect(found).toEqual(seen);
      await fill(server.port, 50 + round);
      seen = await everything(server.port);
      expect(seen.some((line) => line.startsWith(`/ephemeral-${50 + round} `))).toBe(true);
      if ('kill' in server) await server.kill('SIGKILL');
      else await server.stop('SIGKILL');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Every node that `user:password` can see, but the server's own: data and ACL. */
async function contents(port: number): Promise<Record<string, unknown>> {
  const client = new WireClient(port);
  await client.open();
  await client.call({ op: 'auth', type: 0, scheme: 'digest', auth: Buffer.from('user:password') });
  const found: Record<string, unknown> = {};
  const walk = async (path: string): Promise<void> => {
    const data = await client.call({ op: 'getData', path, watch: false });
    const acl = await client.call({ op: 'getAcl', path });
    found[path] = {
      data: data?.body?.kind === 'data' ? data.body.data?.toString('hex') : data?.error,
      acl: acl?.body?.kind === 'acl' ? acl.body.acl : acl?.error,
    };
    const children = await client.call({ op: 'getChildren', path, watch: false });
    if (children?.body?.kind !== 'children') return;
    for (const name of children.body.children) {
      if (name !== 'zookeeper') await walk(path === '/' ? `/${name}` : `${path}/${name}`);
    }
  };
  await walk('/');
  client.destroy();
  return found;
}

/** Not synchronous: a server whose output nobody takes stands still. */
function backupCommand(...args: string[]): Promise<void> {
  const main = join(import.meta.dirname, '../../src/main.ts');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [main, 'zookeeper', ...args, '--auth', 'user:password'], (error, _, said) => {
      if (error === null) resolve();
      else reject(new Error(said));
    });
  });
}

test('a backup of ours and one of Apache ZooKeeper are restored into ours and into Apache ZooKeeper', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zookeeper-backup-'));
  const startOurs = async (name: string) => {
    const { port, kill } = await spawnOwn({ folder: join(folder, name) });
    return { port, stop: () => kill('SIGKILL') };
  };
  const own = await startOurs('source');
  const apache = await startApache();
  const targets = [await startOurs('one'), await startApache(), await startOurs('two'), await startApache()];
  try {
    for (const { port } of [own, apache]) {
      const client = new WireClient(port);
      await client.open();
      await client.call({ op: 'auth', type: 0, scheme: 'digest', auth: Buffer.from('user:password') });
      const create = async (path: string, data: Buffer | undefined, acl = openAcl, flags = 0): Promise<void> => {
        expect(await client.call({ op: 'create', path, data, acl, flags })).toMatchObject({ error: 0 });
      };
      await create('/a', Buffer.from([0, 255, 128, 10]));
      await create('/a/ä-\u3042', Buffer.alloc(0));
      await create('/a/none', undefined);
      await create('/a/long', Buffer.alloc(200_000, 'l'));
      await create('/a/mine', Buffer.from('m'), [{ perms: 31, scheme: 'auth', id: '' }]);
      await create('/a/mine/below', Buffer.from('b'), [{ perms: 1, scheme: 'world', id: 'anyone' }]);
      await create('/a/gone', Buffer.from('e'), openAcl, 1);
      for (let index = 0; index < 300; index++) await create(`/a/n${index}`, Buffer.from(`${index}`));
      client.destroy();
    }
    const expected = await contents(own.port);
    delete expected['/a/gone'];
    expect(Object.keys(expected).length).toBe(307);
    let next = 0;
    for (const [name, source] of Object.entries({ own, apache })) {
      const file = join(folder, `${name}.jsonl`);
      await backupCommand('backup', file, '--server', `127.0.0.1:${source.port}`);
      for (const target of targets.slice(next, next + 2)) {
        await backupCommand('restore', file, '--server', `127.0.0.1:${target.port}`);
        expect(await contents(target.port)).toEqual(expected);
      }
      next += 2;
    }
  } finally {
    for (const server of [own, apache, ...targets]) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

function zkCli(port: number, ...command: string[]): { status: number | null; text: string } {
  const result = spawnSync(
    'java',
    [
      '-Dzookeeper.extendedTypesEnabled=true',
      '-cp',
      classPathOf('zookeeper-3.9'),
      'org.apache.zookeeper.ZooKeeperMain',
      '-waitforconnection',
      '-server',
      `127.0.0.1:${port}`,
      ...command,
    ],
    { encoding: 'utf8', timeout: 60_000 },
  );
  const text = `${result.stdout}${result.stderr}`
    .split('\n')
    .filter((line) => !/\[main|WATCHER|WatchedEvent|^$|DEBUG|INFO|Connecting to/.test(line))
    .join('\n');
  return { status: result.status, text };
}

test('zkCli does its everyday commands', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zookeeper-cli-'));
  const own = await spawnOwn({ folder });
  const { port } = own;
  try {
    everyday(port);
  } finally {
    await own.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});

function everyday(port: number): void {
  expect(zkCli(port, 'create', '/cli', 'hello').text).toContain('Created /cli');
  expect(zkCli(port, 'get', '-s', '/cli').text).toMatch(/hello[\s\S]*dataLength = 5/);
  expect(zkCli(port, 'create', '-s', '/cli/n-', 'x').text).toContain('Created /cli/n-0000000000');
  expect(zkCli(port, 'create', '-t', '100000', '/cli/ttl', 'x').text).toContain('Created /cli/ttl');
  expect(zkCli(port, 'create', '-c', '/cli/container').text).toContain('Created /cli/container');
  expect(zkCli(port, 'ls', '-R', '/cli').text).toContain('/cli/n-0000000000');
  expect(zkCli(port, 'set', '/cli', 'world').status).toBe(0);
  expect(zkCli(port, 'setAcl', '/cli', 'world:anyone:crwda').status).toBe(0);
  expect(zkCli(port, 'getAcl', '/cli').text).toContain("'world,'anyone");
  expect(zkCli(port, 'setquota', '-n', '1000', '/cli').status).toBe(0);
  expect(zkCli(port, 'listquota', '/cli').text).toMatch(/count=4/);
  expect(zkCli(port, 'stat', '/nowhere').text).toMatch(/does not exist/);
  expect(zkCli(port, 'deleteall', '/cli').status).toBe(0);
  expect(zkCli(port, 'whoami').text).toContain('ip: 127.0.0.1');
  expect(zkCli(port, 'config').status).toBe(0);
}
