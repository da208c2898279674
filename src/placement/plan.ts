import { failure, type Result, success } from '../base/index.ts';
import type { ByteBounds } from './bounds.ts';
import { costOf, type PlanCost } from './cost.ts';
import { type DiskMove, planDisks } from './disks.ts';
import { hashOfModel, hashOfPlan } from './hash.ts';
import { type Model, partitionName } from './model.ts';
import { type Operation, type OperationProblem, prepare } from './operations.ts';
import type { PlanOptions } from './options.ts';
import type { Problem } from './problems.ts';
import { type Schedule, scheduleOf } from './schedule.ts';
import { type PlanEnd, restingEnd } from './settle.ts';

/** What is to change, in which order, what it costs, and what it cannot do. */
export type Plan = {
  readonly operation: Operation;
  readonly options: PlanOptions;
  /** The cluster at the start, with the states, zones and replication factors that the operation asks for. */
  readonly model: Model;
  /** Replicas at the end, as `Model.replicas`. */
  readonly target: Int32Array;
  /** Load of each cell, broker x dimension, at the end, as a part of its share; 0 without one. See `PlanEnd`. */
  readonly shares: Float64Array;
  readonly schedule: Schedule;
  /** Replicas that change the disk inside their broker. */
  readonly diskMoves: readonly DiskMove[];
  readonly cost: PlanCost;
  readonly bounds: ByteBounds;
  readonly problems: readonly Problem[];
  /** Of the model given, and of the whole plan: see `hash.ts`. */
  readonly inputHash: string;
  readonly hash: string;
};

/**
 * Plans one operation. The same model, operation and options give the same plan, hash and all. Planning again from
 * its end moves nothing.
 *
 * @param earlier  the last plan of the same operation for this cluster. Cut short, it is carried on with, unless the
 *                 cluster as it is now has a cheaper way to as good an end; carried out, nothing moves until some load
 *                 has drifted by more than noise
 */
export function planOperation(
  model: Model,
  operation: Operation,
  options: PlanOptions,
  earlier?: PlanEnd,
): Result<Plan, OperationProblem> {
  const inputHash = hashOfModel(model);
  const prepared = prepare(model, operation, options);
  if (!prepared.ok) return failure(prepared.problem);
  const start = prepared.value;
  const { target, shares, startLoads, problems, bounds } = restingEnd(start, operation, options, earlier);
  const diskMoves = planDisks(start, target, options, problems);
  const schedule = scheduleOf(start, target, startLoads, options);
  for (const row of schedule.stuck) {
    for (let cell = row * start.width; cell < (row + 1) * start.width; cell++) target[cell] = start.replicas[cell]!;
  }
  if (schedule.stuck.length > 0) {
    problems.push({
      goal: 'H6',
      severity: 'hard',
      subject: partitionName(start, schedule.stuck[0]!),
      reason: `${schedule.stuck.length} partitions fit only when old copies are gone, and these stay until the new ones are there`,
      remedy: 'free disk space, or raise the limit of disk use while copies run',
    });
  }
  const asked = { operation, options: { ...options, batch: options.batch } };
  const changes = [changedCells(start, target, schedule), schedule.rows, schedule.first];
  const hash = hashOfPlan(inputHash, asked, changes, diskMoves);
  const cost = costOf(start, target, schedule.rows);
  return success({
    operation,
    options,
    model: start,
    target,
    shares,
    schedule,
    diskMoves,
    cost,
    bounds,
    problems,
    inputHash,
    hash,
  });
}

/** Replicas at the end of the rows that change, in the order of the schedule: all others are in the input's hash. */
function changedCells({ width }: Model, target: Int32Array, { rows }: Schedule): Int32Array {
  const cells = new Int32Array(rows.length * width);
  for (let at = 0; at < rows.length; at++) {
    for (let column = 0; column < width; column++) cells[at * width + column] = target[rows[at]! * width + column]!;
  }
  return cells;
}
