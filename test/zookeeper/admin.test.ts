import { afterEach, beforeEach, expect, test } from 'vitest';
import { metricsOf, serveAdmin } from '../../src/zookeeper/index.ts';
import { type OwnServer, startOwn } from '../support/zookeeper/own-server.ts';
import { WireClient } from '../support/zookeeper/wire-client.ts';

let server: OwnServer;
let admin: { readonly address: { readonly port: number }; close(): Promise<void> };
beforeEach(async () => {
  server = await startOwn();
  const served = await serveAdmin({ host: '127.0.0.1', port: 0, path: '/commands' }, server.server);
  if (!served.ok) throw new Error(served.problem);
  admin = served.value;
});
afterEach(async () => {
  await admin.close();
  await server.stop();
});

const ask = async (path: string): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(`http://127.0.0.1:${admin.address.port}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

test('every admin command answers JSON under all its names, and unknown ones are told', async () => {
  const client = new WireClient(server.port);
  await client.open();
  await client.call({ op: 'getData', path: '/', watch: true });
  const list = await (await fetch(`http://127.0.0.1:${admin.address.port}/commands`)).text();
  const names = [...list.matchAll(/commands\/(\w+)"/g)].map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(15);
  for (const name of [...names, 'srvr', 'mntr', 'conf', 'cons', 'wchs', 'wchc', 'wchp', 'lead', 'isro']) {
    const { status, body } = await ask(`/commands/${name}`);
    expect([name, status]).toEqual([name, 200]);
    expect(body).toMatchObject({ error: null });
  }
  expect((await ask('/commands/monitor')).body).toMatchObject({
    server_state: 'standalone',
    znode_count: 4,
    watch_count: 1,
  });
  expect((await ask('/commands/server_stats')).body).toMatchObject({ server_stats: { server_state: 'standalone' } });
  expect((await ask('/commands/leader')).body).toMatchObject({ is_leader: true });
  expect((await ask('/commands/nonsense')).status).toBe(404);
  client.destroy();
});

test('metrics have the names that dashboards know', () => {
  const names = metricsOf(server.server).map(({ name }) => name);
  for (const name of [
    'znode_count',
    'num_alive_connections',
    'outstanding_requests',
    'avg_latency',
    'watch_count',
    'ephemerals_count',
    'packets_received',
    'approximate_data_size',
    'uptime',
    'global_sessions',
  ]) {
    expect(names).toContain(name);
  }
  expect(new Set(names).size).toBe(names.length);
});
