/**
 * `node test/conformance/placement/campaign.ts [--record] [--latency] [kafka-3.9] [kafka-4]`: moves that are long enough
 * for the throttle and the producers' latency to be measured, and brokers that die on the way. Prints and records the
 * load of the machine beside the figures, and what producers see while Apache's own tool makes the same moves. About
 * seventeen minutes an original.
 *
 * `--latency` makes the quickest moves alone, of partitions twice as large: there a change of leader, after which
 * Apache's followers may wait for a second, is as rare beside the copies as it is at half the rate. About eight minutes
 * an original.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { moveByApache } from './apache-move.ts';
import { hasBegun, type Live, type LiveOriginal, startLive, topic, type WalkResult, walk } from './live.ts';
import { type Latencies, sleep } from './load.ts';
import { type Gain, type Meter, startMeter } from './meter.ts';

type Throttled = {
  readonly move: string;
  readonly asked: number;
  /** The broker that has most to receive or to send: bytes per second between the first and the last byte. */
  readonly busiest: string;
  readonly seen: number;
  readonly error: number;
  readonly seconds: number;
  /** Of the others, which may stay below the limit, the one with the highest rate. */
  readonly highestOther: number;
};

type CampaignResult = {
  readonly original: LiveOriginal;
  readonly load: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly throttle: readonly Throttled[];
  /** Of all records between moves, and of all records during moves of a kind; still and moving in turn. */
  readonly produceMs: { readonly still: Latencies; readonly moving: readonly Moving[] };
  /** Codes and last words of `plan` when brokers die while it moves. */
  readonly deaths?: readonly { readonly who: string; readonly code: number | null; readonly said: readonly string[] }[];
  readonly walk?: WalkResult;
};

type Moving = Latencies & {
  readonly by: 'hikube-kafka plan' | 'kafka-reassign-partitions';
  readonly throttle: number;
  /** Of this p99 to the one between moves. */
  readonly ratio: number;
};

/** What is copied, and at which bytes per second. */
const partitionBytes = { usual: 64_000_000, latencyOnly: 128_000_000 };
const rates = [2_000_000, 4_000_000] as const;
/** Kinds of windows. */
const movingAt = (rate: number): string => `moving at ${rate}`;
const byApache = 'moving by Apache';
const stillMs = 31_000;
const deadMs = 8000;

async function campaign(original: LiveOriginal, isLatencyOnly: boolean): Promise<CampaignResult> {
  const before = loadavg();
  const live = await startLive(original, partitionBytes[isLatencyOnly ? 'latencyOnly' : 'usual']);
  const meter = await startMeter(live.cluster.bootstrap, [1, 2, 3, 4], topic);
  try {
    await sleep(20_000);
    const throttle: Throttled[] = [];
    const still = async (): Promise<void> => {
      live.load.mark('still');
      await sleep(stillMs);
    };
    const apacheRate = rates[rates.length - 1]!;
    const asked = isLatencyOnly ? [apacheRate] : rates;
    for (const rate of asked) {
      await still();
      throttle.push(await throttled(live, meter, 'add', rate));
      await still();
      throttle.push(await throttled(live, meter, 'remove', rate));
    }
    if (!isLatencyOnly) {
      await still();
      await moveByApache(live, apacheRate, (isMoving) => live.load.mark(isMoving ? byApache : 'between'));
    }
    await still();
    live.load.mark('end');
    await meter.stop();
    const atRest = live.load.latencies('still');
    const movingOf = (by: Moving['by'], rate: number, kind: string): Moving => {
      const latencies = live.load.latencies(kind);
      return { by, throttle: rate, ratio: latencies.p99 / atRest.p99, ...latencies };
    };
    const ours = asked.map((rate) => movingOf('hikube-kafka plan', rate, movingAt(rate)));
    if (isLatencyOnly) {
      return { original, load: { before, after: loadavg() }, throttle, produceMs: { still: atRest, moving: ours } };
    }
    const moving = [...ours, movingOf('kafka-reassign-partitions', apacheRate, byApache)];
    const deaths = [
      await withDeath(live, { who: 'broker 4, which receives', id: 4, args: ['add', '--brokers', '4'] }),
      await withDeath(live, { who: 'broker 1, the controller', id: 1, args: ['remove', '--brokers', '4'] }),
    ];
    const walked = await walk(live, 8_000_000);
    return {
      original,
      load: { before, after: loadavg() },
      throttle,
      produceMs: { still: atRest, moving },
      deaths,
      walk: walked,
    };
  } finally {
    await meter.stop();
    await live.stop();
  }
}

async function throttled(
  { load, folder, steps, step, leaders }: Live,
  meter: Meter,
  move: 'add' | 'remove',
  asked: number,
): Promise<Throttled> {
  meter.begin(await leaders());
  const state = join(folder, `${move}-${steps.length}.json`);
  const limited = ['--brokers', '4', '--execute', '--state', state, '--throttle', String(asked)];
  let isMoving = false;
  await step(`${move} at ${asked} bytes/s`, [move, ...limited], {
    signal: 'SIGTERM',
    when: (stderr) => {
      // Not before: where the tool runs it also starts, which is no part of the move.
      if (!isMoving && hasBegun(stderr)) {
        isMoving = true;
        load.mark(movingAt(asked));
      }
      return false;
    },
  });
  load.mark('between');
  await sleep(1500);
  const gains = meter.gains().sort((one, other) => other.bytes - one.bytes);
  const [{ broker, direction, rate, seconds }, ...others] = gains as [Gain, ...Gain[]];
  // Whoever moved little had no time to be measured.
  const highestOther = Math.max(0, ...others.filter((gain) => gain.seconds > 10).map((gain) => gain.rate));
  const busiest = `broker ${broker} ${direction}`;
  return { move, asked, busiest, seen: rate, error: rate / asked - 1, seconds, highestOther };
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

if (import.meta.main) {
  const named = process.argv.slice(2).filter((arg): arg is LiveOriginal => arg === 'kafka-3.9' || arg === 'kafka-4');
  const isLatencyOnly = process.argv.includes('--latency');
  const results: CampaignResult[] = [];
  for (const original of named.length > 0 ? named : (['kafka-3.9', 'kafka-4'] as const)) {
    const result = await campaign(original, isLatencyOnly);
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    results.push(result);
  }
  if (process.argv.includes('--record')) {
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const file = join(import.meta.dirname, `../../campaigns/placement-live${isLatencyOnly ? '-latency' : ''}.json`);
    writeFileSync(file, `${JSON.stringify({ commit, results }, undefined, 2)}\n`);
  }
}
