import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { openAddressBook } from '../../../src/local/address-book.ts';
import { lockInstance } from '../../../src/local/index.ts';
import { createLogWriter, readLog } from '../../../src/local/kubelet/container-log.ts';
import { instanceVariable, openProcessRegistry, processStart } from '../../../src/local/kubelet/process-registry.ts';
import { startForwarder } from '../../../src/local/kubelet/tcp-forwarder.ts';
import { writeVolume } from '../../../src/local/kubelet/volume-store.ts';
import { silentLogger } from '../../support/deps.ts';

const root = mkdtempSync(join(tmpdir(), 'kubelet-files-'));
let count = 0;
const fresh = (): string => mkdtempSync(join(root, `${count++}-`));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a volume changes in one step: its files are links that lead through one', () => {
  const folder = join(fresh(), 'volume');
  writeVolume(
    folder,
    new Map([
      ['a', Buffer.from('1')],
      ['sub/b', Buffer.from('2')],
    ]),
  );
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('1');
  expect(readFileSync(join(folder, 'sub/b'), 'utf8')).toBe('2');
  const before = readdirSync(folder);
  writeVolume(
    folder,
    new Map([
      ['a', Buffer.from('1')],
      ['sub/b', Buffer.from('2')],
    ]),
  );
  expect(readdirSync(folder)).toEqual(before);
  writeVolume(
    folder,
    new Map([
      ['a', Buffer.from('new')],
      ['c', Buffer.from('3')],
    ]),
  );
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('new');
  expect(readdirSync(folder).filter((name) => !name.startsWith('..'))).toEqual(['a', 'c']);
  expect(readdirSync(folder).filter((name) => name.startsWith('..'))).toHaveLength(2);
});

async function logOf(path: string, options: Parameters<typeof readLog>[1]): Promise<string> {
  let text = '';
  const source = { path, appended: async () => {}, isOver: () => true };
  for await (const chunk of readLog(source, options, new AbortController().signal)) text += chunk.toString('utf8');
  return text;
}

test('a log gives back what was written, however it was cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[a-zé ]{0,30}$/), { maxLength: 20 }),
      fc.integer({ min: 1, max: 7 }),
      async (lines, size) => {
        const path = join(fresh(), 'a.log');
        const log = createLogWriter(
          path,
          () => 0,
          () => {},
        );
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        for (let from = 0; from < bytes.length; from += size) log.write('stdout', bytes.subarray(from, from + size));
        await log.end();
        expect(await logOf(path, {})).toBe(bytes.toString('utf8'));
      },
    ),
    { numRuns: 30 },
  );
});

test('a log can be read from its end, with times, and to a size', async () => {
  const path = join(fresh(), 'a.log');
  const log = createLogWriter(
    path,
    () => Date.parse('2026-01-01T00:00:00.5Z'),
    () => {},
  );
  log.write('stdout', Buffer.from('one\ntwo\n'));
  log.write('stderr', Buffer.from(`${'x'.repeat(20_000)}\nlast`));
  await log.end();
  expect(await logOf(path, { tailLines: 1 })).toBe('last\n');
  expect(await logOf(path, { tailLines: 2 })).toBe(`${'x'.repeat(20_000)}\nlast\n`);
  expect((await logOf(path, { timestamps: true })).split('\n')[0]).toBe('2026-01-01T00:00:00.500Z one');
  expect(await logOf(path, { limitBytes: 6 })).toBe('one\ntw');
  expect(await logOf(path, { sinceMs: Date.parse('2026-01-02T00:00:00Z') })).toBe('');
  expect(readFileSync(path, 'utf8').split('\n')[0]).toBe('2026-01-01T00:00:00.500Z stdout F one');
});

test('a log is rotated before it grows without end', async () => {
  const folder = fresh();
  const log = createLogWriter(
    join(folder, 'a.log'),
    () => 0,
    () => {},
  );
  const line = Buffer.from(`${'y'.repeat(10_000)}\n`);
  for (let written = 0; written < 2_500; written++) log.write('stdout', line);
  await log.end();
  expect(readdirSync(folder).sort()).toEqual(['a.log', 'a.log.1']);
}, 60_000);

test('addresses are kept for good and never given twice', () => {
  const file = join(fresh(), 'addresses.json');
  const book = openAddressBook(file, 77);
  const given = Array.from({ length: 300 }, (_, index) => book.ofPod(`default/web-${index}`));
  expect(new Set(given.map((answer) => answer.ok && answer.value)).size).toBe(300);
  expect(given[0]).toEqual({ ok: true, value: '127.77.1.1' });
  expect(book.ofLoadBalancer('default/web')).toEqual({ ok: true, value: '127.77.192.1' });
  const again = openAddressBook(file, 77);
  expect(again.ofPod('default/web-299')).toEqual(given[299]);
  expect(again.isOfPod({ host: '127.77.1.1', port: 9092 })).toBe(true);
  expect(again.isOfPod({ host: '127.77.192.1', port: 9092 })).toBe(false);
  writeFileSync(file, '{ cut off');
  expect(openAddressBook(file, 77).ofPod('default/other')).toEqual({ ok: true, value: '127.77.1.1' });
});

