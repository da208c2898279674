import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Clock } from '../../../src/base/index.ts';
import { SocketServer, type SocketServerOptions } from '../../../src/broker/socket/socket-server.ts';
import { nodeNetwork } from '../../../src/platform/index.ts';
import { until } from '../../support/broker/own-broker.ts';
import { silentLogger } from '../../support/zookeeper/own-server.ts';

/** Time stands still until the test moves it; sweeps run when the test says so. */
class HandClock implements Clock {
  now = 0;
  sweep: () => void = () => undefined;
  nowMs = (): number => this.now;
  monotonicMs = (): number => this.now;
  after = (): { cancel(): void } => ({ cancel: () => undefined });
  every = (_: number, call: () => void): { cancel(): void } => {
    this.sweep = call;
    return { cancel: () => undefined };
  };
  pass(ms: number): void {
    this.now += ms;
    this.sweep();
  }
}

const clock = new HandClock();
let server: SocketServer;
const sockets: Socket[] = [];

async function open(
  options: Partial<SocketServerOptions> = {},
): Promise<() => Promise<{ socket: Socket; closed: Promise<boolean> }>> {
  server = new SocketServer(
    {
      listeners: [{ name: 'PLAIN', host: '127.0.0.1', port: 0 }],
      requestMaxBytes: 1000,
      connectionsMax: 100,
      connectionsPerAddressMax: 100,
      idleMaxMs: 600_000,
      ...options,
    },
    {
      network: nodeNetwork(),
      clock,
      logger: silentLogger,
      admit: () => ({ isSerial: false, run: () => [Buffer.from('ok')] }),
    },
  );
  const port = (await server.listen()).get('PLAIN')?.port as number;
  return async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    sockets.push(socket);
    const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)));
    await new Promise((done) => socket.once('connect', done));
    return { socket, closed };
  };
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.endAll();
  await server.stopListening();
});

test('a half message and then silence ends the connection, a whole one and silence only when it is idle for long', async () => {
  const client = await open();
  const half = await client();
  const whole = await client();
  half.socket.write(Buffer.from('00000064ff', 'hex'));
  whole.socket.write(Buffer.from('00000001ff', 'hex'));
  await new Promise((done) => whole.socket.once('data', done));
  await until(() => server.connectionCount === 2, 'both are there');
  await new Promise((done) => setTimeout(done, 20));
  clock.pass(29_000);
  expect(server.connectionCount).toBe(2);
  clock.pass(2_000);
  expect(await half.closed).toBe(true);
  expect(server.connectionCount).toBe(1);
  clock.pass(600_000);
  expect(await whole.closed).toBe(true);
});

test('connections beyond a limit are turned away, and there is room again when one has left', async () => {
  const client = await open({ connectionsPerAddressMax: 2 });
  const [first] = [await client(), await client()];
  await until(() => server.connectionCount === 2, 'two are there');
  const third = await client();
  expect(await third.closed).toBe(true);
  expect(server.refused).toBe(1);
  first?.socket.destroy();
  await until(() => server.connectionCount === 1, 'one has left');
  await client();
  await until(() => server.connectionCount === 2, 'another has come');
});

test('many announced frames of which little comes cost little memory', async () => {
  const client = await open({ requestMaxBytes: 100_000_000 });
  const before = process.memoryUsage().rss;
  for (let index = 0; index < 50; index++) {
    const { socket } = await client();
    socket.write(Buffer.from('05f5e100ff', 'hex'));
  }
  await until(() => server.connectionCount === 50, 'all are there');
  await new Promise((done) => setTimeout(done, 50));
  expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
});
