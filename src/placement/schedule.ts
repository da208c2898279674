import { seededRandom } from '../base/index.ts';
import { condition, type Model, nobody } from './model.ts';
import type { PlanOptions } from './options.ts';

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
 */
export function scheduleOf(model: Model, target: Int32Array, options: PlanOptions): Schedule {
  const { batch } = options;
  const { free, copying } = changedRows(model, target);
  const work = workOf(model, target, copying);
  const order = copying
    .map((_, at) => at)
    .sort((one, other) => {
      return model.sizes[copying[other]!]! - model.sizes[copying[one]!]! || copying[one]! - copying[other]!;
    });
  const dealt = deal(model, copying, work, order, options);
  const rows: number[] = [];
  const first = [0];
  for (let at = 0; at < free.length; at += batch.partitions) {
    for (const row of free.slice(at, at + batch.partitions)) rows.push(row);
    first.push(rows.length);
  }
  const used = diskUse(model);
  let total = 0;
  let waiting: number[] = [];
  const run = (members: readonly number[]): void => {
    const { taken, rest, busiestBytes } = fitting(model, copying, work, members, used, options);
    waiting = rest;
    if (taken.length === 0) return;
    for (const at of taken) {
      settleDisk(model, target, copying[at]!, used);
      rows.push(copying[at]!);
    }
    first.push(rows.length);
    total += busiestBytes;
  };
  for (const members of dealt) run(waiting.length === 0 ? members : [...waiting, ...members]);
  for (let before = -1; waiting.length > 0 && waiting.length !== before; ) {
    before = waiting.length;
    run(waiting);
  }
  return {
    rows: Int32Array.from(rows),
    first: Int32Array.from(first),
    stuck: waiting.map((at) => copying[at]!),
    seconds: total / batch.throttle,
    leastSeconds:
      Math.max(
        0,
        totalWork(model, copying, work).reduce((most, sum) => Math.max(most, sum), 0),
      ) / batch.throttle,
  };
}

/** What each copying partition asks of brokers: receivers `to[first[i]]` to `to[first[i + 1]]`, and its source. */
type Work = { readonly first: Int32Array; readonly to: Int32Array; readonly source: Int32Array };

/** Changes without copies: leaders, order, replicas dropped, and partitions that hold nothing yet. */
function changedRows(model: Model, target: Int32Array): { free: number[]; copying: number[] } {
  const free: number[] = [];
  const copying: number[] = [];
  const { width, replicas } = model;
  for (let row = 0; row < model.topicOf.length; row++) {
    if (!isChanged(model, target, row)) continue;
    let isCopying = false;
    let isNew = true;
    for (let cell = row * width; cell < (row + 1) * width; cell++) {
      if (replicas[cell] !== nobody) isNew = false;
      if (target[cell] !== nobody && !had(model, row, target[cell]!)) isCopying = true;
    }
    if (isCopying && !isNew) copying.push(row);
    else free.push(row);
  }
  return { free, copying };
}

function workOf(model: Model, target: Int32Array, copying: readonly number[]): Work {
  const first = new Int32Array(copying.length + 1);
  const to: number[] = [];
  for (const [at, row] of copying.entries()) {
    for (let cell = row * model.width; cell < (row + 1) * model.width; cell++) {
      const broker = target[cell]!;
      if (broker !== nobody && !had(model, row, broker)) to.push(broker);
    }
    first[at + 1] = to.length;
  }
  return { first, to: Int32Array.from(to), source: Int32Array.from(copying, (row) => sourceOf(model, row)) };
}

/** Bytes that each broker receives (first half) and sends (second half). */
function totalWork(model: Model, copying: readonly number[], work: Work): Float64Array {
  const brokers = model.brokerIds.length;
  const sums = new Float64Array(2 * brokers);
  for (const [at, row] of copying.entries()) addWork(model, row, work, at, sums, brokers);
  return sums;
}

