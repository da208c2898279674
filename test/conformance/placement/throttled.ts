import { join } from 'node:path';
import { type Assigned, moveByApache } from './apache-move.ts';
import { hasBegun, type Live } from './live.ts';
import { sleep } from './load.ts';
import type { Gain, Meter } from './meter.ts';
import { type Move, mustEnd } from './rehearsal.ts';
import type { Tool } from './seen.ts';

/** Bytes per second of a broker between the first and the last byte that it sent or received. */
type Rate = { readonly broker: string; readonly rate: number; readonly seconds: number };

/** A move under a throttle, and what the brokers made of it. */
export type Throttled = {
  readonly by: Tool;
  readonly move: string;
  /** Bytes per second. */
  readonly asked: number;
  /** The highest rate of a broker: nobody was let through more. */
  readonly highest: Rate;
  /** By which part that is off what was asked; that somebody else was held back too much does not show in it. */
  readonly error: number;
  /** Who had most to move: below what was asked it waited for one that was full, or was held back too much. */
  readonly busiest: Rate;
  /** Everybody's, in the order of what they moved: whether somebody whom the busiest waited for was full. */
  readonly brokers: readonly Rate[];
  /** Partitions that it gave another leader. */
  readonly leaders: number;
};

/** Kinds of windows. */
export const movingAt = (rate: number): string => `moving at ${rate}`;
export const byApache = 'moving by Apache';
/** Copies go on without a tool, and a new one starts where the brokers run: that is no part of the move, but it is recorded. */
const toolStarts = 'the tool starts again';
/** How long the tool moves before it is killed. */
const killMs = 60_000;
/** Of a rate that counts. */
const leastSeconds = 10;

/** By `hikube-kafka plan`. */
export function movedByPlan(
  live: Live,
  meter: Meter,
  { name: move, args, isKilled = false }: Move,
  asked: number,
): Promise<Throttled> {
  const { load, folder, steps, step } = live;
  return measured(live, meter, { by: 'hikube-kafka plan', move, asked }, async () => {
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
    if (!isKilled) return;
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
  });
}

/** By Apache's own tool. */
export function movedByApache(
  live: Live,
  meter: Meter,
  { name: move, assigned }: { readonly name: string; readonly assigned: readonly Assigned[] },
  asked: number,
): Promise<Throttled> {
  return measured(live, meter, { by: 'kafka-reassign-partitions', move, asked }, () =>
    moveByApache(live, assigned, asked, (isMoving) => live.load.mark(isMoving ? byApache : 'between')),
  );
}

async function measured(
  { load, leaders }: Live,
  meter: Meter,
  { by, move, asked }: Pick<Throttled, 'by' | 'move' | 'asked'>,
  moved: () => Promise<void>,
): Promise<Throttled> {
  const before = await leaders();
  meter.begin(before);
  await moved();
  load.mark('between');
  await sleep(1500);
  const gains = meter.gains().sort((one, other) => other.bytes - one.bytes);
  const brokers = gains.map(rateOf);
  const busiest = brokers[0]!;
  // Whoever moved little had no time to be measured.
  const measurable = brokers.filter(({ seconds }) => seconds > leastSeconds);
  const highest = measurable.reduce((one, other) => (other.rate > one.rate ? other : one), busiest);
  const after = await leaders();
  const led = [...after].filter(([partition, leader]) => before.get(partition) !== leader).length;
  return { by, move, asked, highest, error: highest.rate / asked - 1, busiest, brokers, leaders: led };
}

const rateOf = ({ broker, direction, rate, seconds }: Gain): Rate => ({
  broker: `${broker} ${direction}`,
  rate,
  seconds,
});
