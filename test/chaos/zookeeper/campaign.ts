/**
 * Runs of an ensemble of processes under kill -9, pauses, partitions, hand-overs, changes of its members and clients that
 * are cut off, with clients that write down what they see. Judged afterwards: writes and reads after a sync are
 * linearizable; plain reads never go back within a session, over any number of reconnects; watches are neither lost nor
 * late; no ephemeral outlives its session, or goes before it; all servers hold the same.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../../src/base/index.ts';
import { checkHistory } from '../../linearizability/history.ts';
import { ChaosClient, longestTimeoutMs, Notes } from './client.ts';
import { Nemesis } from './nemesis.ts';
import { Servers, tickMs } from './servers.ts';
import { differencesBetween } from './trees.ts';

const clientCount = 10;
const healMs = 40_000;
/** Snapshots and small log files all the time, so that who was away often needs a snapshot to catch up. */
const snapshotSettings = ['snapCount=100', 'txnLogSizeLimitInKb=16'];
/** Every request has an answer so soon after everything is healed. */
const answerMs = 20_000;
/** A server that has ended by itself can leave the others without a majority: then nothing ever comes to an end. */
const expiriesMs = 60_000;
/** A session ends by the tick after its time-out; a machine that does other things too may be late by so much. */
const expiryLateMsMax = tickMs + 3000;
const becameLeader = '"role":"leader"';
/** How many clients leave without a word at the end. */
const leavers = 2;

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export type RunOptions = {
  readonly seed: number;
  readonly seconds: number;
  readonly servers: number;
  /** The program's `main.ts`; another one than ours is a mutant. */
  readonly main?: string;
};

export type RunResult = {
  readonly seed: number;
  readonly servers: number;
  readonly seconds: number;
  /** In the history that is checked for linearizability. */
  readonly operations: number;
  readonly plainReads: number;
  readonly unknownOutcomes: number;
  readonly acknowledgedWrites: number;
  /** Longest time without an acknowledged write while faults went on. */
  readonly longestGapMs: number;
  /** The faults that began or lasted in it, in their order. */
  readonly longestGapDuring: readonly string[];
  readonly sessions: number;
  readonly expired: number;
  readonly watchesSet: number;
  readonly watchesFired: number;
  readonly ephemeralsChecked: number;
  /** From a session's time-out to the end of its ephemerals, the longest, once everything was healed. */
  readonly expiryLateMs: number;
  /** How often some server began to lead. */
  readonly elections: number;
  readonly snapshotsTaken: number;
  readonly snapshotsInstalled: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  /** Only with violations: folders and logs are kept. */
  readonly folder: string | undefined;
};

