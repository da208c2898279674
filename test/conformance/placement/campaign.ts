/**
 * `node test/conformance/placement/campaign.ts [--record] [--latency [--alone]|--leaders] [kafka-3.9] [kafka-4]`: moves
 * that are long enough for the throttle and the producers' latency to be measured, and brokers that die on the way.
 * Prints and records the load of the machine beside the figures, and what producers see while Apache's own tool makes
 * the same moves. Brokers are set up as Apache's documentation says. About thirty minutes an original.
 *
 * `--latency` makes moves alone, each in turn with rest: add, with the tool killed and resumed on the way; a zone
 * relabelled; remove; then the first once more, by Apache's own tool at the same rate, unless `--alone`. As much is copied
 * as is produced. About fifty minutes an original, thirty alone.
 *
 * `--leaders` makes the quickest moves of the usual partitions, and then as many changes of leaders in as much time with
 * nothing copied: the part of what producers see that is Apache Kafka's own. About fifteen minutes an original.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { moveByApache } from './apache-move.ts';
import { changeLeaders } from './leaders-alone.ts';
import { hasBegun, type Live, type LiveOriginal, type Ran, startLive, topic, type WalkResult, walk } from './live.ts';
import { type Latencies, type Linger, type Phase, type Producer, sleep } from './load.ts';
import { type Gain, type Meter, startMeter } from './meter.ts';

type Throttled = {
  readonly move: string;
  readonly asked: number;
  /** The broker that has most to receive or to send: bytes per second between the first and the last byte. */
  readonly busiest: string;
  readonly seen: number;
  readonly error: number;
  readonly seconds: number;
  /** Partitions that it gave another leader. */
  readonly leaders: number;
  /** Of the others, which may stay below the limit, the one with the highest rate. */
  readonly highestOther: number;
};

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

/** Of all records between moves, and of all during moves of a kind; then each rest and each move, in order. */
type Produced = {
  readonly still: Latencies;
  readonly moving: readonly Moving[];
  readonly phases: readonly Omit<Phase, 'windows'>[];
};

type Moving = Latencies & Moves & { /** Of this p99 to the one between moves. */ readonly ratio: number };

/** What moved partitions, or leaders, and the kind of the windows that it did so in. */
type Moves = {
  readonly by: 'hikube-kafka plan' | 'kafka-reassign-partitions' | 'changes of leaders alone';
  /** Bytes per second; 0 where nothing is copied. */
  readonly throttle: number;
  /** Changes of leaders that there were. */
  readonly leaders?: number;
  readonly kind: string;
};

type Mode = 'whole' | 'latency' | 'leaders';

const partitionBytes: Readonly<Record<Mode, number>> = { whole: 64_000_000, latency: 16_000_000, leaders: 64_000_000 };
/** Bytes per second to copy at; Apache's tool, where it moves, at the last. */
const ratesOf: Readonly<Record<Mode, readonly number[]>> = {
  whole: [2_000_000, 4_000_000],
  latency: [1_000_000],
  leaders: [4_000_000],
};
type Move = { readonly name: string; readonly args: readonly string[]; readonly isKilled?: boolean };
const add: Move = { name: 'add', args: ['add', '--brokers', '4'] };
const remove: Move = { name: 'remove', args: ['remove', '--brokers', '4'] };
const relabel: Move = { name: 'zone relabelled', args: ['zone', '--relabel', '4=b'] };
const movesOf: Readonly<Record<Mode, readonly Move[]>> = {
  whole: [add, remove],
  latency: [{ ...add, isKilled: true }, relabel, remove],
  leaders: [add, remove],
};
/** Kinds of windows. */
const movingAt = (rate: number): string => `moving at ${rate}`;
/** Copies go on without a tool, and a new one starts where the brokers run: that is no part of the move, but it is recorded. */
const toolStarts = 'the tool starts again';
const byApache = 'moving by Apache';
const leadersAlone = 'changing leaders';
/**
 * Brokers compile what they run often while they run it, which is dear where four share two cores: the first copies of a
 * broker that has just started double the p99 of the whole cluster, and after a setting or the begin of a copy a young
 * broker's compiler takes most of a core for half a second. So moves are rehearsed, and then there is rest.
 */
const rehearsals = 6;
/** Of the rate to be measured: settings of the throttle are to be rehearsed as well, but not for as long. */
const rehearsalParts = 8;
const warmUpMs = 150_000;
const stillMs: Readonly<Record<Mode, number>> = { whole: 31_000, latency: 61_000, leaders: 31_000 };
const deadMs = 8000;
/** How long the tool moves before it is killed. */
const killMs = 60_000;
/** Phases that are neither rest nor a move. */
const asides: readonly string[] = ['warm-up', 'between', 'end'];

