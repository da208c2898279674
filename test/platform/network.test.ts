import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { nodeNetwork } from '../../src/platform/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'hikube-network-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a simulated pod listens on its own address and is found by its name in the hosts file', async () => {
  const hosts = join(folder, 'hosts');
  const network = nodeNetwork({ HIKUBE_HOSTS_FILE: hosts, HIKUBE_POD_ADDRESS: '127.0.0.1' });
  const listener = await network.listen({ host: '0.0.0.0', port: 0 }, (socket) => socket.end('hello'));
  expect(listener.address.host).toBe('127.0.0.1');
  writeFileSync(hosts, '# pods\n127.0.0.1 example-kafka-0.example-kafka-brokers.default.svc example-kafka-0\n');
  const socket = network.connect({
    host: 'Example-kafka-0.example-kafka-brokers.default.svc',
    port: listener.address.port,
  });
  const [data] = (await once(socket, 'data')) as [Buffer];
  expect(data.toString()).toBe('hello');
  await listener.close();
});

test('a port in use is an error of the listen call', async () => {
  const network = nodeNetwork({});
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, () => {});
  await expect(network.listen(listener.address, () => {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await listener.close();
});
