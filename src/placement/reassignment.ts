import { failure, type Result, success } from '../base/index.ts';
import { brokerIndex, type Model, maxReplicationFactor, nobody, replicaIds } from './model.ts';
import type { Plan } from './plan.ts';

/** One partition's replicas in the form of `kafka-reassign-partitions`, as its tool writes and reads them. */
export type ReassignmentEntry = {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
  /** Log folder of each replica, `any` where it does not matter. */
  readonly log_dirs?: readonly string[] | undefined;
};
export type ReassignmentJson = { readonly version: 1; readonly partitions: readonly ReassignmentEntry[] };

/** The plan's changes in order, as Apache's tool takes them; disks are named only where replicas change theirs. */
export function reassignmentJson({ model, target, schedule, diskMoves }: Plan): ReassignmentJson {
  const disksOf = new Map<number, Map<number, string>>();
  for (const { row, broker, to } of diskMoves) {
    const ofRow = disksOf.get(row) ?? new Map<number, string>();
    disksOf.set(row, ofRow.set(model.brokerIds[broker]!, to));
  }
  const rows = new Set([...schedule.rows, ...disksOf.keys()]);
  return { version: 1, partitions: Array.from(rows, (row) => entryOf(model, target, row, disksOf.get(row))) };
}

/** Where everything is now: what takes the plan back. */
export function rollbackJson({ model, schedule }: Plan): ReassignmentJson {
  return { version: 1, partitions: Array.from(schedule.rows, (row) => entryOf(model, model.replicas, row, undefined)) };
}

function entryOf(
  model: Model,
  replicas: Int32Array,
  row: number,
  disks: ReadonlyMap<number, string> | undefined,
): ReassignmentEntry {
  const topic = model.topicNames[model.topicOf[row]!]!;
  const ids = replicaIds(model, replicas, row);
  const entry = { topic, partition: model.partitionIds[row]!, replicas: ids };
  return disks === undefined ? entry : { ...entry, log_dirs: ids.map((id) => disks.get(id) ?? 'any') };
}

export type ReassignmentProblem = { readonly field: string; readonly message: string };

/**
 * The assignment that a reassignment asks for, over the model's own: for verifying somebody else's plan.
 *
 * @returns target replicas (as `Model.replicas`) and the rows named, in order; or the first entry that cannot be
 */
export function targetOf(
  model: Model,
  { partitions }: ReassignmentJson,
): Result<{ readonly target: Int32Array; readonly rows: Int32Array }, ReassignmentProblem> {
  const target = model.replicas.slice();
  const rowOf = new Map<string, number>();
  for (let row = 0; row < model.topicOf.length; row++) {
    rowOf.set(`${model.topicNames[model.topicOf[row]!]}\n${model.partitionIds[row]}`, row);
  }
  const rows = new Set<number>();
  for (const [at, { topic, partition, replicas }] of partitions.entries()) {
    const field = `partitions[${at}]`;
    const row = rowOf.get(`${topic}\n${partition}`);
    if (row === undefined) {
      return failure({ field, message: `partition ${topic}-${partition} is not in the cluster` });
    }
    if (rows.has(row)) return failure({ field, message: `partition ${topic}-${partition} is named twice` });
    if (replicas.length > model.width) {
      const message = `${replicas.length} replicas are more than the ${Math.min(model.width, maxReplicationFactor)} the cluster's partitions have`;
      return failure({ field: `${field}.replicas`, message });
    }
    for (let column = 0; column < model.width; column++) {
      const id = replicas[column];
      const broker = id === undefined ? nobody : brokerIndex(model, id);
      if (broker === undefined) {
        return failure({ field: `${field}.replicas[${column}]`, message: `broker ${id} is not in the cluster` });
      }
      target[row * model.width + column] = broker;
    }
    rows.add(row);
  }
  return success({ target, rows: Int32Array.from(rows) });
}
