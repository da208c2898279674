/**
 * Servers on small ext4 volumes whose power is cut while clients write: of all of them at once, of one, of a majority;
 * now and then after a kill -9 a moment before. Then the volumes are mounted again, the servers started, and whatever was
 * acknowledged before the cut must be there, on every server the same.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Random, seededRandom } from '../../../src/base/index.ts';
import { Servers } from '../zookeeper/servers.ts';
import { treeOf } from '../zookeeper/trees.ts';
import { PowerSwitch, Volume } from './volume.ts';
import { Writer } from './writer.ts';

const writerCount = 4;
const startMs = 40_000;
/** Snapshots and new log files all the time, so that the cuts meet them too. */
const settings = ['snapCount=150', 'txnLogSizeLimitInKb=64', 'preAllocSize=64'];

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export type PowerCutOptions = {
  readonly servers: 1 | 3;
  readonly cuts: number;
  readonly seed: number;
  /** The program's `main.ts`; another one than ours is a mutant. */
  readonly main?: string;
  /** All servers lose their power each time; otherwise also one or two of them. */
  readonly everybody?: boolean;
  /** Ends at the first cut that lost something. */
  readonly stopAtLoss?: boolean;
  readonly onCut?: (done: number) => void;
};

export type PowerCutResult = {
  readonly servers: number;
  readonly seed: number;
  readonly cuts: number;
  /** Whose power went: how often. */
  readonly scopes: Readonly<Record<string, number>>;
  /** Kills -9 right before a cut, after which a server had started again. */
  readonly killsBefore: number;
  readonly acknowledged: number;
  readonly cutsWithLoss: number;
  readonly lost: readonly string[];
  readonly restartMs: { readonly median: number; readonly max: number };
};

export async function runPowerCuts(options: PowerCutOptions): Promise<PowerCutResult> {
  const random = seededRandom(options.seed);
  const folder = mkdtempSync(join(tmpdir(), 'power-cuts-'));
  const ids = Array.from({ length: options.servers }, (_, at) => at + 1);
  const volumes = new Map(ids.map((id) => [id, new Volume(folder, `volume-${id}`)]));
  const servers = new Servers({
    count: options.servers,
    clientCount: 0,
    settings,
    alone: options.servers === 1,
    dataOf: (id) => join((volumes.get(id) as Volume).folder, 'data'),
    ...(options.main === undefined ? {} : { main: options.main }),
  });
  const power = new PowerSwitch();
  const scopes: Record<string, number> = {};
  const lost: string[] = [];
  const restartsMs: number[] = [];
  let cuts = 0;
  let cutsWithLoss = 0;
  let killsBefore = 0;
  await servers.prepare();
  const writers = Array.from(
    { length: writerCount },
    (_, at) =>
      new Writer(
        at,
        ids.map((id) => servers.directAddress(id)),
      ),
  );
  const serving = (): Promise<void> => servers.healAll(startMs, ['leader', 'follower', 'standalone']);
  try {
    await serving();
    while (cuts < options.cuts && !(options.stopAtLoss === true && lost.length > 0)) {
      if (random.next() < 0.25) {
        await writeFor(writers, random, 50 + random.below(200), () => Promise.all(ids.map((id) => servers.kill(id))));
        killsBefore++;
        await serving();
        lost.push(...(await judge(servers, writers)));
      }
      const scope = options.everybody === true ? ids : scopeOf(random, ids);
      await writeFor(writers, random, 50 + random.below(450), () =>
        power.cut(scope.map((id) => volumes.get(id) as Volume)),
      );
      cuts++;
      const name = scope.length === ids.length ? 'all servers at once' : `${scope.length} of ${ids.length}`;
      scopes[name] = (scopes[name] ?? 0) + 1;
      for (const id of scope) await servers.kill(id);
      for (const id of scope) {
        const volume = volumes.get(id) as Volume;
        await volume.unmount();
        volume.mount();
      }
      const beganMs = performance.now();
      await serving();
      restartsMs.push(performance.now() - beganMs);
      const found = await judge(servers, writers);
      if (found.length > 0) cutsWithLoss++;
      lost.push(...found.map((sentence) => `cut ${cuts} (${name}): ${sentence}`));
      options.onCut?.(cuts);
    }
  } catch (error) {
    // It does not start again, or cannot be read: nothing that was acknowledged can be had.
    cutsWithLoss++;
    lost.push(`cut ${cuts}: ${(error as Error).message}`);
  } finally {
    for (const writer of writers) writer.close();
    // Servers whose power goes may end by themselves; what they said tells more of a loss than the loss does.
    if (lost.length > 0) {
      lost.push(...servers.unexpectedExits, `the servers' logs are in ${servers.folder}`);
    }
    await servers.stop({ keep: lost.length > 0 && options.main === undefined });
    power.close();
    for (const volume of volumes.values()) await volume.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
  restartsMs.sort((a, b) => a - b);
  const restartAt = (share: number): number =>
    Math.round(restartsMs[Math.min(restartsMs.length - 1, Math.floor(restartsMs.length * share))] ?? 0);
  return {
    servers: options.servers,
    seed: options.seed,
    cuts,
    scopes,
    killsBefore,
    acknowledged: writers.reduce((sum, writer) => sum + writer.acknowledged, 0),
    cutsWithLoss,
    lost: lost.slice(-30),
    restartMs: { median: restartAt(0.5), max: restartAt(1) },
  };
}

/** Clients write for a while; what they hear once `end` has been called does not count. */
async function writeFor(
  writers: readonly Writer[],
  random: Random,
  ms: number,
  end: () => Promise<unknown>,
): Promise<void> {
  await Promise.all(writers.map((writer) => writer.open(random.nextUint32())));
  const writing = writers.map((writer) => writer.write());
  await wait(ms);
  for (const writer of writers) writer.stop();
  await end();
  for (const writer of writers) writer.close();
  // A server that is still up answers, one that has lost its disk ends; neither takes long.
  await Promise.race([Promise.all(writing), wait(1000)]);
}

function scopeOf(random: Random, ids: readonly number[]): readonly number[] {
  const dice = random.next();
  if (ids.length === 1 || dice < 0.6) return ids;
  const first = random.below(ids.length);
  return dice < 0.8 ? [ids[first] as number] : ids.filter((_, at) => at !== first);
}

/** What every server holds, against what was acknowledged and against each other. */
async function judge(servers: Servers, writers: readonly Writer[]): Promise<string[]> {
  const trees: Map<string, string>[] = [];
  for (const id of servers.ids) trees.push(await treeOf(servers.directAddress(id)));
  const [first, ...others] = trees as [Map<string, string>, ...Map<string, string>[]];
  const lost = writers.flatMap((writer) => writer.lost(first));
  for (const [at, tree] of others.entries()) {
    const path = [...new Set([...first.keys(), ...tree.keys()])].find((each) => first.get(each) !== tree.get(each));
    if (path !== undefined)
      lost.push(`servers 1 and ${at + 2} differ at ${path}: ${first.get(path)}, ${tree.get(path)}`);
  }
  return lost;
}