test('with one address only, each port of each pod gets another one, for good', () => {
  const file = join(fresh(), 'addresses.json');
  const book = openAddressBook(file, 77, [20_001, 20_002, 20_003]);
  book.ofPod('default/web-0');
  const first = book.served({ host: '127.77.1.1', port: 9092 });
  expect(first).toEqual({ ok: true, value: { host: '127.0.0.1', port: 20_001 } });
  expect(book.served({ host: '127.77.1.2', port: 9092 })).toMatchObject({ value: { port: 20_002 } });
  expect(book.served({ host: '127.0.0.1', port: 9092 })).toMatchObject({ value: { port: 9092 } });
  expect(book.isOfPod({ host: '127.0.0.1', port: 20_001 })).toBe(true);
  expect(book.isOfPod({ host: '127.0.0.1', port: 20_002 })).toBe(false);
  // 20002 is another program's by now.
  const again = openAddressBook(file, 77, [20_001, 20_003]);
  expect(again.portsOf('127.77.1.1')).toEqual(new Map([[9092, 20_001]]));
  expect(again.served({ host: '127.77.1.2', port: 9092 })).toMatchObject({ value: { port: 20_003 } });
  expect(again.served({ host: '127.77.1.3', port: 9092 })).toMatchObject({ ok: false });
});

test('a lock is held by a living process only', () => {
  const folder = join(fresh(), 'deep', 'data');
  const first = lockInstance(folder);
  expect(first.ok).toBe(true);
  expect(lockInstance(folder)).toMatchObject({
    ok: false,
    problem: { kind: 'inUse', message: expect.stringContaining(String(process.pid)) },
  });
  if (first.ok) first.value();
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: process.pid, startedAt: 'another time' }));
  expect(lockInstance(folder).ok).toBe(true);
  writeFileSync(join(folder, 'lock'), 'cut of');
  expect(lockInstance(folder).ok).toBe(true);
});

test('what an earlier run left is ended, recorded or not, and nothing else', async () => {
  const folder = join(fresh(), 'processes');
  const start = (environment: Record<string, string>) =>
    spawn('sleep', ['60'], { env: { PATH: process.env.PATH, ...environment }, detached: true, stdio: 'ignore' });
  const recorded = start({});
  const marked = start({ [instanceVariable]: folder });
  const stranger = start({});
  const registry = openProcessRegistry(folder, silentLogger);
  registry.remember(recorded.pid as number, 'default/web-0/main');
  // A record of a process id that was given to somebody else since.
  writeFileSync(
    join(folder, `${stranger.pid}.json`),
    JSON.stringify({ pid: stranger.pid, startedAt: 'long ago', what: 'old' }),
  );
  expect(await registry.endLeftovers()).toBe(process.platform === 'linux' ? 2 : 1);
  expect(processStart(recorded.pid as number)).toBeUndefined();
  if (process.platform === 'linux') expect(processStart(marked.pid as number)).toBeUndefined();
  expect(processStart(stranger.pid as number)).toBeDefined();
  expect(readdirSync(folder)).toEqual([]);
  stranger.kill('SIGKILL');
  marked.kill('SIGKILL');
});

test('a forwarder passes bytes both ways in turn, goes on when one side is half closed, and skips a dead back end', async () => {
  const backends = await Promise.all(
    ['first', 'second'].map(async (name) => {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        let received = 0;
        socket.on('data', (chunk) => {
          received += chunk.length;
        });
        socket.on('end', () => socket.end(`${name} ${received}`));
      });
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      return { server, host: '127.0.0.1', port: (server.address() as { port: number }).port };
    }),
  );
  const holder = createServer();
  await new Promise<void>((listening) => holder.listen(0, '127.0.0.1', listening));
  const { port } = holder.address() as { port: number };
  await new Promise((closed) => holder.close(closed));
  let list: { host: string; port: number }[] = backends;
  const forwarder = await startForwarder({ host: '127.0.0.1', port }, () => list);
  const ask = (): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk.toString('utf8');
      });
      socket.on('close', () => resolve(answer));
      socket.on('end', () => socket.end());
      socket.on('error', () => {});
      socket.end(Buffer.alloc(3_000_000));
    });
  expect([await ask(), await ask()].sort()).toEqual(['first 3000000', 'second 3000000']);
  list = [{ host: '127.0.0.1', port: 1 }, backends[0] as { host: string; port: number }];
  expect([await ask(), await ask()]).toEqual(['first 3000000', 'first 3000000']);
  list = [];
  expect(await ask()).toBe('');
  await forwarder.close();
  await Promise.all(backends.map(({ server }) => new Promise((closed) => server.close(closed))));
});
