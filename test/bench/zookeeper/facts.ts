import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createOf, DATA, fill, freshPath, Load, openMany } from './load.ts';
import { type Kind, median, mode, quantile, rssMb, type Servers, type Stop, sleep, start } from './servers.ts';

/** What one kind of server showed: a name of the figure and its value. */
export type Facts = Record<string, number>;

const SETTLE_MS = 3_000;

/** Milliseconds from the start of the process to the first answer, and memory three seconds later. */
export async function startAndRest(kind: Kind, count: number): Promise<Facts> {
  const servers = await start(kind, count);
  try {
    await sleep(SETTLE_MS);
    return { 'start, ms': servers.startMs, 'RSS at rest, MB': rssMb(servers) };
  } finally {
    await servers.stop();
  }
}

/** Milliseconds from a write until the last of `watchers` clients has the event. */
export async function fanOut(servers: Servers, watchers: number): Promise<number> {
  const [writer] = (await openMany(servers.ports, 1)) as [Load];
  const path = freshPath();
  await writer.one(createOf(path));
  const loads = await openMany(servers.ports, watchers);
  await Promise.all(loads.map((load) => load.one({ op: 'getData', path, watch: true })));
  const began = performance.now();
  await writer.one({ op: 'setData', path, data: DATA, version: -1 });
  while (loads.some(({ events }) => events === 0)) await new Promise((wait) => setImmediate(wait));
  const tookMs = performance.now() - began;
  for (const load of [writer, ...loads]) load.close();
  return tookMs;
}

/** Memory with so many clients that do nothing, on a server of its own. */
export async function sessionsMemory(kind: Kind, sessions: number): Promise<Facts> {
  const servers = await start(kind, 1);
  try {
    const restMb = rssMb(servers);
    const began = performance.now();
    const loads = await openMany(servers.ports, sessions);
    const openedMs = performance.now() - began;
    await sleep(SETTLE_MS);
    const withMb = rssMb(servers);
    const latencies = await loads[0]!.run(1_000, 1, () => ({ op: 'exists', path: '/', watch: false }));
    for (const load of loads) load.close();
    return {
      [`RSS with ${sessions} sessions, MB`]: withMb,
      'KiB a session': ((withMb - restMb) * 1024) / sessions,
      'sessions opened a second': sessions / (openedMs / 1000),
      'p99 of another client with them, ms': quantile(latencies, 0.99),
    };
  } finally {
    await servers.stop();
  }
}

/**
 * A server with so many nodes: memory, and how long it stands still while it takes snapshots of them under writes.
 * Stops are seen from outside, by a client that reads all the time (the same eyes for both), and from inside ours.
 */
export async function manyNodes(kind: Kind, nodes: number): Promise<Facts> {
  const every = 50_000;
  const servers = await start(kind, 1, { probe: kind !== 'apache', settings: [`snapCount=${every}`] });
  try {
    const [port] = servers.ports as [number];
    await servers.longestStop(0);
    const began = performance.now();
    await fill(port, nodes);
    const filledMs = performance.now() - began;
    const fillStop = await servers.longestStop(0);
    await sleep(SETTLE_MS);
    const withMb = rssMb(servers);
    await servers.longestStop(0);
    const snapshotsBefore = snapshotCount(servers);
    const idle = idleStop();
    const { latencies, writesPerSecond } = await readWhileWriting(port, every * 3);
    const stop = await servers.longestStop(0);
    const idleMs = await idle();
    const restMb = rssMb(servers);
    await servers.kill(0);
    const restartMs = await servers.restart(0);
    await sleep(SETTLE_MS);
    const restartedMb = rssMb(servers);
    return {
      'nodes created a second': nodes / (filledMs / 1000),
      [`RSS with ${nodes} nodes, MB`]: withMb,
      'RSS after snapshots under writes, MB': restMb,
      'writes a second during snapshots': writesPerSecond,
      'snapshots taken meanwhile': snapshotCount(servers) - snapshotsBefore,
      'longest wait of a reader during snapshots, ms': quantile(latencies, 1),
      'p99 of a reader during snapshots, ms': quantile(latencies, 0.99),
      'longest stop of an idle process meanwhile, ms': idleMs,
      ...(stop === undefined ? {} : stopFacts('during snapshots', stop)),
      ...(fillStop === undefined ? {} : stopFacts('while the nodes were made', fillStop)),
      'start with them, ms': restartMs,
      'RSS after that start, MB': restartedMb,
    };
  } finally {
    await servers.stop();
  }
}