function addWork(model: Model, row: number, work: Work, at: number, sums: Float64Array, brokers: number): void {
  const size = model.sizes[row]!;
  const count = work.first[at + 1]! - work.first[at]!;
  for (let index = work.first[at]!; index < work.first[at + 1]!; index++) sums[work.to[index]!]! += size;
  if (work.source[at] !== nobody) sums[brokers + work.source[at]!]! += size * count;
}

/** Deals partitions out to as many batches as the limits ask for. */
function deal(
  model: Model,
  copying: readonly number[],
  work: Work,
  order: readonly number[],
  { batch, seed }: PlanOptions,
): number[][] {
  const brokers = model.brokerIds.length;
  let bytes = 0;
  for (const [at, row] of copying.entries()) {
    bytes += model.sizes[row]! * (work.first[at + 1]! - work.first[at]!);
  }
  const count = Math.max(Math.ceil(copying.length / batch.partitions), Math.ceil(bytes / batch.bytes));
  const batches: number[][] = [];
  const sums: Float64Array[] = [];
  const volumes: number[] = [];
  const open = (): void => {
    batches.push([]);
    sums.push(new Float64Array(2 * brokers));
    volumes.push(0);
  };
  for (let made = 0; made < count; made++) open();
  const random = seededRandom(seed);
  const loadIn = (number: number, at: number): number => {
    const size = model.sizes[copying[at]!]!;
    const ofReceivers = work.first[at + 1]! - work.first[at]!;
    if (batches[number]!.length >= batch.partitions) return Number.POSITIVE_INFINITY;
    if (volumes[number]! > 0 && volumes[number]! + size * ofReceivers > batch.bytes) return Number.POSITIVE_INFINITY;
    let most = work.source[at] === nobody ? 0 : sums[number]![brokers + work.source[at]!]! + size * ofReceivers;
    for (let index = work.first[at]!; index < work.first[at + 1]!; index++) {
      const broker = work.to[index]!;
      most = Math.max(most, sums[number]![broker]! + size);
    }
    return most;
  };
  for (const at of order) {
    let best = -1;
    let bestLoad = Number.POSITIVE_INFINITY;
    const look = (number: number): void => {
      const load = loadIn(number, at);
      if (load >= bestLoad) return;
      best = number;
      bestLoad = load;
    };
    if (batches.length <= batchSamples) for (let number = 0; number < batches.length; number++) look(number);
    else for (let sample = 0; sample < batchSamples; sample++) look(random.below(batches.length));
    for (let number = 0; best === -1 && number < batches.length; number++) look(number);
    if (best === -1) {
      open();
      best = batches.length - 1;
    }
    batches[best]!.push(at);
    addWork(model, copying[at]!, work, at, sums[best]!, brokers);
    volumes[best]! += model.sizes[copying[at]!]! * (work.first[at + 1]! - work.first[at]!);
  }
  return batches.filter((members) => members.length > 0);
}

/** Of a batch's members, those whose copies fit on the disks beside what is there, within the batch's limits. */
function fitting(
  model: Model,
  copying: readonly number[],
  work: Work,
  members: readonly number[],
  used: Float64Array,
  { batch, transientDiskUse }: PlanOptions,
) {
  const brokers = model.brokerIds.length;
  const incoming = new Float64Array(brokers);
  const sums = new Float64Array(2 * brokers);
  const taken: number[] = [];
  const rest: number[] = [];
  for (const at of members) {
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

function diskUse({ width, replicas, sizes, brokerIds }: Model): Float64Array {
  const used = new Float64Array(brokerIds.length);
  for (let cell = 0; cell < replicas.length; cell++) {
    if (replicas[cell] !== nobody) used[replicas[cell]!]! += sizes[Math.floor(cell / width)]!;
  }
  return used;
}

/** After a batch the new copies count and the old ones are gone. */
function settleDisk({ width, replicas, sizes }: Model, target: Int32Array, row: number, used: Float64Array): void {
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    if (replicas[cell] !== nobody) used[replicas[cell]!]! -= sizes[row]!;
    if (target[cell] !== nobody) used[target[cell]!]! += sizes[row]!;
  }
}