export async function runChaos({ seed, seconds, servers: serverCount, main }: RunOptions): Promise<RunResult> {
  const random = seededRandom(seed);
  const servers = new Servers({
    count: serverCount,
    clientCount,
    settings: snapshotSettings,
    ...(main === undefined ? {} : { main }),
  });
  await servers.prepare();
  const notes = new Notes();
  let nemesis: Nemesis | undefined;
  let gap = { fromMs: 0, toMs: 0 };
  let expiryLateMs = 0;
  try {
    await servers.healAll(healMs);
    nemesis = new Nemesis(servers, clientCount, random);
    const clients = Array.from(
      { length: clientCount },
      (_, at) =>
        new ChaosClient(`c${at}`, {
          addresses: servers.addressesFor(at),
          random: seededRandom(seed * 100 + at),
          notes,
        }),
    );
    await (clients[0] as ChaosClient).makeFolders();
    const beganMs = performance.now();
    const untilMs = beganMs + seconds * 1000;
    const working = Promise.all(clients.map((client) => client.run(untilMs)));
    await nemesis.run(untilMs);
    await wait(Math.max(0, untilMs - performance.now()));
    gap = longestGap(beganMs, untilMs, notes.acknowledgedAtMs);
    await servers.healAll(healMs, ['leader', 'follower', 'observer']);
    await nemesis.restoreMembership(healMs);
    await servers.healAll(healMs);
    await withinMs(answerMs, working, () => `no answer to ${clients.flatMap(({ doing }) => doing ?? []).join(', ')}`);
    const finished = Promise.all(clients.map((client) => client.finish()));
    await withinMs(answerMs, finished, () => 'the last reads have no answer');
    const [stayed, left] = [clients.slice(leavers), clients.slice(0, leavers)];
    const ending = expiries(servers, notes, left, stayed[0] as ChaosClient);
    expiryLateMs = await withinMs(expiriesMs, ending, () => 'sessions that were cut off have not come to an end');
    // Sessions that were left without a close have ended by their time-outs too; the last watches have arrived.
    const quiet = async (): Promise<Map<string, bigint>> => {
      for (const client of stayed) await client.expectQuiet();
      return (stayed[0] as ChaosClient).owners();
    };
    const owners = await withinMs(expiriesMs, quiet(), () => 'a look at what is left has no answer');
    const live = new Set(stayed.map(({ sessionId }) => sessionId));
    for (const [path, owner] of owners) {
      notes.ephemerals.checked++;
      if (!live.has(owner as never)) notes.violations.push(`${path} outlives its session ${owner.toString(16)}`);
    }
    await withinMs(answerMs, Promise.all(clients.map((client) => client.close())), () => 'a close has no answer');
    notes.violations.push(...(await differencesBetween(servers.ids.map((id) => servers.directAddress(id)))));
  } catch (error) {
    notes.violations.push(`the run could not be ended: ${(error as Error).message}`);
  }
  await nemesis?.close();
  const { operations, violations } = checkHistory(notes.history);
  for (const { path, verdict } of violations) {
    notes.violations.push(
      `${path}: ${verdict.kind}${verdict.kind === 'violation' ? ` at ${JSON.stringify(verdict.operation)}, after ${verdict.placed} operations` : ''}`,
    );
  }
  notes.ephemerals.judge();
  notes.judgeQueue();
  notes.violations.push(...notes.ledger.violations(), ...notes.ephemerals.violations, ...servers.unexpectedExits);
  const failed = notes.violations.length > 0;
  if (failed) writeFileSync(join(servers.folder, 'history.json'), JSON.stringify(notes.history));
  const told = {
    elections: servers.told(becameLeader),
    snapshotsTaken: servers.told('wrote a snapshot'),
    snapshotsInstalled: servers.told('took over a snapshot from the leader'),
  };
  await servers.stop({ keep: failed });
  return {
    seed,
    servers: serverCount,
    seconds,
    operations,
    plainReads: notes.reads,
    unknownOutcomes: notes.history.filter(({ output }) => output === undefined).length,
    acknowledgedWrites: notes.acknowledgedAtMs.length,
    longestGapMs: Math.round(gap.toMs - gap.fromMs),
    longestGapDuring: (nemesis?.timeline ?? [])
      .filter(({ fromMs, toMs }) => fromMs < gap.toMs && toMs > gap.fromMs)
      .map(({ fault, fromMs, toMs }) => `${fault}, ${((Math.min(toMs, gap.toMs) - fromMs) / 1000).toFixed(1)} s`),
    sessions: notes.sessions,
    expired: notes.expired,
    watchesSet: notes.watchesSet,
    watchesFired: notes.watchesFired,
    ephemeralsChecked: notes.ephemerals.checked,
    expiryLateMs: Math.round(expiryLateMs),
    ...told,
    faults: nemesis?.faults ?? {},
    violations: notes.violations,
    folder: failed ? servers.folder : undefined,
  };
}

/**
 * With everything whole, clients make an ephemeral as their last word and are then cut off; another one watches when it
 * goes: not before the time-out, and no later than a tick after it.
 *
 * @returns how long after its time-out the last one went
 */
async function expiries(
  servers: Servers,
  notes: Notes,
  leaving: readonly ChaosClient[],
  watching: ChaosClient,
): Promise<number> {
  let latest = 0;
  const elections = (): number => servers.told(becameLeader);
  const electionsBefore = elections();
  await Promise.all(
    leaving.map(async (client, at) => {
      const word = await client.lastWord();
      const heal = servers.linksOfClient(at).map((link) => link.fail('cut'));
      const cutMs = performance.now();
      const gone = word && watching.gone(word.path);
      let goneMs: number | undefined;
      // Another leader gives every session its time-out again: on a machine that is too busy one may be elected even now.
      for (let known = -1; goneMs === undefined && known !== elections(); ) {
        known = elections();
        goneMs = await Promise.race([gone, wait(longestTimeoutMs + expiryLateMsMax + 5000).then(() => undefined)]);
      }
      for (const each of heal) each();
      if (word === undefined || goneMs === undefined) {
        notes.violations.push(`the ephemeral of a client that was cut off was not seen to go (${word?.path})`);
        return;
      }
      const lateMs = goneMs - cutMs - word.timeoutMs;
      if (elections() === electionsBefore) latest = Math.max(latest, lateMs);
      const earlyMs = word.calledMs + word.timeoutMs - goneMs;
      if (earlyMs > 0) notes.violations.push(`${word.path} went ${Math.round(earlyMs)} ms before its time-out`);
      if (lateMs > expiryLateMsMax && elections() === electionsBefore)
        notes.violations.push(`${word.path} went ${Math.round(lateMs)} ms after its time-out`);
    }),
  );
  await wait(tickMs);
  return latest;
}