async function campaign(original: LiveOriginal, mode: Mode, isAlone: boolean): Promise<CampaignResult> {
  const before = loadavg();
  const live = await startLive(original, partitionBytes[mode], 'documented');
  const meter = await startMeter(live.cluster.bootstrap, [1, 2, 3, 4], topic);
  try {
    for (let round = 0; round < rehearsals; round++) {
      for (const { name, args } of [add, remove]) {
        const state = join(live.folder, `rehearsal-${name}.json`);
        const limited = ['--execute', '--state', state, '--throttle', String(rehearsalParts * ratesOf[mode][0]!)];
        mustEnd(await live.step(`${name}, rehearsed`, [...args, ...limited]));
      }
    }
    await sleep(warmUpMs);
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
        throttle.push(await throttled(live, meter, move, rate));
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
      const mark = (isMoving: boolean): void => live.load.mark(isMoving ? byApache : 'between');
      await moveByApache(live, { throttle: theirRate, isMovedBack: mode === 'whole' }, mark);
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

async function produced({ load: { by } }: Live, moves: readonly Moves[]): Promise<CampaignResult['produceMs']> {
  return { asClientsCome: await seenBy(by.asClientsCome, moves), nothing: await seenBy(by.nothing, moves) };
}

async function seenBy(producer: Producer, moves: readonly Moves[]): Promise<Produced> {
  const atRest = await producer.latencies('still');
  const moving: Moving[] = [];
  for (const each of moves) {
    const latencies = await producer.latencies(each.kind);
    moving.push({ ...each, ratio: latencies.p99 / atRest.p99, ...latencies });
  }
  const phases = (await producer.phases()).filter(({ kind }) => !asides.includes(kind));
  return { still: atRest, moving, phases: phases.map(({ windows: _, ...phase }) => phase) };
}

/** As many changes of leaders in as much time as the moves took, twice; still and changing in turn. */
async function withLeadersAlone(
  live: Live,
  throttle: readonly Throttled[],
  still: () => Promise<void>,
): Promise<Pick<CampaignResult, 'throttle' | 'produceMs'>> {
  const wanted = throttle.reduce((sum, { leaders }) => sum + leaders, 0);
  const seconds = throttle.reduce((sum, move) => sum + move.seconds, 0);
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

/** A figure of a move that failed, or of one that ended before it was to be killed, is none. */
function mustEnd({ code, stderr }: Ran, wanted: number | null = 0): void {
  if (code !== wanted) throw new Error(`plan ended with code ${code}, not ${wanted}: ${stderr.slice(-2000)}`);
}

async function throttled(
  { load, folder, steps, step, leaders }: Live,
  meter: Meter,
  { name: move, args, isKilled = false }: Move,
  asked: number,
): Promise<Throttled> {
  const before = await leaders();
  meter.begin(before);
  const state = join(folder, `${steps.length}.json`);
  let begunMs: number | undefined;
  const when = (stderr: string): boolean => {
    // Not before: where the tool runs it also starts, which is no part of the move.
    if (begunMs === undefined && hasBegun(stderr)) {
      begunMs = performance.now();
      load.mark(movingAt(asked));
    }
    return isKilled && begunMs !== undefined && performance.now() - begunMs > killMs;
  };
  const limited = ['--execute', '--state', state, '--throttle', String(asked)];
  const ran = await step(`${move} at ${asked} bytes/s`, [...args, ...limited], { signal: 'SIGKILL', when });
  mustEnd(ran, isKilled ? null : 0);
  if (isKilled) {
    load.mark(toolStarts);
    let hasGoneOn = false;
    const goesOn = (stderr: string): boolean => {
      if (!hasGoneOn && hasBegun(stderr)) {
        hasGoneOn = true;
        load.mark(movingAt(asked));
      }
      return false;
    };
    mustEnd(await step(`${move}, resumed`, ['resume', '--state', state], { signal: 'SIGKILL', when: goesOn }));
  }
  load.mark('between');
  await sleep(1500);
  const gains = meter.gains().sort((one, other) => other.bytes - one.bytes);
  const [{ broker, direction, rate, seconds }, ...others] = gains as [Gain, ...Gain[]];
  // Whoever moved little had no time to be measured.
  const highestOther = Math.max(0, ...others.filter((gain) => gain.seconds > 10).map((gain) => gain.rate));
  const busiest = `broker ${broker} ${direction}`;
  const after = await leaders();
  const led = [...after].filter(([partition, leader]) => before.get(partition) !== leader).length;
  return { move, asked, busiest, seen: rate, error: rate / asked - 1, seconds, leaders: led, highestOther };
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
  const mode = process.argv.includes('--latency')
    ? 'latency'
    : process.argv.includes('--leaders')
      ? 'leaders'
      : 'whole';
  const results: CampaignResult[] = [];
  for (const original of named.length > 0 ? named : (['kafka-3.9', 'kafka-4'] as const)) {
    const result = await campaign(original, mode, process.argv.includes('--alone'));
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    results.push(result);
  }
  if (process.argv.includes('--record')) {
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const file = join(import.meta.dirname, `../../campaigns/placement-live${mode === 'whole' ? '' : `-${mode}`}.json`);
    writeFileSync(file, `${JSON.stringify({ commit, results }, undefined, 2)}\n`);
  }
}
