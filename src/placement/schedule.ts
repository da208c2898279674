import { Chance } from './chance.ts';
import { changedRows } from './changed-rows.ts';
import { constants } from './constants.ts';
import { condition, type Model } from './model.ts';
import type { PlanOptions } from './options.ts';

const { dimensions, disk, nobody } = constants;

/** Partitions in the order in which they change, cut into batches. */
export type Schedule = {
  /** Rows of the model; batch k is `rows[first[k]]` to `rows[first[k + 1]]` (exclusive). */
  readonly rows: Int32Array;
  readonly first: Int32Array;
  /** Rows that no batch could hold: their copies do not fit on the disks while the old ones are still there. */
  readonly stuck: readonly number[];
  /** Seconds of all batches at the throttle, each as long as its busiest broker, and the least that is possible. */
  readonly seconds: number;
  readonly leastSeconds: number;
};

const nothing: Schedule = {
  rows: new Int32Array(0),
  first: Int32Array.of(0),
  stuck: [],
  seconds: 0,
  leastSeconds: 0,
};

/** A broker that can be read to copy a partition: its leader, else the first living replica. */
export function sourceOf(model: Model, row: number): number {
  const readable = (broker: number): boolean =>
    broker !== nobody && model.conditions[broker] !== condition.dead && model.conditions[broker] !== condition.away;
  const leader = model.leaders[row]!;
  if (readable(leader)) return leader;
  for (let cell = row * model.width; cell < (row + 1) * model.width; cell++) {
    if (readable(model.replicas[cell]!)) return model.replicas[cell]!;
  }
  return nobody;
}

/** Batches looked at for one partition. */
const batchSamples = 12;

/**
 * Orders changed partitions into batches. Changes that copy nothing come first. The others are dealt out, largest
 * first, each to the batch (of a few looked at) where its source and its receivers have least to do: so every broker
 * does about the same part of its work in every batch, and the sum of the batches comes near the work of the busiest
 * broker, which is the least that is possible. What would overfill a disk while old copies are still there waits for a
 * later batch.
 *
 * @param startLoads  see `Searched`
 */
export function scheduleOf(model: Model, target: Int32Array, startLoads: Float64Array, options: PlanOptions): Schedule {
  if (target === model.replicas) return nothing;
  const { batch } = options;
  const changed = changedRows(model.replicas, target, model.width);
  const isCopied = changed.map((row) => (isCopying(model, target, row) ? 1 : 0));
  const copying = changed.filter((_, at) => isCopied[at] === 1);
  const free = changed.filter((_, at) => isCopied[at] === 0);
  const work = workOf(model, target, copying);
  const dealt = deal(model, copying, work, largestFirst(model, copying), options);
  const rows = new Int32Array(free.length + copying.length);
  const first = [0];
  rows.set(free);
  for (let at = 0; at < free.length; at += batch.partitions) first.push(Math.min(free.length, at + batch.partitions));
  const used = Float64Array.from(model.brokerIds, (_, broker) => startLoads[broker * dimensions + disk]!);
  let placed = free.length;
  let total = 0;
  let waiting: number[] = [];
  const run = (members: ArrayLike<number>): void => {
    const { taken, rest, busiestBytes } = fitting(model, copying, work, members, used, options);
    waiting = rest;
    if (taken.length === 0) return;
    for (const at of taken) {
      settleDisk(model, target, copying[at]!, used);
      rows[placed++] = copying[at]!;
    }
    first.push(placed);
    total += busiestBytes;
  };
  for (const members of dealt) run(waiting.length === 0 ? members : Int32Array.from([...waiting, ...members]));
  for (let before = -1; waiting.length > 0 && waiting.length !== before; ) {
    before = waiting.length;
    run(waiting);
  }
  return {
    rows: rows.slice(0, placed),
    first: Int32Array.from(first),
    stuck: waiting.map((at) => copying[at]!),
    seconds: total / batch.throttle,
    leastSeconds: totalWork(model, copying, work).reduce((most, sum) => Math.max(most, sum), 0) / batch.throttle,
  };
}