async function withinMs<Value>(ms: number, work: Promise<Value>, complaint: () => string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function longestGap(
  fromMs: number,
  toMs: number,
  acknowledgedAtMs: readonly number[],
): { readonly fromMs: number; readonly toMs: number } {
  let before = fromMs;
  let longest = { fromMs, toMs: fromMs };
  for (const atMs of [...acknowledgedAtMs.filter((each) => each < toMs), toMs]) {
    if (atMs - before > longest.toMs - longest.fromMs) longest = { fromMs: before, toMs: atMs };
    before = atMs;
  }
  return longest;
}

const campaignFile = resolve(import.meta.dirname, '../../campaigns/chaos-zookeeper.json');

/** @param results  of all runs so far */
function record(results: readonly RunResult[]): void {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim();
  const total = (of: (result: RunResult) => number): number => results.reduce((sum, each) => sum + of(each), 0);
  const faults: Record<string, number> = {};
  for (const result of results) {
    for (const [name, count] of Object.entries(result.faults)) faults[name] = (faults[name] ?? 0) + count;
  }
  const gapsMs = results.map(({ longestGapMs }) => longestGapMs).sort((a, b) => a - b);
  const campaign = {
    campaign: 'chaos zookeeper',
    commit,
    recordedAt: new Date().toISOString(),
    clients: clientCount,
    runCount: results.length,
    seconds: total(({ seconds }) => seconds),
    operations: total(({ operations, plainReads }) => operations + plainReads),
    acknowledgedWrites: total(({ acknowledgedWrites }) => acknowledgedWrites),
    sessions: total(({ sessions }) => sessions),
    expired: total(({ expired }) => expired),
    watchesSet: total(({ watchesSet }) => watchesSet),
    watchesFired: total(({ watchesFired }) => watchesFired),
    ephemeralsChecked: total(({ ephemeralsChecked }) => ephemeralsChecked),
    elections: total(({ elections }) => elections),
    snapshotsInstalled: total(({ snapshotsInstalled }) => snapshotsInstalled),
    longestGapMs: { median: gapsMs[Math.floor(gapsMs.length / 2)], max: gapsMs.at(-1) },
    expiryLateMsMax: Math.max(...results.map(({ expiryLateMs }) => expiryLateMs)),
    faults,
    violations: total(({ violations }) => violations.length),
    // A folder of this machine says nothing to anyone else.
    runs: [...results].sort((a, b) => a.seed - b.seed).map(({ folder: _, ...each }) => each),
  };
  mkdirSync(resolve(campaignFile, '..'), { recursive: true });
  writeFileSync(campaignFile, `${JSON.stringify(campaign, null, 2)}\n`);
}

const usage =
  'npm run chaos -- zookeeper [--runs 2] [--seconds 60] [--servers 3|5|3,5] [--seed 1] [--parallel 1] [--record]';

/** Sets the process's exit code to 1 if anything was violated. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '60' },
      servers: { type: 'string', default: '3,5' },
      seed: { type: 'string', default: '1' },
      parallel: { type: 'string', default: '1' },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const sizes = values.servers.split(',').map(Number);
  const numbers = [values.runs, values.seconds, values.seed, values.parallel].map(Number);
  if (![...sizes, ...numbers].every((each) => Number.isSafeInteger(each) && each > 0)) {
    console.error(`all of these are whole numbers above 0: ${usage}`);
    process.exitCode = 2;
    return;
  }
  const [runs, seconds, seed, parallel] = numbers as [number, number, number, number];
  const results: RunResult[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < runs; at = next++) {
      const result = await runChaos({ seed: seed + at, seconds, servers: sizes[at % sizes.length] as number });
      results.push(result);
      console.log(JSON.stringify(result));
      if (values.record) record(results);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  const violations = results.flatMap((result) => result.violations);
  console.log(`${results.length} runs, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}
