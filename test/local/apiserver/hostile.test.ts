import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { protobufObject } from '../../../src/local/apiserver/http/protobuf.ts';
import { Refusal } from '../../../src/local/apiserver/status.ts';
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

test('who has no certificate may ask for health and version, and nothing else', async () => {
  const ask = async (path: string): Promise<string> => {
    const { hostname, port } = new URL(client.url);
    const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  };
  expect(await ask('/readyz')).toContain('200 OK');
  expect(await ask('/version')).toContain('200 OK');
  expect(await ask('/api/v1/secrets')).toMatch(/401 Unauthorized[\s\S]*"reason":"Unauthorized"/);
});

test('bytes that are not TLS, a half request and silence cost a connection, not the server', async () => {
  const { hostname, port } = new URL(client.url);
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(4096, 0xff), Buffer.from([0x16, 3, 1])]) {
    const socket = connectTcp({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    socket.on('error', () => {});
    socket.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
  }
  expect((await client.get('/readyz')).status).toBe(200);
});

test('a body that is no JSON, too large or too deep is refused', async () => {
  expect((await client.post(maps, '{"a":')).status).toBe(400);
  expect((await client.post(maps, '[1,2]')).status).toBe(400);
  expect((await client.post(maps, '')).status).toBe(400);
  const large = await client.post(maps, `{"data":{"x":"${'y'.repeat(4 << 20)}"}}`).catch(() => ({ status: 413 }));
  expect(large.status).toBe(413);
  const deep = await client.post(maps, `{"metadata":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`);
  expect(deep.status).toBe(400);
  const yaml = await client.call('POST', maps, 'a: &a [*a', { 'Content-Type': 'application/yaml' });
  expect(yaml.status).toBe(400);
  const odd = await client.call('POST', maps, '{}', { 'Content-Type': 'image/png' });
  expect(odd.status).toBe(415);
});

test('names of the prototype are names like others', async () => {
  const text =
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"proto"},"data":{"__proto__":"x","constructor":"y"}}';
  const created = await client.post(maps, text);
  expect(created.status).toBe(201);
  expect(created.body.data.constructor).toBe('y');
  expect(Object.prototype).not.toHaveProperty('x');
  const patched = await client.json(`${maps}/proto`, [{ op: 'add', path: '/__proto__/polluted', value: 1 }]);
  expect(patched.status).toBeGreaterThanOrEqual(400);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect((await client.get('/apis/__proto__/v1/constructor')).status).toBe(404);
});

test('strange paths, queries and patches are refused with a Status', async () => {
  for (const path of [
    '/api/v1/namespaces/%ff/configmaps',
    '/api/v1/namespaces/default/configmaps/a/b/c',
    `${maps}?resourceVersion=x`,
    `${maps}?continue=@@@`,
    `${maps}?labelSelector=((`,
    `${maps}?watch=1&sendInitialEvents=true`,
    `${maps}?resourceVersion=999999999`,
  ]) {
    const { status, body } = await client.get(path);
    expect([path, status >= 400 && status <= 504, body.kind]).toEqual([path, true, 'Status']);
  }
  await client.post(maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'p' } });
  for (const patch of [{ spec: 1 }, 'x', [{ op: 'move' }], [{ op: 'remove', path: '/no/where' }], null, [null]]) {
    expect((await client.json(`${maps}/p`, patch)).status).toBeGreaterThanOrEqual(400);
  }
  expect((await client.strategic(`${maps}/p`, { metadata: { ownerReferences: [{ name: 'x' }] } })).status).toBe(400);
  expect((await client.merge(`${maps}/p`, [1])).status).toBe(400);
  expect((await client.merge(`${maps}/p`, { metadata: { name: 'q' } })).status).toBe(400);
  expect((await client.call('BREW', maps)).status).toBeGreaterThanOrEqual(400);
  expect(running.problems).toEqual([]);
});

test('no bytes make the reader of protobuf fail in another way than by refusing', () => {
  const envelope = Buffer.concat([
    Buffer.from('k8s\0'),
    Buffer.from([0x0a, 0x0f, 0x0a, 0x02, 0x76, 0x31, 0x12, 0x09]),
    Buffer.from('ConfigMap'),
  ]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, enveloped) => {
      const body = enveloped
        ? Buffer.concat([envelope, Buffer.from([0x12, bytes.length & 0x7f]), bytes])
        : Buffer.concat([Buffer.from('k8s\0'), bytes]);
      try {
        protobufObject(body);
      } catch (cause) {
        expect(cause).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 500 },
  );
});
