/**
 * `node test/conformance/placement/campaign.ts [--record] [--latency [--alone]|--young|--leaders] [kafka-3.9] [kafka-4]`: moves
 * that are long enough for the throttle and the producers' latency to be measured, and brokers that die on the way.
 * Prints and records the load of the machine beside the figures, and what producers see while Apache's own tool makes
 * the same moves. Brokers are set up as Apache's documentation says. About forty-five minutes an original.
 *
 * `--latency` makes moves alone, each in turn with rest: add, with the tool killed and resumed on the way; a zone
 * relabelled; remove; then the first once more, by Apache's own tool at the same rate, unless `--alone`. As much is copied
 * as is produced. About an hour an original, thirty-five minutes alone.
 *
 * `--young` adds a broker and removes it where brokers have run for five minutes only: `plan`, and then Apache's own tool
 * at the same rate on a cluster of its own. About thirty minutes an original.
 *
 * `--leaders` makes the quickest moves of the usual partitions, and then as many changes of leaders in as much time with
 * nothing copied: the part of what producers see that is Apache Kafka's own. About fifteen minutes an original.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { assignedByAdd } from './apache-move.ts';
import { changeLeaders } from './leaders-alone.ts';
import { hasBegun, type Live, type LiveOriginal, startLive, topic, type WalkResult, walk } from './live.ts';
import { type Linger, sleep } from './load.ts';
import { startMeter } from './meter.ts';
import { add, type Move, type Rehearsals, rehearse, remove } from './rehearsal.ts';
import { type Moves, type Produced, produced, tools } from './seen.ts';
import { byApache, movedByApache, movedByPlan, movingAt, type Throttled } from './throttled.ts';
import { onYoungBrokers, type YoungResult } from './young.ts';

type CampaignResult = {
  readonly original: LiveOriginal;
  /** Where the brokers' disks are; in memory (`TMPDIR=/dev/shm`), nothing of what is copied is read from a disk. */
  readonly disksIn: string;
  readonly load: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly throttle: readonly Throttled[];
  /** By how long producers let their records linger. */
  readonly produceMs: Readonly<Record<Linger, Produced>>;
  /** Codes and last words of `plan` when brokers die while it moves. */
  readonly deaths?: readonly { readonly who: string; readonly code: number | null; readonly said: readonly string[] }[];
  readonly walk?: WalkResult;
};

type Mode = 'whole' | 'latency' | 'leaders';

const partitionBytes: Readonly<Record<Mode, number>> = { whole: 64_000_000, latency: 4_000_000, leaders: 64_000_000 };
/** Bytes per second to copy at; Apache's tool, where it moves, at the last. */
const ratesOf: Readonly<Record<Mode, readonly number[]>> = {
  whole: [2_000_000, 4_000_000],
  latency: [1_000_000],
  leaders: [4_000_000],
};
const relabel: Move = { name: 'zone relabelled', args: ['zone', '--relabel', '4=b'] };
const movesOf: Readonly<Record<Mode, readonly Move[]>> = {
  whole: [add, remove],
  latency: [{ ...add, isKilled: true }, relabel, remove],
  leaders: [add, remove],
};
const leadersAlone = 'changing leaders';
/**
 * More for latencies: after six rounds of half the rate, Kafka 4 had 1.2 times the p99 of the rests beside in the first
 * move (sent at once, seen once), and no more than at rest in one half an hour later. `--young` measures the former.
 */
const rehearsalsOf: Readonly<Record<Mode, Rehearsals>> = {
  whole: { rounds: 6, rate: 16_000_000 },
  latency: { rounds: 16, rate: 16_000_000 },
  leaders: { rounds: 6, rate: 32_000_000 },
};
const warmUpMs: Readonly<Record<Mode, number>> = { whole: 150_000, latency: 240_000, leaders: 150_000 };
const stillMs: Readonly<Record<Mode, number>> = { whole: 31_000, latency: 61_000, leaders: 31_000 };
const deadMs = 8000;

