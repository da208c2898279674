import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startApiServer } from '../../../src/local/apiserver/index.ts';
import { Store } from '../../../src/local/apiserver/store/store.ts';
import { Client, clock, quietLogger, startedServer, temporaryFolder } from './support.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const map = (name: string, value: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { value },
});

const unexpected = (problem: unknown): never => {
  throw problem;
};

test('what was acknowledged before kill -9 is there afterwards, and the revision goes on', async () => {
  using folder = temporaryFolder();
  const child = fork(join(import.meta.dirname, 'server-process.ts'), [folder.path], { stdio: 'inherit' });
  const [kubeconfig] = (await once(child, 'message')) as [string];
  const client = new Client(kubeconfig);
  const acknowledged: string[] = [];
  let lastRevision = 0;
  // Several writers at once, so that the kill meets writes under way.
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let index = 0; ; index += 1) {
      const name = `w${writer}-${index}`;
      const answer = await client.post(maps, map(name, name)).catch(() => undefined);
      if (answer === undefined) return;
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      acknowledged.push(name);
      lastRevision = Math.max(lastRevision, Number(answer.body.metadata.resourceVersion));
    }
  });
  while (acknowledged.length < 100) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGKILL');
  await once(child, 'exit');
  await Promise.all(writers);

  const again = await startedServer(folder.path);
  const { body } = await again.client.get(maps);
  const names = new Set(body.items.map((item: { metadata: { name: string } }) => item.metadata.name));
  expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
  const next = await again.client.post(maps, map('next', ''));
  expect(Number(next.body.metadata.resourceVersion)).toBeGreaterThan(lastRevision);
  await again.stop();
});

