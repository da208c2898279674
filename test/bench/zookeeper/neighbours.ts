import { connect, type Socket } from 'node:net';
import {
  encodeConnectRequest,
  JuteWriter,
  sessionId,
  writeRequestFrame,
} from '../../../src/protocol/zookeeper/index.ts';
import type { Facts } from './facts.ts';
import { createOf, DATA, freshPath, Load, openMany } from './load.ts';
import { type Kind, quantile, rssMb, type Servers, sleep, start } from './servers.ts';

const PROBES = 2_000;
const NON_READERS = 50;
const DRIPPERS = 200;
const CHILDREN = 2_000;

/**
 * How bad clients hurt a good one: the p99 of its requests (one at a time, every fifth a write) with nobody else there,
 * and while others do harm, and what memory it costs.
 */
export async function neighbours(kind: Kind, halfOpen: number): Promise<Facts> {
  const servers = await start(kind, 1);
  try {
    const [port] = servers.ports as [number];
    const good = await Load.open(port);
    const path = freshPath();
    await good.one(createOf(path));
    const probe = async (): Promise<number> => {
      const latencies = await good.run(PROBES, 1, (index) =>
        index % 5 === 0 ? { op: 'setData', path, data: DATA, version: -1 } : { op: 'getData', path, watch: false },
      );
      return quantile(latencies, 0.99);
    };
    await probe();
    const alone = await probe();
    const restMb = rssMb(servers);
    const facts: Facts = { 'p99 alone, ms': alone };
    const during = async (name: string, make: (servers: Servers) => Promise<() => void>): Promise<void> => {
      const undo = await make(servers);
      facts[`p99 beside ${name}, ms`] = await probe();
      facts[`RSS grown by ${name}, MB`] = rssMb(servers) - restMb;
      undo();
      await sleep(500);
    };
    await during(`${halfOpen} silent connections`, () => silent(port, halfOpen));
    await during(`${NON_READERS} clients that never read`, () => nonReaders(port));
    await during(`${DRIPPERS} clients of one byte a second`, () => drippers(port));
    facts['p99 after all, ms'] = await probe();
    if (good.closed || good.errors > 0) throw new Error('the good client was hurt');
    return facts;
  } finally {
    await servers.stop();
  }
}

/** TCP connections that say nothing. */
async function silent(port: number, count: number): Promise<() => void> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Math.min(500, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => connected(port)))));
  }
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** Clients that ask for long answers and watch a busy node, and take nothing. */
async function nonReaders(port: number): Promise<() => void> {
  const [maker] = (await openMany([port], 1)) as [Load];
  const parent = freshPath();
  const busy = freshPath();
  await maker.one(createOf(parent));
  await maker.one(createOf(busy));
  await maker.run(CHILDREN, 64, (index) => createOf(`${parent}/a-child-with-a-long-name-${index}`));
  const loads = await openMany([port], NON_READERS);
  for (const { socket } of loads) socket.pause();
  const writer = new JuteWriter();
  for (let xid = 1; xid <= 500; xid++) {
    writeRequestFrame(writer, xid, { op: 'getChildren2', path: parent, watch: true });
    writeRequestFrame(writer, xid + 1_000, { op: 'getData', path: busy, watch: true });
  }
  writeRequestFrame(writer, 5_000, { op: 'addWatch', path: busy, mode: 1 });
  const bytes = Buffer.from(writer.take());
  for (const { socket } of loads) socket.write(bytes);
  await sleep(500);
  let going = true;
  const change = async (): Promise<void> => {
    while (going && !maker.closed) await maker.one({ op: 'setData', path: busy, data: DATA, version: -1 });
  };
  void change().catch(() => {});
  return () => {
    going = false;
    for (const load of [...loads, maker]) load.close();
  };
}

/** Clients whose connect request comes one byte a second. */
async function drippers(port: number): Promise<() => void> {
  const hello = encodeConnectRequest({
    ...{ protocolVersion: 0, lastZxidSeen: 0, timeoutMs: 10_000, sessionId: sessionId(0n), readOnly: false },
    password: Buffer.alloc(16),
  });
  const sockets = await Promise.all(Array.from({ length: DRIPPERS }, () => connected(port)));
  let at = 0;
  const timer = setInterval(() => {
    const byte = hello.subarray(at, ++at);
    for (const socket of sockets) socket.write(byte);
  }, 1_000);
  await sleep(2_500);
  return () => {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  };
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}
