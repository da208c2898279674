/**
 * `npm run chaos -- zookeeper [--runs N] [--seconds N] [--servers N] [--seed N]`: clients work on an ensemble whose
 * servers are killed and paused; then every history is checked. Prints one line a run, and a failing run's seed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, seededRandom } from '../../src/base/index.ts';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { type OwnEnsemble, startEnsembleOf } from '../support/zookeeper/own-ensemble.ts';
import { platform } from '../support/zookeeper/own-server.ts';
import { isLinearizable, type Operation } from './linearizability.ts';

export const summary =
  'linearizable writes and synced reads, monotonic sessions, no lost ephemerals, under kill -9 and pauses';

const CLIENTS = 6;
const REGISTERS = 4;

type Run = {
  readonly seed: number;
  readonly operations: number;
  readonly unknown: number;
  readonly faults: number;
  readonly problems: readonly string[];
  readonly expired: number;
};

async function oneRun(seed: number, seconds: number, servers: number): Promise<Run> {
  const random = seededRandom(seed);
  const ensemble = await startEnsembleOf(servers, ['snapCount=500']);
  const addresses = [...ensemble.ports.values()].map(({ client }) => ({ host: '127.0.0.1', port: client }));
  const open = async (): Promise<ZooKeeperClient> => {
    const client = new ZooKeeperClient({ servers: addresses, sessionTimeoutMs: 8_000 }, platform);
    await client.connected();
    return client;
  };
  const histories: Operation[][] = Array.from({ length: REGISTERS }, () => []);
  const problems: string[] = [];
  let nextValue = 1;
  let unknown = 0;
  let expired = 0;
  const setup = await open();
  for (let register = 0; register < REGISTERS; register++) {
    await setup.create(`/r${register}`, Buffer.from('0'));
  }
  const endMs = performance.now() + seconds * 1_000;

  const work = async (number: number, own: Random): Promise<void> => {
    let client = await open();
    let seenZxid = 0;
    while (performance.now() < endMs) {
      if (client.state === 'expired') {
        expired++;
        client = await open();
        seenZxid = 0;
      }
      const register = own.below(REGISTERS);
      const history = histories[register]!;
      const path = `/r${register}`;
      const way = own.below(10);
      const calledAt = performance.now();
      if (way < 4) {
        const value = nextValue++;
        const done = await client.setData(path, Buffer.from(`${value}`));
        if (done.ok) history.push({ kind: 'write', value, calledAt, answeredAt: performance.now() });
        else {
          unknown++;
          history.push({ kind: 'write', value, calledAt, answeredAt: undefined });
        }
      } else if (way < 6) {
        const before = await client.getData(path);
        if (!before.ok) continue;
        const expected = Number(before.value.data?.toString());
        const value = nextValue++;
        const swapAt = performance.now();
        const done = await client.setData(path, Buffer.from(`${value}`), before.value.stat.version);
        const refused = !done.ok && done.problem.kind === 'badVersion';
        if (!done.ok && !refused) unknown++;
        const known = done.ok || refused;
        history.push({
          kind: 'swap',
          expected,
          value,
          done: done.ok ? true : refused ? false : undefined,
          calledAt: swapAt,
          answeredAt: known ? performance.now() : undefined,
        });
      } else if (way < 8) {
        if (!(await client.sync(path)).ok) continue;
        const found = await client.getData(path);
        if (!found.ok) continue;
        history.push({
          kind: 'read',
          value: Number(found.value.data?.toString()),
          calledAt,
          answeredAt: performance.now(),
        });
      } else if (way < 9) {
        const found = await client.getData(path);
        // What a session has once seen it never sees older, on whichever server.
        if (found.ok && client.lastZxid < seenZxid)
          problems.push(`client ${number} went back from ${seenZxid} to ${client.lastZxid}`);
        if (found.ok) seenZxid = client.lastZxid;
      } else await ephemeralRound(client, number, own, problems);
    }
    await client.close();
  };
  const workers = Array.from({ length: CLIENTS }, (_, number) => work(number, seededRandom(seed * 1_000 + number)));
  const faults = await disturb(ensemble, random, endMs);
  await Promise.all(workers);
  await ensemble.serving(servers, 60_000);
  await setup.sync('/');
  for (let register = 0; register < REGISTERS; register++) {
    const found = await setup.getData(`/r${register}`);
    const nowMs = performance.now();
    if (found.ok)
      histories[register]!.push({
        kind: 'read',
        value: Number(found.value.data?.toString()),
        calledAt: nowMs,
        answeredAt: nowMs + 1,
      });
    if (!isLinearizable(histories[register]!, 0)) problems.push(`register ${register} is not linearizable`);
  }
  const left = await setup.getChildren('/');
  const ephemerals = left.ok ? left.value.children.filter((name) => name.startsWith('e-')) : [];
  if (ephemerals.length > 0) problems.push(`ephemeral nodes of closed sessions are left: ${ephemerals.slice(0, 5)}`);
  await setup.close();
  const operations = histories.reduce((sum, { length }) => sum + length, 0);
  if (problems.length > 0) {
    const folder = join(import.meta.dirname, '../campaigns');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `failed-chaos-zookeeper-${seed}.json`), JSON.stringify({ seed, problems, histories }));
  }
  await ensemble.stop();
  return { seed, operations, unknown, faults, problems, expired };
}

/** A node of a session that is closed is gone for everybody who syncs after that. */
async function ephemeralRound(client: ZooKeeperClient, number: number, own: Random, problems: string[]): Promise<void> {
  const path = `/e-${number}-${own.nextUint32()}`;
  const made = await client.create(path, undefined, { mode: 'ephemeral' });
  if (!made.ok) return;
  const found = await client.exists(path);
  if (found.ok && found.value === undefined) problems.push(`${path} has vanished while its session lived`);
  await client.delete(path);
}