async function campaign(original: LiveOriginal, mode: Mode, isAlone: boolean): Promise<CampaignResult> {
  const before = loadavg();
  const live = await startLive(original, partitionBytes[mode], 'documented');
  const meter = await startMeter(live.cluster.bootstrap, [1, 2, 3, 4], topic);
  try {
    await rehearse(live, rehearsalsOf[mode]);
    await sleep(warmUpMs[mode]);
    const throttle: Throttled[] = [];
    const still = async (): Promise<void> => {
      live.load.mark('still');
      await sleep(stillMs[mode]);
      // The next move's tool starts now, which is no part of either.
      live.load.mark('between');
    };
    const asked = ratesOf[mode];
    for (const rate of asked) {
      for (const move of movesOf[mode]) {
        await still();
        throttle.push(await movedByPlan(live, meter, move, rate));
      }
    }
    if (mode === 'leaders')
      return {
        original,
        disksIn: tmpdir(),
        ...(await withLeadersAlone(live, throttle, still)),
        load: { before, after: loadavg() },
      };
    await still();
    const theirRate = asked.at(-1)!;
    if (!isAlone) {
      const { there, back } = await assignedByAdd(live);
      throttle.push(await movedByApache(live, meter, { name: 'add', assigned: there }, theirRate));
      if (mode === 'whole')
        throttle.push(await movedByApache(live, meter, { name: 'remove', assigned: back }, theirRate));
      await still();
    }
    live.load.mark('end');
    await meter.stop();
    const ours = asked.map((rate): Moves => ({ by: 'hikube-kafka plan', throttle: rate, kind: movingAt(rate) }));
    const theirs: Moves = { by: 'kafka-reassign-partitions', throttle: theirRate, kind: byApache };
    const produceMs = await produced(live, isAlone ? ours : [...ours, theirs]);
    const seen = { original, disksIn: tmpdir(), throttle, produceMs };
    if (mode === 'latency') return { ...seen, load: { before, after: loadavg() } };
    const deaths = [
      await withDeath(live, { who: 'broker 4, which receives', id: 4, args: ['add', '--brokers', '4'] }),
      await withDeath(live, { who: 'broker 1, the controller', id: 1, args: ['remove', '--brokers', '4'] }),
    ];
    const walked = await walk(live, 8_000_000);
    return { ...seen, load: { before, after: loadavg() }, deaths, walk: walked };
  } finally {
    await meter.stop();
    await live.stop();
  }
}

/** As many changes of leaders in as much time as the moves took, twice; still and changing in turn. */
async function withLeadersAlone(
  live: Live,
  throttle: readonly Throttled[],
  still: () => Promise<void>,
): Promise<Pick<CampaignResult, 'throttle' | 'produceMs'>> {
  const wanted = throttle.reduce((sum, { leaders }) => sum + leaders, 0);
  const seconds = throttle.reduce((sum, { busiest }) => sum + busiest.seconds, 0);
  let changed = 0;
  for (let round = 0; round < 2; round++) {
    await still();
    live.load.mark(leadersAlone);
    changed += await changeLeaders(live, { count: wanted, seconds });
    // What the last change stops.
    await sleep(1500);
    live.load.mark('between');
  }
  await still();
  live.load.mark('end');
  const rate = throttle[0]!.asked;
  const moves: readonly Moves[] = [
    { by: 'hikube-kafka plan', throttle: rate, leaders: wanted, kind: movingAt(rate) },
    { by: 'changes of leaders alone', throttle: 0, leaders: changed, kind: leadersAlone },
  ];
  return { throttle, produceMs: await produced(live, moves) };
}

/** A broker is killed while `plan` moves, and starts again some seconds later. */
async function withDeath(
  { cluster, folder, step }: Live,
  { who, id, args }: { readonly who: string; readonly id: number; readonly args: readonly string[] },
): Promise<NonNullable<CampaignResult['deaths']>[number]> {
  let back: Promise<void> | undefined;
  const kill = (stderr: string): boolean => {
    if (back === undefined && hasBegun(stderr)) {
      back = cluster.kill(id).then(async () => {
        await sleep(deadMs);
        await cluster.begin(id);
      });
    }
    return false;
  };
  const state = join(folder, `death-${id}.json`);
  const ran = await step(
    `${args[0]}, while ${who}, dies`,
    [...args, '--execute', '--throttle', '6M', '--state', state],
    {
      signal: 'SIGTERM',
      when: kill,
    },
  );
  await back;
  const said = ran.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('['));
  return { who, code: ran.code, said };
}

const flags = ['latency', 'young', 'leaders'] as const;

if (import.meta.main) {
  const named = process.argv.slice(2).filter((arg): arg is LiveOriginal => arg === 'kafka-3.9' || arg === 'kafka-4');
  const mode = flags.find((flag) => process.argv.includes(`--${flag}`)) ?? 'whole';
  const results: (CampaignResult | YoungResult)[] = [];
  const print = (result: CampaignResult | YoungResult): void => {
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    results.push(result);
  };
  for (const original of named.length > 0 ? named : (['kafka-3.9', 'kafka-4'] as const)) {
    if (mode !== 'young') print(await campaign(original, mode, process.argv.includes('--alone')));
    else for (const tool of tools) print(await onYoungBrokers(original, tool));
  }
  if (process.argv.includes('--record')) {
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const file = join(import.meta.dirname, `../../campaigns/placement-live${mode === 'whole' ? '' : `-${mode}`}.json`);
    writeFileSync(file, `${JSON.stringify({ commit, results }, undefined, 2)}\n`);
  }
}
