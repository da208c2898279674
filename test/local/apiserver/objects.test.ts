import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, type Running, startedServer, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
let running: Running;
let client: Client;

beforeAll(async () => {
  running = await startedServer(folder.path);
  client = running.client;
});
afterAll(async () => {
  await running.stop();
  folder[Symbol.dispose]();
});

const maps = '/api/v1/namespaces/default/configmaps';
const map = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

test('a created object gets a uid, a time and a revision, and is found under its name', async () => {
  const created = await client.post(maps, map('first', { a: '1' }));
  expect(created.status).toBe(201);
  expect(created.body.metadata).toMatchObject({ name: 'first', namespace: 'default' });
  expect(created.body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
  const read = await client.get(`${maps}/first`);
  expect(read.body).toEqual(created.body);
});

test('a second object of the same name is refused', async () => {
  await client.post(maps, map('twice'));
  const again = await client.post(maps, map('twice'));
  expect(again.status).toBe(409);
  expect(again.body).toMatchObject({ reason: 'AlreadyExists', message: 'configmaps "twice" already exists' });
});

test('a stale resourceVersion conflicts, and a write that changes nothing keeps the revision', async () => {
  const { body } = await client.post(maps, map('stale', { a: '1' }));
  const changed = await client.put(`${maps}/stale`, { ...body, data: { a: '2' } });
  expect(changed.status).toBe(200);
  const again = await client.put(`${maps}/stale`, { ...body, data: { a: '3' } });
  expect(again.status).toBe(409);
  expect(again.body.message).toContain('the object has been modified');
  const same = await client.put(`${maps}/stale`, changed.body);
  expect(same.body.metadata.resourceVersion).toBe(changed.body.metadata.resourceVersion);
});

test('a watch shows changes from the revision on that it was asked for', async () => {
  const { body } = await client.get(maps);
  const watch = client.watch(`${maps}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
  await client.post(maps, map('seen', { a: '1' }));
  await client.merge(`${maps}/seen`, { data: { a: '2' } });
  await client.remove(`${maps}/seen`);
  await watch.until(() => watch.events.length === 3);
  expect(watch.events.map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  watch.close();
});

test('a list that a watch streams ends in a bookmark', async () => {
  const watch = client.watch(
    `${maps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  );
  await watch.until(() => watch.events.some((event) => event.type === 'BOOKMARK'));
  const bookmark = watch.events.at(-1);
  expect(bookmark?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  expect(watch.events.length).toBeGreaterThan(1);
  watch.close();
});

test('an unknown field is refused when the client asks for strict decoding', async () => {
  const answer = await client.post('/api/v1/namespaces/default/services?fieldValidation=Strict', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'odd' },
    spec: { foo: 1, ports: [{ port: 80, bar: 2 }] },
  });
  expect(answer.status).toBe(400);
  expect(answer.body.message).toBe(
    'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.foo", unknown field "spec.ports[0].bar"',
  );
});

test('a namespace that is not there takes no objects', async () => {
  const answer = await client.post('/api/v1/namespaces/nowhere/configmaps', map('lost'));
  expect(answer.status).toBe(404);
  expect(answer.body.message).toBe('namespaces "nowhere" not found');
});
