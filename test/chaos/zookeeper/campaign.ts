/**
 * Runs of an ensemble of three processes under kill -9, pauses and partitions, with clients that write down what they
 * see. Judged afterwards: writes and reads after a sync are linearizable; plain reads never go back within a session;
 * watches are neither lost nor late; no ephemeral outlives its session, or goes before it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../../src/base/index.ts';
import { checkHistory } from '../../linearizability/history.ts';
import { ChaosClient, type Notes, sessionTimeoutMs } from './client.ts';
import { Nemesis } from './nemesis.ts';
import { Servers } from './servers.ts';

const clientCount = 8;
const serverCount = 3;
const healMs = 30_000;

/** Every request has an answer so soon after everything is healed. */
const answerMs = 20_000;

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export type RunResult = {
  readonly seed: number;
  readonly seconds: number;
  readonly operations: number;
  readonly unknownOutcomes: number;
  readonly acknowledgedWrites: number;
  /** Longest time without an acknowledged write while faults went on. */
  readonly longestGapMs: number;
  readonly sessions: number;
  readonly expired: number;
  readonly watchesSet: number;
  readonly watchesFired: number;
  readonly ephemeralsChecked: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  /** Only with violations: folders and logs are kept. */
  readonly folder: string | undefined;
};

export async function runChaos({
  seed,
  seconds,
}: {
  readonly seed: number;
  readonly seconds: number;
}): Promise<RunResult> {
  const random = seededRandom(seed);
  const servers = new Servers(serverCount);
  await servers.prepare();
  const notes: Notes = {
    history: [],
    violations: [],
    acknowledgedAtMs: [],
    sessions: 0,
    expired: 0,
    watchesSet: 0,
    watchesFired: 0,
    ephemeralsChecked: 0,
  };
  const nemesis = new Nemesis(servers, random);
  let gapMs = 0;
  try {
    await servers.healAll(healMs);
    const clients = Array.from(
      { length: clientCount },
      (_, at) =>
        new ChaosClient(`c${at}`, { ports: servers.clientPorts, random: seededRandom(seed * 100 + at), notes }),
    );
    await (clients[0] as ChaosClient).makeFolders();
    const beganMs = performance.now();
    const untilMs = beganMs + seconds * 1000;
    const working = Promise.all(clients.map((client) => client.run(untilMs)));
    await nemesis.run(untilMs);
    await wait(Math.max(0, untilMs - performance.now()));
    gapMs = longestGap(beganMs, untilMs, notes.acknowledgedAtMs);
    await servers.healAll(healMs);
    await withinMs(answerMs, working, () => `no answer to ${clients.flatMap(({ doing }) => doing ?? []).join(', ')}`);
    await withinMs(
      answerMs,
      Promise.all(clients.map((client) => client.finish())),
      () => 'the last reads have no answer',
    );
    // Sessions that were left without a close end by their time-out; the last watches arrive.
    await wait(sessionTimeoutMs + 3000);
    for (const client of clients) await client.expectQuiet();
    const live = new Set(clients.map(({ sessionId }) => sessionId));
    for (const [path, owner] of await (clients[0] as ChaosClient).owners()) {
      notes.ephemeralsChecked++;
      if (!live.has(owner as never)) notes.violations.push(`${path} outlives its session ${owner.toString(16)}`);
    }
    await withinMs(answerMs, Promise.all(clients.map((client) => client.close())), () => 'a close has no answer');
  } catch (error) {
    notes.violations.push(`the run could not be ended: ${(error as Error).message}`);
  }
  const { operations, violations } = checkHistory(notes.history);
  for (const { path, verdict } of violations) {
    notes.violations.push(
      `${path}: ${verdict.kind}${verdict.kind === 'violation' ? ` at ${JSON.stringify(verdict.operation)}, after ${verdict.placed} operations` : ''}`,
    );
  }
  if (violations.length > 0) writeFileSync(join(servers.folder, 'history.json'), JSON.stringify(notes.history));
  notes.violations.push(...servers.unexpectedExits);
  const failed = notes.violations.length > 0;
  await servers.stop({ keep: failed });
  return {
    seed,
    seconds,
    operations,
    unknownOutcomes: notes.history.filter(({ output }) => output === undefined).length,
    acknowledgedWrites: notes.acknowledgedAtMs.length,
    longestGapMs: Math.round(gapMs),
    sessions: notes.sessions,
    expired: notes.expired,
    watchesSet: notes.watchesSet,
    watchesFired: notes.watchesFired,
    ephemeralsChecked: notes.ephemeralsChecked,
    faults: nemesis.faults,
    violations: notes.violations,
    folder: failed ? servers.folder : undefined,
  };
}

async function withinMs(ms: number, work: Promise<unknown>, complaint: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), ms);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function longestGap(fromMs: number, toMs: number, acknowledgedAtMs: readonly number[]): number {
  let before = fromMs;
  let longest = 0;
  for (const atMs of [...acknowledgedAtMs.filter((each) => each < toMs), toMs]) {
    longest = Math.max(longest, atMs - before);
    before = atMs;
  }
  return longest;
}

/** Sets the process's exit code to 1 if anything was violated. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log('npm run chaos -- zookeeper [--runs 2] [--seconds 60] [--seed 1] [--record]');
    return;
  }
  const [runs, seconds, seed] = [values.runs, values.seconds, values.seed].map(Number) as [number, number, number];
  const results: RunResult[] = [];
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim();
  for (let at = 0; at < runs; at++) {
    const result = await runChaos({ seed: seed + at, seconds });
    results.push(result);
    console.log(JSON.stringify(result));
    if (!values.record) continue;
    const folder = resolve(import.meta.dirname, '../../campaigns');
    mkdirSync(folder, { recursive: true });
    const total = (
      key: 'operations' | 'acknowledgedWrites' | 'watchesSet' | 'watchesFired' | 'ephemeralsChecked',
    ): number => results.reduce((sum, each) => sum + each[key], 0);
    const campaign = {
      campaign: 'chaos zookeeper',
      commit,
      recordedAt: new Date().toISOString(),
      servers: serverCount,
      clients: clientCount,
      operations: total('operations'),
      acknowledgedWrites: total('acknowledgedWrites'),
      watchesSet: total('watchesSet'),
      watchesFired: total('watchesFired'),
      ephemeralsChecked: total('ephemeralsChecked'),
      violations: results.flatMap(({ violations }) => violations).length,
      // A folder of this machine says nothing to anyone else.
      runs: results.map(({ folder: _, ...each }) => each),
    };
    writeFileSync(join(folder, 'chaos-zookeeper.json'), `${JSON.stringify(campaign, null, 2)}\n`);
  }
  const violations = results.flatMap((result) => result.violations);
  console.log(`${results.length} runs, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}
