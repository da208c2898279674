import { createHash } from 'node:crypto';
import { failure, type Result, success } from '../base/index.ts';
import type { PlanCost } from './cost.ts';
import { dimensions } from './dimensions.ts';
import { brokerIndex, type Model, nobody, partitionName, replicaIds } from './model.ts';
import type { Operation } from './operations.ts';
import type { Plan } from './plan.ts';
import type { Problem } from './problems.ts';
import type { PlanEnd } from './settle.ts';

/** A plan as plain values: what is written to files, shown, approved by its hash, and executed. */
export type PlanDocument = {
  readonly version: 1;
  readonly operation: Operation;
  readonly seed: number;
  readonly inputHash: string;
  readonly hash: string;
  readonly cost: PlanCost & { readonly seconds: number };
  readonly bounds: { readonly bytes: number; readonly seconds: number };
  readonly problems: readonly Problem[];
  /** In order; each is safe to stop after. */
  readonly batches: readonly (readonly PlannedChange[])[];
  readonly diskMoves: readonly PlannedDiskMove[];
  /** Loads of each broker at the end, as parts of its shares, in order of `dimensionNames`: see `planEndOf`. */
  readonly ends?: readonly { readonly broker: number; readonly shares: readonly number[] }[];
  /** Of what will be acted upon: see `digestOf`. A document that does not fit it was changed after it was made. */
  readonly digest: string;
};

export type PlannedChange = {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
};

export type PlannedDiskMove = {
  readonly topic: string;
  readonly partition: number;
  readonly broker: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
};

/**
 * SHA-256 in hexadecimal over what is carried out and approved: the hash of the plan, its operation, batches, disk
 * moves and ends. The hash itself needs the whole cluster to be checked; this needs only the document.
 */
export function digestOf(document: Omit<PlanDocument, 'digest'>): string {
  const { operation, inputHash, hash, batches, diskMoves, ends } = document;
  const changes = batches.map((batch) =>
    batch.map(({ topic, partition, bytes, from, to }) => [topic, partition, bytes, from, to]),
  );
  const disks = diskMoves.map(({ topic, partition, broker, from, to, bytes }) => [
    topic,
    partition,
    broker,
    from,
    to,
    bytes,
  ]);
  const shares = ends?.map(({ broker, shares: own }) => [broker, own]);
  return createHash('sha256')
    .update(JSON.stringify([operation, inputHash, hash, changes, disks, shares]))
    .digest('hex');
}

export function planDocument(plan: Plan): PlanDocument {
  const { model, target, schedule } = plan;
  const batches: PlannedChange[][] = [];
  for (let batch = 0; batch + 1 < schedule.first.length; batch++) {
    const rows = schedule.rows.subarray(schedule.first[batch]!, schedule.first[batch + 1]!);
    batches.push(
      Array.from(rows, (row) => ({
        topic: model.topicNames[model.topicOf[row]!]!,
        partition: model.partitionIds[row]!,
        bytes: model.sizes[row]!,
        from: replicaIds(model, model.replicas, row),
        to: replicaIds(model, target, row),
      })),
    );
  }
  const document = {
    version: 1,
    operation: plan.operation,
    seed: plan.options.seed,
    inputHash: plan.inputHash,
    hash: plan.hash,
    cost: { ...plan.cost, seconds: schedule.seconds },
    bounds: { bytes: plan.bounds.bytes, seconds: schedule.leastSeconds },
    problems: plan.problems,
    batches,
    diskMoves: plan.diskMoves.map(({ row, broker, from, to, bytes }) => ({
      topic: model.topicNames[model.topicOf[row]!]!,
      partition: model.partitionIds[row]!,
      broker: model.brokerIds[broker]!,
      from,
      to,
      bytes,
    })),
    ends: Array.from(model.brokerIds, (id, broker) => ({
      broker: id,
      shares: Array.from(plan.shares.subarray(broker * dimensions, (broker + 1) * dimensions)),
    })),
  } as const;
  return { ...document, digest: digestOf(document) };
}