test('a restart keeps objects, the kubeconfig and the revision, and a watch from before it is told to list anew', async () => {
  using folder = temporaryFolder();
  const first = await startedServer(folder.path);
  const { body } = await first.client.post(maps, map('kept', '1'));
  await first.client.post(maps, map('gone', '1'));
  await first.client.remove(`${maps}/gone`);
  await first.stop();
  const second = await startedServer(folder.path);
  expect((await second.client.get(`${maps}/kept`)).body).toEqual(body);
  expect((await second.client.get(`${maps}/gone`)).status).toBe(404);
  const certificate = (text: string): string => /client-certificate-data: (.*)/.exec(text)?.[1] ?? '';
  expect(certificate(second.server.kubeconfig)).toBe(certificate(first.server.kubeconfig));
  const watch = second.client.watch(`${maps}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
  await watch.until(() => watch.events.length === 1);
  expect(watch.events[0]).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  await second.stop();
});

test('a last line that a crash left unfinished is cut off', async () => {
  using folder = temporaryFolder();
  const first = await startedServer(folder.path);
  await first.client.post(maps, map('whole', '1'));
  await first.stop();
  const [name = ''] = readdirSync(folder.path).filter((file) => file.endsWith('.journal'));
  appendFileSync(join(folder.path, name), '01234567 {"revision":999,"bucket":"configm');
  const second = await startedServer(folder.path);
  expect((await second.client.get(`${maps}/whole`)).status).toBe(200);
  await second.client.post(maps, map('after', '1'));
  await second.stop();
  const third = await startedServer(folder.path);
  expect((await third.client.get(`${maps}/after`)).status).toBe(200);
  await third.stop();
});

test('a journal that is damaged in its middle is refused with its line, not served', async () => {
  using folder = temporaryFolder();
  const first = await startedServer(folder.path);
  await first.client.post(maps, map('one', 'aaaa'));
  await first.client.post(maps, map('two', 'bbbb'));
  await first.stop();
  const [name = ''] = readdirSync(folder.path).filter((file) => file.endsWith('.journal'));
  const path = join(folder.path, name);
  writeFileSync(path, readFileSync(path, 'utf8').replace('aaaa', 'aaab'));
  const refused = await startApiServer({ folder: folder.path, port: 0, clock, logger: quietLogger() });
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'data-damaged' } });
  expect(!refused.ok && refused.problem.message).toMatch(/line \d+ does not match its checksum/);
});

test('the journal is rewritten when it has grown, and keeps what lives', async () => {
  using folder = temporaryFolder();
  const opened = await Store.open(folder.path, unexpected);
  if (!opened.ok) throw new Error(opened.problem.message);
  const store = opened.value;
  const filler = 'x'.repeat(100_000);
  for (let round = 0; round < 120; round += 1) {
    store.put('things', `/t${round % 3}`, {
      apiVersion: 'v1',
      kind: 'Thing',
      metadata: { name: `t${round % 3}` },
      round,
      filler,
    });
    if (round % 10 === 0) await store.durable();
  }
  await store.durable();
  const { revision } = store;
  await store.close();
  const files = readdirSync(folder.path).filter((file) => file.endsWith('.journal'));
  expect(files).toHaveLength(1);
  expect(files[0]).not.toBe('objects-0000000001.journal');
  expect(statSync(join(folder.path, files[0] as string)).size).toBeLessThan(8 << 20);
  const again = await Store.open(folder.path, unexpected);
  if (!again.ok) throw new Error(again.problem.message);
  expect(again.value.revision).toBe(revision);
  expect(again.value.list('things').map((thing) => thing.round)).toEqual([117, 118, 119]);
  await again.value.close();
});

test('after a write that failed nothing is acknowledged any more, and what to do is said', async () => {
  using folder = temporaryFolder();
  const problems: string[] = [];
  const opened = await Store.open(folder.path, (problem, during) =>
    problems.push(`${during}: ${(problem as Error).message}`),
  );
  if (!opened.ok) throw new Error(opened.problem.message);
  const store = opened.value;
  const thing = (name: string) => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name } });
  store.put('things', '/a', thing('a'));
  await store.durable();
  // A closed file fails as a full disk does.
  await store.close();
  store.put('things', '/b', thing('b'));
  await expect(store.durable()).rejects.toThrow(/could not be written .* make room for it, then start again/);
  expect(() => store.put('things', '/c', thing('c'))).toThrow('could not be written');
  expect(store.get('things', '/c')).toBeUndefined();
  expect(problems).toHaveLength(1);
  const again = await Store.open(folder.path, unexpected);
  expect(again.ok && again.value.list('things').map((object) => object.metadata.name)).toEqual(['a']);
  if (again.ok) await again.value.close();
});

test('a second instance on the same folder is refused and told who is there', async () => {
  using folder = temporaryFolder();
  const first = await startedServer(folder.path);
  const second = await startApiServer({ folder: folder.path, port: 0, clock, logger: quietLogger() });
  expect(second).toMatchObject({ ok: false, problem: { kind: 'folder-in-use' } });
  expect(!second.ok && second.problem.message).toContain(`process ${process.pid}`);
  await first.stop();
  expect(existsSync(join(folder.path, 'lock'))).toBe(false);
});

test('the lock of a process that is gone is taken over', async () => {
  using folder = temporaryFolder();
  // No process has had this id since the machine started at that time.
  writeFileSync(join(folder.path, 'lock'), '999999999 1\n');
  const started = await startedServer(folder.path);
  await started.stop();
});

test('a port in use is refused with what to do, and leaves the folder free', async () => {
  using folder = temporaryFolder();
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as { port: number };
  const refused = await startApiServer({ folder: folder.path, port, clock, logger: quietLogger() });
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'port-in-use' } });
  expect(!refused.ok && refused.problem.message).toContain(`Port ${port} on 127.0.0.1 is in use`);
  blocker.close();
  const started = await startedServer(folder.path);
  await started.stop();
});

test('a folder that cannot be made or written is refused with what to do', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'file');
  writeFileSync(file, '');
  const refused = await startApiServer({ folder: join(file, 'data'), port: 0, clock, logger: quietLogger() });
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'folder-not-writable' } });
  if (process.getuid?.() === 0) return;
  const readOnly = join(folder.path, 'read-only');
  mkdirSync(readOnly);
  chmodSync(readOnly, 0o500);
  const again = await startApiServer({ folder: readOnly, port: 0, clock, logger: quietLogger() });
  expect(again).toMatchObject({ ok: false, problem: { kind: 'folder-not-writable' } });
});