/** Places in `rows`, those of the largest partitions first, in steps of about 4 %. */
function largestFirst({ sizes }: Model, rows: Int32Array): Int32Array {
  const steps = Uint16Array.from(rows, (row) => 1023 - Math.min(1023, Math.floor(Math.log2(sizes[row]! + 1) * 18)));
  return placesBy(steps, 1024).places;
}

/** Places of `keys` in order of their keys (below `end`), equal ones in order; those of key k begin at `first[k]`. */
function placesBy(keys: ArrayLike<number>, end: number) {
  const first = new Int32Array(end + 1);
  for (let at = 0; at < keys.length; at++) first[keys[at]! + 1]!++;
  for (let key = 0; key < end; key++) first[key + 1]! += first[key]!;
  const places = new Int32Array(keys.length);
  const next = first.slice();
  for (let at = 0; at < keys.length; at++) places[next[keys[at]!]!++] = at;
  return { first, places };
}

/** What each copying partition asks of brokers: receivers `to[first[i]]` to `to[first[i + 1]]`, and its source. */
type Work = { readonly first: Int32Array; readonly to: Int32Array; readonly source: Int32Array };

/** Not so for changes of leaders and order, for replicas dropped, and for partitions that hold nothing yet. */
function isCopying(model: Model, target: Int32Array, row: number): boolean {
  const { width, replicas } = model;
  let isNew = true;
  let isMore = false;
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    if (replicas[cell] !== nobody) isNew = false;
    if (target[cell] !== nobody && !had(model, row, target[cell]!)) isMore = true;
  }
  return isMore && !isNew;
}

function workOf(model: Model, target: Int32Array, copying: Int32Array): Work {
  const { width } = model;
  const first = new Int32Array(copying.length + 1);
  const to = new Int32Array(copying.length * width);
  let count = 0;
  for (let at = 0; at < copying.length; at++) {
    const row = copying[at]!;
    for (let cell = row * width; cell < (row + 1) * width; cell++) {
      if (target[cell] !== nobody && !had(model, row, target[cell]!)) to[count++] = target[cell]!;
    }
    first[at + 1] = count;
  }
  return { first, to, source: copying.map((row) => sourceOf(model, row)) };
}

/** Bytes that each broker receives (first half) and sends (second half). */
function totalWork(model: Model, copying: Int32Array, work: Work): Float64Array {
  const brokers = model.brokerIds.length;
  const sums = new Float64Array(2 * brokers);
  for (let at = 0; at < copying.length; at++) addWork(model, copying[at]!, work, at, sums, brokers);
  return sums;
}

function addWork(model: Model, row: number, work: Work, at: number, sums: Float64Array, brokers: number): void {
  const size = model.sizes[row]!;
  const count = work.first[at + 1]! - work.first[at]!;
  for (let index = work.first[at]!; index < work.first[at + 1]!; index++) sums[work.to[index]!]! += size;
  if (work.source[at] !== nobody) sums[brokers + work.source[at]!]! += size * count;
}

