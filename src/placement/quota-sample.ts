import type { Candidates } from './candidates.ts';
import { constants } from './constants.ts';
import { inSlices } from './slices.ts';
import type { Working } from './working.ts';

const { cpu, disk, inRate, leaderCount, leaderIn, outRate, replicaCount, nobody } = constants;

/**
 * Partitions whose replicas quotas choose from, heaviest first, `width` cells each.
 *
 * What is asked of each again and again lies side by side here. In the model every property is an array of its own, and
 * partitions by weight are partitions by chance: each look at one of them would wait for memory a dozen times.
 */
export type Sample = {
  readonly width: number;
  readonly rows: Int32Array;
  /** Of each cell, the giver whose replica it is; `nobody` where there is none, or none that has another place. */
  readonly givers: Int32Array;
  /** Of each partition, 1: only one of its replicas goes at a time, or two would count on the same place. */
  readonly goesAlone: Uint8Array;
  /** What each partition puts on brokers, as in the model: see `carriedBy`. */
  readonly sizes: Float64Array;
  readonly rates: Float32Array;
  readonly factors: Uint8Array;
  /** Of each cell, 1: its replica has been chosen. */
  readonly isLeaving: Uint8Array;
};

/** Numbers a partition in `Sample.rates`: bytes in, bytes out without followers, CPU of its leader, CPU of a follower. */
const ratesCount = 4;

/**
 * @param isGiver    by broker, 1: may give
 * @param mayChange  partitions that may; all when undefined
 * @param stride     every how many-th partition is looked at
 */
export function sampleOf(
  working: Working,
  candidates: Candidates,
  isGiver: Uint8Array,
  mayChange: ((row: number) => boolean) | undefined,
  stride: number,
): Sample {
  const { width, partitions } = working;
  const looked = new Int32Array(Math.ceil(partitions / stride));
  for (let at = 0; at < looked.length; at++) looked[at] = at * stride;
  const sample = {
    width,
    rows: working.heaviestFirst(looked),
    givers: new Int32Array(looked.length * width).fill(nobody),
    goesAlone: new Uint8Array(looked.length),
    sizes: new Float64Array(looked.length),
    rates: new Float32Array(looked.length * ratesCount),
    factors: new Uint8Array(looked.length),
    isLeaving: new Uint8Array(looked.length * width),
  };
  inSlices(looked.length, (from, to) => {
    addGivers(working, candidates, isGiver, mayChange, sample, from, to);
    addCarried(working, sample, from, to);
  });
  return sample;
}

function addGivers(
  { model, replicas, spreads, survey, width }: Working,
  candidates: Candidates,
  isGiver: Uint8Array,
  mayChange: ((row: number) => boolean) | undefined,
  { rows, givers, goesAlone }: Sample,
  from: number,
  to: number,
): void {
  for (let at = from; at < to; at++) {
    const row = rows[at]!;
    const topic = model.topicOf[row]!;
    if (model.pinned[topic] === 1 || survey.readable[row] === 0 || mayChange?.(row) === false) continue;
    const pool = model.poolOfTopic[topic]!;
    const isRigid = spreads.isRigid(pool);
    goesAlone[at] = isRigid ? 0 : 1;
    for (let column = 0; column < width; column++) {
      const broker = replicas[row * width + column]!;
      if (broker === nobody || isGiver[broker] === 0) continue;
      const places = isRigid ? candidates.inZone(pool, model.zoneOf[broker]!) : candidates.zonesFor(row, column);
      if (places.length > 0) givers[at * width + column] = broker;
    }
  }
}

function addCarried({ model }: Working, { rows, sizes, rates, factors }: Sample, from: number, to: number): void {
  for (let at = from, first = from * ratesCount; at < to; at++, first += ratesCount) {
    const row = rows[at]!;
    sizes[at] = model.sizes[row]!;
    factors[at] = model.factors[row]!;
    rates[first] = model.inRates[row]!;
    rates[first + 1] = model.outRates[row]!;
    rates[first + 2] = model.leaderCpu[row]!;
    rates[first + 3] = model.followerCpu[row]!;
  }
}

/** Writes what the replica in a cell puts on its broker to `item`, as `itemOf` does. */
export function carriedBy({ sizes, rates, factors, width }: Sample, cell: number, item: Float64Array): void {
  const at = Math.floor(cell / width);
  const first = at * ratesCount;
  const isLeader = cell === at * width;
  const rate = rates[first]!;
  item[disk] = sizes[at]!;
  item[inRate] = rate;
  item[outRate] = isLeader ? rates[first + 1]! + rate * (factors[at]! - 1) : 0;
  item[cpu] = rates[first + (isLeader ? 2 : 3)]!;
  item[replicaCount] = 1;
  item[leaderCount] = isLeader ? 1 : 0;
  item[leaderIn] = isLeader ? rate : 0;
}

/** Whether the replica in a cell may go, with what has been chosen so far. */
export function mayLeave({ goesAlone, isLeaving, width }: Sample, cell: number): boolean {
  const at = Math.floor(cell / width);
  if (goesAlone[at] === 0) return true;
  for (let other = at * width; other < (at + 1) * width; other++) if (isLeaving[other] === 1) return false;
  return true;
}