/** Whole ones that lie in the folder: neither kind removes any on its own. */
const snapshotCount = ({ folder }: Servers): number =>
  readdirSync(join(folder, '1', 'version-2')).filter((name) => name.startsWith('snapshot.')).length;

const stopFacts = (when: string, { clockMs, processorMs }: Stop): Facts => ({
  [`longest stop of the loop ${when}, ms`]: clockMs,
  [`longest stop of the loop ${when}, ms of processor time`]: processorMs,
});

/** What the machine itself does to a process that has nothing to do: begins to look, and answers the longest delay. */
function idleStop(): () => Promise<number> {
  const program =
    'let last=performance.now(),longest=0;setInterval(()=>{const now=performance.now();longest=Math.max(longest,now-last);last=now},1);process.on("message",()=>{process.send(longest);process.exit()})';
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return () =>
    new Promise((answer) => {
      child.once('message', (longestMs) => answer(longestMs as number));
      child.send('longest');
    });
}

/** Creates, sets and deletes go on, 32 at a time; another client reads, one at a time. */
async function readWhileWriting(
  port: number,
  count: number,
): Promise<{ latencies: number[]; writesPerSecond: number }> {
  const [writer, reader] = (await openMany([port], 2)) as [Load, Load];
  const path = freshPath();
  await writer.one(createOf(path));
  let writing = true;
  const began = performance.now();
  const written = writer
    .run(count, 32, (index) => {
      const node = `${path}/n${Math.floor(index / 3)}`;
      if (index % 3 === 0) return createOf(node);
      if (index % 3 === 1) return { op: 'setData', path: node, data: DATA, version: -1 };
      return index % 30 === 2 ? { op: 'delete', path: node, version: -1 } : { op: 'exists', path: node, watch: false };
    })
    .then(() => {
      writing = false;
    });
  const latencies: number[] = [];
  while (writing) latencies.push(...(await reader.run(50, 1, () => ({ op: 'getData', path, watch: false }))));
  await written;
  const writesPerSecond = count / ((performance.now() - began) / 1000);
  writer.close();
  reader.close();
  return { latencies, writesPerSecond };
}

/** Milliseconds between the death of the leader and the first write that another server takes, again and again. */
export async function failovers(kind: Kind, count: number, rounds: number): Promise<Facts> {
  const servers = await start(kind, count);
  try {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) times.push(await failover(servers));
    return {
      'failover median, ms': median(times),
      'failover p99, ms': quantile(times, 0.99),
      'failover longest, ms': quantile(times, 1),
    };
  } finally {
    await servers.stop();
  }
}

async function failover(servers: Servers): Promise<number> {
  const modes = await Promise.all(servers.ports.map((port) => mode(port)));
  const leader = modes.indexOf('leader');
  const began = performance.now();
  await servers.kill(leader);
  const others = servers.ports.filter((_, index) => index !== leader);
  for (let attempt = 0; ; attempt++) {
    const load = await within(500, Load.open(others[attempt % others.length]!));
    if (load !== undefined) {
      const done = await within(500, load.one(createOf(freshPath())));
      load.close();
      if (done !== undefined) break;
    }
    await sleep(5);
  }
  const tookMs = performance.now() - began;
  await servers.restart(leader);
  for (const port of servers.ports) await mode(port);
  return tookMs;
}

export async function within<Value>(limitMs: number, work: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs);
  });
  const value = await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
  return value;
}