/** Deals partitions out to as many batches as the limits ask for. @returns places in `copying`, by batch */
function deal(
  model: Model,
  copying: Int32Array,
  work: Work,
  order: Int32Array,
  { batch, seed }: PlanOptions,
): Int32Array[] {
  const brokers = model.brokerIds.length;
  const bytesOf = (at: number): number => model.sizes[copying[at]!]! * (work.first[at + 1]! - work.first[at]!);
  let bytes = 0;
  for (let at = 0; at < copying.length; at++) bytes += bytesOf(at);
  const expected = Math.max(Math.ceil(copying.length / batch.partitions), Math.ceil(bytes / batch.bytes));
  if (expected <= 1) return copying.length === 0 ? [] : [order];
  const counts: number[] = [];
  const volumes: number[] = [];
  const sums: Float64Array[] = [];
  const open = (): void => {
    counts.push(0);
    volumes.push(0);
    sums.push(new Float64Array(2 * brokers));
  };
  for (let made = 0; made < expected; made++) open();
  const random = new Chance(seed);
  const loadIn = (number: number, at: number): number => {
    if (counts[number]! >= batch.partitions) return Number.POSITIVE_INFINITY;
    if (volumes[number]! > 0 && volumes[number]! + bytesOf(at) > batch.bytes) return Number.POSITIVE_INFINITY;
    const own = sums[number]!;
    const size = model.sizes[copying[at]!]!;
    let most = work.source[at] === nobody ? 0 : own[brokers + work.source[at]!]! + bytesOf(at);
    for (let index = work.first[at]!; index < work.first[at + 1]!; index++) {
      most = Math.max(most, own[work.to[index]!]! + size);
    }
    return most;
  };
  const batchOf = new Int32Array(copying.length);
  for (const at of order) {
    let best = -1;
    let bestLoad = Number.POSITIVE_INFINITY;
    const isSampled = counts.length > batchSamples;
    for (let sample = 0; sample < Math.min(batchSamples, counts.length); sample++) {
      const number = isSampled ? random.below(counts.length) : sample;
      const load = loadIn(number, at);
      if (load >= bestLoad) continue;
      best = number;
      bestLoad = load;
    }
    for (let number = 0; best === -1 && number < counts.length; number++) {
      if (loadIn(number, at) < Number.POSITIVE_INFINITY) best = number;
    }
    if (best === -1) {
      open();
      best = counts.length - 1;
    }
    batchOf[at] = best;
    counts[best]!++;
    volumes[best]! += bytesOf(at);
    addWork(model, copying[at]!, work, at, sums[best]!, brokers);
  }
  // Inside a batch the largest come first again.
  const { first, places } = placesBy(
    order.map((at) => batchOf[at]!),
    counts.length,
  );
  return counts
    .map((_, number) => places.subarray(first[number]!, first[number + 1]!).map((place) => order[place]!))
    .filter((members) => members.length > 0);
}

/** Of a batch's members, those whose copies fit on the disks beside what is there, within the batch's limits. */
function fitting(
  model: Model,
  copying: Int32Array,
  work: Work,
  members: ArrayLike<number>,
  used: Float64Array,
  { batch, transientDiskUse }: PlanOptions,
) {
  const brokers = model.brokerIds.length;
  const incoming = new Float64Array(brokers);
  const sums = new Float64Array(2 * brokers);
  const taken: number[] = [];
  const rest: number[] = [];
  for (let member = 0; member < members.length; member++) {
    const at = members[member]!;
    const size = model.sizes[copying[at]!]!;
    let isFitting = taken.length < batch.partitions;
    for (let index = work.first[at]!; index < work.first[at + 1]!; index++) {
      const broker = work.to[index]!;
      const peak = used[broker]! + incoming[broker]! + size;
      if (peak > model.diskCapacity[broker]! * transientDiskUse) isFitting = false;
    }
    if (!isFitting) {
      rest.push(at);
      continue;
    }
    taken.push(at);
    for (let index = work.first[at]!; index < work.first[at + 1]!; index++) {
      incoming[work.to[index]!]! += size;
    }
    addWork(model, copying[at]!, work, at, sums, brokers);
  }
  return { taken, rest, busiestBytes: sums.reduce((most, sum) => Math.max(most, sum), 0) };
}

export function isChanged({ width, replicas }: Model, target: Int32Array, row: number): boolean {
  for (let cell = row * width; cell < (row + 1) * width; cell++) if (replicas[cell] !== target[cell]) return true;
  return false;
}

export function had({ width, replicas }: Model, row: number, broker: number): boolean {
  for (let cell = row * width; cell < (row + 1) * width; cell++) if (replicas[cell] === broker) return true;
  return false;
}

/** After a batch the new copies count and the old ones are gone. */
function settleDisk({ width, replicas, sizes }: Model, target: Int32Array, row: number, used: Float64Array): void {
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    if (replicas[cell] !== nobody) used[replicas[cell]!]! -= sizes[row]!;
    if (target[cell] !== nobody) used[target[cell]!]! += sizes[row]!;
  }
}
