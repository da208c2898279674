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

/**
 * Orders changed partitions into batches. Changes that copy nothing come first. Each further batch takes from every
 * broker about the same part of what it has still to send and receive, largest partitions first, so that the busiest
 * broker is busy in every batch: the sum of the batches comes near the work of the busiest broker, which is the least
 * that is possible.
 */
export function scheduleOf(model: Model, target: Int32Array, options: PlanOptions): Schedule {
  const { width } = model;
  const { batch, transientDiskUse } = options;
  const free: number[] = [];
  let pending: number[] = [];
  const copies = (row: number): number[] => {
    const to: number[] = [];
    for (let column = 0; column < width; column++) {
      const broker = target[row * width + column]!;
      if (broker !== nobody && !had(model, row, broker)) to.push(broker);
    }
    return to;
  };
  const copiesOf = new Map<number, number[]>();
  for (let row = 0; row < model.topicOf.length; row++) {
    if (!isChanged(model, target, row)) continue;
    const to = copies(row);
    if (to.length === 0) free.push(row);
    else {
      copiesOf.set(row, to);
      pending.push(row);
    }
  }
  pending.sort((one, other) => model.sizes[other]! - model.sizes[one]! || one - other);
  const brokers = model.brokerIds.length;
  const incoming = new Float64Array(brokers);
  const outgoing = new Float64Array(brokers);
  for (const row of pending) addWork(model, row, copiesOf.get(row)!, incoming, outgoing, 1);
  const least = busiest(incoming, outgoing);

  const used = diskUse(model);
  const rows: number[] = [];
  const first = [0];
  for (let at = 0; at < free.length; at += batch.partitions) {
    rows.push(...free.slice(at, at + batch.partitions));
    first.push(rows.length);
  }
  let total = 0;
  const inNow = new Float64Array(brokers);
  const outNow = new Float64Array(brokers);
  const count = new Int32Array(brokers);
  const moves = new Int32Array(brokers);
  while (pending.length > 0) {
    inNow.fill(0);
    outNow.fill(0);
    count.fill(0);
    moves.fill(0);
    for (const row of pending) for (const to of copiesOf.get(row)!) moves[to]!++;
    let left = Math.ceil(pending.length / batch.partitions);
    for (const ofBroker of moves) left = Math.max(left, Math.ceil(ofBroker / batch.movesPerBroker));
    const cap = Math.max(busiest(incoming, outgoing) / left, model.sizes[pending[0]!]!);
    const taken: number[] = [];
    const rest: number[] = [];
    let bytes = 0;
    for (const row of pending) {
      const to = copiesOf.get(row)!;
      const size = model.sizes[row]!;
      const source = sourceOf(model, row);
      const isFitting =
        taken.length < batch.partitions &&
        (bytes === 0 || bytes + size * to.length <= batch.bytes) &&
        (source === nobody || outNow[source]! + size * to.length <= Math.max(cap, size * to.length)) &&
        to.every(
          (broker) =>
            count[broker]! < batch.movesPerBroker &&
            inNow[broker]! + size <= cap &&
            used[broker]! + inNow[broker]! + size <= model.diskCapacity[broker]! * transientDiskUse,
        );
      if (!isFitting) {
        rest.push(row);
        continue;
      }
      taken.push(row);
      bytes += size * to.length;
      for (const broker of to) count[broker]!++;
      addWork(model, row, to, inNow, outNow, 1);
    }
    if (taken.length === 0) break;
    for (const row of taken) {
      addWork(model, row, copiesOf.get(row)!, incoming, outgoing, -1);
      settleDisk(model, target, row, used);
      rows.push(row);
    }
    first.push(rows.length);
    total += busiest(inNow, outNow);
    pending = rest;
  }
  return {
    rows: Int32Array.from(rows),
    first: Int32Array.from(first),
    stuck: pending,
    seconds: total / batch.throttle,
    leastSeconds: least / batch.throttle,
  };
}

export function isChanged({ width, replicas }: Model, target: Int32Array, row: number): boolean {
  for (let cell = row * width; cell < (row + 1) * width; cell++) if (replicas[cell] !== target[cell]) return true;
  return false;
}

function had({ width, replicas }: Model, row: number, broker: number): boolean {
  for (let cell = row * width; cell < (row + 1) * width; cell++) if (replicas[cell] === broker) return true;
  return false;
}

function addWork(
  model: Model,
  row: number,
  to: readonly number[],
  incoming: Float64Array,
  outgoing: Float64Array,
  sign: number,
): void {
  const size = sign * model.sizes[row]!;
  for (const broker of to) incoming[broker]! += size;
  const source = sourceOf(model, row);
  if (source !== nobody) outgoing[source]! += size * to.length;
}

function busiest(incoming: Float64Array, outgoing: Float64Array): number {
  let most = 0;
  for (let broker = 0; broker < incoming.length; broker++) {
    most = Math.max(most, incoming[broker]!, outgoing[broker]!);
  }
  return most;
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