async function disturb(ensemble: OwnEnsemble, random: Random, endMs: number): Promise<number> {
  let faults = 0;
  const count = ensemble.ports.size;
  while (performance.now() < endMs - 3_000) {
    await new Promise((resolve) => setTimeout(resolve, 1_000 + random.below(2_000)));
    const leader = await ensemble.serving(Math.floor(count / 2) + 1, 60_000);
    const victim = random.below(2) === 0 ? leader : 1 + random.below(count);
    faults++;
    if (random.below(3) === 0) {
      const pid = ensemble.pid(victim);
      process.kill(pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 500 + random.below(4_000)));
      process.kill(pid, 'SIGCONT');
    } else {
      await ensemble.kill(victim);
      await new Promise((resolve) => setTimeout(resolve, random.below(2_500)));
      ensemble.start(victim);
    }
  }
  return faults;
}

export async function run(args: readonly string[]): Promise<void> {
  const option = (name: string, otherwise: number): number => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(args[at + 1]);
  };
  const runs = option('runs', 2);
  const seconds = option('seconds', 60);
  const firstSeed = option('seed', 1);
  const results: Run[] = [];
  for (let index = 0; index < runs; index++) {
    const result = await oneRun(firstSeed + index, seconds, option('servers', 3));
    results.push(result);
    process.stdout.write(`${JSON.stringify({ ...result, problems: result.problems.slice(0, 10) })}\n`);
  }
  const folder = join(import.meta.dirname, '../campaigns');
  mkdirSync(folder, { recursive: true });
  const broken = results.filter(({ problems }) => problems.length > 0);
  const total = results.reduce((sum, { operations }) => sum + operations, 0);
  writeFileSync(
    join(folder, 'chaos-zookeeper.json'),
    `${JSON.stringify({ runs, seconds, operations: total, faults: results.reduce((sum, { faults }) => sum + faults, 0), broken: broken.map(({ seed }) => seed) }, undefined, 2)}\n`,
  );
  process.stdout.write(`${runs} runs, ${total} operations, ${broken.length} runs with problems\n`);
  if (broken.length > 0) process.exitCode = 1;
}
