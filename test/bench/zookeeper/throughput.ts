import type { Request } from '../../../src/protocol/zookeeper/index.ts';
import { createOf, DATA, freshPath, type Load, openMany } from './load.ts';
import { cpuMs, mode, quantile, type Servers, sleep } from './servers.ts';

export const operations = ['create', 'set', 'get', 'delete', 'mixed 9:1'] as const;
export type Operation = (typeof operations)[number];

const CLIENTS = 4;
const IN_FLIGHT = 64;
const KNOWN = 100;

export type Run = {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of all servers together, in microseconds a request. */
  readonly cpu: number;
};

/** One client that waits for each answer, or four with 64 requests under way each. */
export type Manner = 'one at a time' | 'pipelined';
export const mannerText: Record<Manner, string> = {
  'one at a time': 'one at a time',
  pipelined: `${CLIENTS} x ${IN_FLIGHT} in flight`,
};

/** Followers first: a single client is a follower's, as most are, with either kind of server. */
export async function followersFirst({ ports }: Servers): Promise<number[]> {
  if (ports.length === 1) return [...ports];
  const modes = await Promise.all(ports.map(async (port) => ({ port, leads: (await mode(port)) === 'leader' })));
  return modes.sort((a, b) => Number(a.leads) - Number(b.leads)).map(({ port }) => port);
}

const ATTEMPTS = 3;

/** One run of one operation over `count` requests, spread evenly over clients and servers. */
export async function measure(servers: Servers, operation: Operation, manner: Manner, count: number): Promise<Run> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await measureOnce(servers, operation, manner, count);
    } catch (error) {
      // On a starved machine an ensemble may lose its leader, and then all its clients, in the middle of a run.
      if (attempt === ATTEMPTS) throw error;
      process.stdout.write(`  ${servers.kind}, ${operation}: ${(error as Error).message}; once more\n`);
      await sleep(1_000);
    }
  }
}

async function measureOnce(servers: Servers, operation: Operation, manner: Manner, count: number): Promise<Run> {
  const clients = manner === 'one at a time' ? 1 : CLIENTS;
  const inFlight = manner === 'one at a time' ? 1 : IN_FLIGHT;
  const loads = await openMany(await followersFirst(servers), clients);
  const root = freshPath();
  const [first] = loads as [Load, ...Load[]];
  await first.one(createOf(root));
  const each = Math.ceil(count / clients);
  const path = (client: number, index: number): string => `${root}/n${client}-${index}`;
  const prepare = operation === 'create' ? 0 : operation === 'delete' ? each : KNOWN;
  await Promise.all(
    loads.map((load, client) =>
      load.run(prepare || 1, IN_FLIGHT, (index) =>
        createOf(prepare === 0 ? `${root}/x${client}` : path(client, index)),
      ),
    ),
  );
  const make =
    (client: number) =>
    (index: number): Request => {
      const known = path(client, index % KNOWN);
      if (operation === 'create') return createOf(path(client, index));
      if (operation === 'delete') return { op: 'delete', path: path(client, index), version: -1 };
      const set = operation === 'set' || (operation === 'mixed 9:1' && index % 10 === 0);
      return set
        ? { op: 'setData', path: known, data: DATA, version: -1 }
        : { op: 'getData', path: known, watch: false };
    };
  const beforeMs = cpuMs(servers);
  const began = performance.now();
  const latencies = (await Promise.all(loads.map((load, client) => load.run(each, inFlight, make(client))))).flat();
  const seconds = (performance.now() - began) / 1000;
  const cpu = ((cpuMs(servers) - beforeMs) * 1000) / latencies.length;
  for (const load of loads) {
    if (load.errors > 0) throw new Error(`${servers.kind}, ${operation}: ${load.errors} requests failed`);
    load.close();
  }
  return { perSecond: latencies.length / seconds, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), cpu };
}

/** How many requests a run takes: about a second's worth. */
export const countOf = (operation: Operation, manner: Manner): number => {
  if (manner === 'pipelined') return operation === 'get' || operation === 'mixed 9:1' ? 60_000 : 30_000;
  return operation === 'get' || operation === 'mixed 9:1' ? 6_000 : 2_000;
};
