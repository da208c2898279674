import { once } from 'node:events';
import { connect } from 'node:tls';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import type { Clock } from '../../../src/base/index.ts';
import { clock, eventually, startedServer, temporaryFolder } from './support.ts';

const maps = '/api/v1/namespaces/default/configmaps';

test('a watcher that takes nothing is dropped, and the others go on', async () => {
  using folder = temporaryFolder();
  const running = await startedServer(folder.path);
  const { users } = load(running.server.kubeconfig) as { users: { user: Record<string, string> }[] };
  const credential = (name: string): Buffer => Buffer.from(users[0]?.user[name] ?? '', 'base64');
  const { hostname, port } = new URL(running.server.url);
  const slow = connect({
    host: hostname,
    port: Number(port),
    rejectUnauthorized: false,
    cert: credential('client-certificate-data'),
    key: credential('client-key-data'),
  });
  await once(slow, 'secureConnect');
  slow.on('error', () => {});
  let closed = false;
  slow.on('close', () => {
    closed = true;
  });
  slow.write(`GET ${maps}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(slow, 'data');
  slow.pause();
  const quick = running.client.watch(`${maps}?watch=1`);
  const filler = 'x'.repeat(900_000);
  await running.client.post(maps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'large' },
    data: { filler },
  });
  for (let round = 0; round < 30; round += 1)
    await running.client.merge(`${maps}/large`, { metadata: { labels: { round: String(round) } } });
  await quick.until(() => quick.events.length === 31);
  slow.resume();
  await eventually(async () => closed);
  quick.close();
  await running.stop();
}, 30_000);

test('events expire after an hour, by the clock that the server was given', async () => {
  using folder = temporaryFolder();
  const sweeps: (() => void)[] = [];
  let aheadMs = 0;
  const ahead: Clock = {
    ...clock,
    nowMs: () => Date.now() + aheadMs,
    every: (periodMs, call) => {
      sweeps.push(call);
      return clock.every(periodMs, call);
    },
  };
  const running = await startedServer(folder.path, { clock: ahead });
  const events = '/api/v1/namespaces/default/events';
  const event = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
    reason: 'R',
    message: 'm',
    type: 'Normal',
    lastTimestamp: new Date(ahead.nowMs()).toISOString().replace(/\.\d+/, ''),
  });
  await running.client.post(events, event('old'));
  aheadMs = 59 * 60_000;
  await running.client.post(events, event('new'));
  for (const sweep of sweeps) sweep();
  expect((await running.client.get(events)).body.items).toHaveLength(2);
  aheadMs = 61 * 60_000;
  for (const sweep of sweeps) sweep();
  const { body } = await running.client.get(events);
  expect(body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['new']);
  await running.stop();
});

test('a watch from further back than what is kept is told to list anew', async () => {
  using folder = temporaryFolder();
  const running = await startedServer(folder.path);
  const { body } = await running.client.post(maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'busy' } });
  for (let round = 0; round < 2100; round += 50) {
    const calls = Array.from({ length: 50 }, (_, index) =>
      running.client.merge(`${maps}/busy`, { data: { round: String(round + index) } }),
    );
    await Promise.all(calls);
  }
  const watch = running.client.watch(`${maps}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
  await watch.until(() => watch.events.length > 0);
  expect(watch.events[0]).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  await running.stop();
}, 30_000);
