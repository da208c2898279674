import { spawnSync } from 'node:child_process';
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