/**
 * What to hand in to `planOperation` when the operation of a kept plan is planned again: where that plan ends in the
 * cluster as it is now.
 *
 * @returns undefined for a document that names brokers or partitions the cluster has not, or does not say where it ends
 */
export function planEndOf(
  model: Model,
  { batches, ends }: Pick<PlanDocument, 'batches' | 'ends'>,
): PlanEnd | undefined {
  if (ends === undefined) return undefined;
  const shares = new Float64Array(model.brokerIds.length * dimensions);
  for (const { broker, shares: own } of ends) {
    const index = brokerIndex(model, broker);
    if (index !== undefined && own.length === dimensions) shares.set(own, index * dimensions);
  }
  const rowOf = new Map<string, number>();
  for (let row = 0; row < model.topicOf.length; row++) rowOf.set(partitionName(model, row), row);
  const target = model.replicas.slice();
  for (const { topic, partition, to } of batches.flat()) {
    const row = rowOf.get(`${topic}-${partition}`);
    if (row === undefined || to.length > model.width) return undefined;
    for (let column = 0; column < model.width; column++) {
      const broker = column < to.length ? brokerIndex(model, to[column]!) : nobody;
      if (broker === undefined) return undefined;
      target[row * model.width + column] = broker;
    }
  }
  return { target, shares };
}

/** What is left of a plan, given where the replicas are now. */
export type Remaining = {
  readonly batches: readonly (readonly PlannedChange[])[];
  readonly done: number;
  readonly left: number;
};

/** A partition that somebody else has moved since: the plan must not be carried on. */
export type Stale = { readonly topic: string; readonly partition: number; readonly message: string };

/**
 * Resumes a plan: what has arrived is not moved again; what has not begun, was cancelled or is under way is still to
 * do. Anything else means that the cluster is no longer the one that was planned for.
 *
 * @param now  replicas of a partition now, in order; undefined: it is gone
 */
export function remainingOf(
  { batches }: Pick<PlanDocument, 'batches'>,
  now: (topic: string, partition: number) => readonly number[] | undefined,
): Result<Remaining, readonly Stale[]> {
  const stale: Stale[] = [];
  let done = 0;
  let left = 0;
  const rest: PlannedChange[][] = [];
  for (const batch of batches) {
    const open: PlannedChange[] = [];
    for (const change of batch) {
      const { topic, partition, from, to } = change;
      const held = now(topic, partition);
      if (held?.join() === to.join()) done++;
      else if (held !== undefined && (areAlike(held, from) || isUnderWay(held, from, to))) {
        left++;
        open.push(change);
      } else {
        const message =
          held === undefined
            ? 'is gone'
            : `has replicas ${held.join(', ')}; the plan knows ${from.join(', ')} and ${to.join(', ')}`;
        stale.push({ topic, partition, message });
      }
    }
    if (open.length > 0) rest.push(open);
  }
  return stale.length > 0 ? failure(stale) : success({ batches: rest, done, left });
}

/** Kafka gives a partition whose move was cancelled its replicas back, not always in their old order. */
const areAlike = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((id) => other.includes(id));

/** While a reassignment runs, Kafka lists the new replicas first and then those that will go. */
function isUnderWay(held: readonly number[], from: readonly number[], to: readonly number[]): boolean {
  const both = new Set([...from, ...to]);
  return held.length === both.size && held.every((id) => both.has(id));
}

/** The model after the plan: replicas in place, first replicas leading, all in sync. */
export function modelAfter(model: Model, target: Int32Array): Model {
  const { width } = model;
  const leaders = model.leaders.slice();
  const inSync = model.inSync.slice();
  for (let row = 0; row < leaders.length; row++) {
    let isSame = true;
    let held = 0;
    for (let column = 0; column < width; column++) {
      if (target[row * width + column] !== nobody) held++;
      if (target[row * width + column] !== model.replicas[row * width + column]) isSame = false;
    }
    if (isSame) continue;
    leaders[row] = target[row * width]!;
    inSync[row] = held === 32 ? 0xffffffff : (1 << held) - 1;
  }
  return { ...model, replicas: target, leaders, inSync };
}
