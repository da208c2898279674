import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { hostsFileOf, nodeNetwork } from '../../src/platform/index.ts';

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

test('pods that share one address are told apart by the ports in the hosts file', async () => {
  const hosts = join(folder, 'shared');
  const closers: (() => Promise<void>)[] = [];
  const free = async (): Promise<number> => {
    const listener = await nodeNetwork({}).listen({ host: '127.0.0.1', port: 0 }, () => {});
    await listener.close();
    return listener.address.port;
  };
  const lines: string[] = [];
  for (const [index, pod] of ['web-0', 'web-1'].entries()) {
    const port = await free();
    const network = nodeNetwork({ HIKUBE_POD_ADDRESS: '127.0.0.1', HIKUBE_POD_PORTS: `9092=${port},9404=1` });
    const listener = await network.listen({ host: '0.0.0.0', port: 9092 }, (socket) => socket.end(pod));
    expect(listener.address).toEqual({ host: '127.0.0.1', port });
    const undeclared = await network.listen({ host: '::', port: 8080 }, () => {});
    expect(undeclared.address.port).not.toBe(8080);
    closers.push(listener.close, undeclared.close);
    lines.push(`127.77.1.${index + 1} ${pod} web # ports 9092=${port} 9404=1\n`);
  }
  writeFileSync(hosts, lines.join(''));
  const { connect } = nodeNetwork({ HIKUBE_HOSTS_FILE: hosts });
  const answerOf = async (host: string): Promise<string> => {
    const [data] = (await once(connect({ host, port: 9092 }), 'data')) as [Buffer];
    return data.toString();
  };
  expect(await answerOf('web-1')).toBe('web-1');
  expect(await answerOf('Web-0.')).toBe('web-0');
  expect(await answerOf('127.77.1.2')).toBe('web-1');
  expect([await answerOf('web'), await answerOf('web')].sort()).toEqual(['web-0', 'web-1']);
  const file = hostsFileOf(hosts);
  expect(file.addressesOf('web')).toEqual(['127.77.1.1', '127.77.1.2']);
  expect(file.servedAt('web', 2181)).toEqual([]);
  expect(file.servedAt('elsewhere', 9092)).toEqual([]);
  for (const close of closers) await close();
});

test('a port in use is an error of the listen call', async () => {
  const network = nodeNetwork({});
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, () => {});
  await expect(network.listen(listener.address, () => {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await listener.close();
});
