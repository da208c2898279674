import { readFileSync } from 'node:fs';
import {
  type DimensionName,
  defaultOptions,
  dimensionNames,
  dimensions,
  type Operation,
  type Plan,
  type PlanOptions,
  planOperation,
  verify,
} from '../../../src/placement/index.ts';
import { type Model, nobody } from '../../../src/placement/model.ts';
import { loadsOf, SpreadTable, targetsOf } from '../../../src/placement/targets.ts';

/** One run of one row. */
export type Measured = Cost & Standing & { readonly figures?: Readonly<Record<string, number>> };

/** What the run took; CPU time is of all threads of the process. */
export type Cost = { readonly wallMs: number; readonly cpuMs: number; readonly rssMiB: number };

/** How a plan (or anybody's assignment) stands against the goals and the lower bounds. */
export type Standing = {
  /** Two runs of one row must agree. */
  readonly hash: string;
  readonly bytes: number;
  /** Of the bytes that were on disks at the start. */
  readonly movedShare: number;
  readonly copies: number;
  /** Bytes and seconds of execution over their lower bounds; absent where nothing moves. */
  readonly ratio?: number | undefined;
  readonly makespan?: number | undefined;
  /** Most and least load of any broker by dimension, 1 being its share; cells and brokers further than 5 % from it. */
  readonly loads: Readonly<
    Record<DimensionName, { readonly most: number; readonly least: number; readonly out: number }>
  >;
  readonly brokersOut: number;
  readonly brokers: number;
  /** Hard goals that the plan breaks, by the independent verifier; and what is uneven over zones at its end. */
  readonly violations: number;
  readonly zoneViolations: number;
};

export const band = 0.05;

/** Batches as an operator of a cluster of this size would set them: 15 of them for the whole of XL. */
export const options: PlanOptions = { ...defaultOptions, batch: { ...defaultOptions.batch, partitions: 20_000 } };

export function must(model: Model, operation: Operation, asked: PlanOptions = options): Plan {
  const result = planOperation(model, operation, asked);
  if (!result.ok) throw new Error(`${result.problem.field}: ${result.problem.message}`);
  return result.value;
}

/** What the work took; peak memory is of the whole process, the reading of the instance included. */
export function timed<Value>(work: () => Value): { readonly value: Value; readonly cost: Cost } {
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const value = work();
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { value, cost: { wallMs, cpuMs: (user + system) / 1000, rssMiB: peakMiB() } };
}

/** Peak resident memory. `maxRSS` counts what the parent had at the fork, so Linux' own figure of the process goes first. */
export function peakMiB(): number {
  try {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (peak !== null) return Number(peak[1]) / 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS / 1024;
}

export function measurePlan(model: Model, operation: Operation, asked: PlanOptions = options): Measured {
  const { value: plan, cost } = timed(() => must(model, operation, asked));
  return { ...cost, ...standingOf(plan) };
}

export function standingOf(plan: Plan): Standing {
  const { model, target, schedule, cost, bounds } = plan;
  const claim = { model, target, rows: schedule.rows, first: schedule.first };
  const found = verify(claim, plan.options);
  return {
    hash: plan.hash,
    bytes: cost.bytes,
    movedShare: shareOf(model, cost.bytes),
    copies: cost.copies,
    ratio: bounds.bytes > 0 && cost.bytes > 0 ? cost.bytes / bounds.bytes : undefined,
    makespan: cost.bytes > 0 && schedule.leastSeconds > 0 ? schedule.seconds / schedule.leastSeconds : undefined,
    ...evenness(model, target),
    violations: found.filter(({ kind }) => kind === 'introduced').length,
    zoneViolations: found.filter(({ goal }) => goal === 'H3').length,
  };
}

/** Somebody else's assignment, from where the replicas were before. */
export function standingOfAssignment(model: Model, target: Int32Array): Standing {
  let bytes = 0;
  let copies = 0;
  for (let cell = 0; cell < target.length; cell++) {
    const row = Math.floor(cell / model.width);
    const before = model.replicas.subarray(row * model.width, (row + 1) * model.width);
    if (target[cell] === nobody || before[0] === nobody || before.includes(target[cell]!)) continue;
    copies++;
    bytes += model.sizes[row]!;
  }
  const found = verify({ model, target, rows: changedRows(model, target), first: Int32Array.of(0) }, options);
  return {
    hash: '',
    bytes,
    movedShare: shareOf(model, bytes),
    copies,
    ...evenness(model, target),
    violations: found.filter(({ kind, goal }) => kind === 'introduced' && goal !== 'S8').length,
    zoneViolations: found.filter(({ goal }) => goal === 'H3').length,
  };
}

function changedRows({ width, replicas, topicOf }: Model, target: Int32Array): Int32Array {
  return Int32Array.from(topicOf.keys()).filter((row) => {
    for (let cell = row * width; cell < (row + 1) * width; cell++) if (target[cell] !== replicas[cell]) return true;
    return false;
  });
}

function shareOf({ replicas, width, sizes }: Model, bytes: number): number {
  let total = 0;
  for (let cell = 0; cell < replicas.length; cell++) {
    if (replicas[cell] !== nobody) total += sizes[Math.floor(cell / width)]!;
  }
  return total === 0 ? 0 : bytes / total;
}

function evenness(model: Model, target: Int32Array): Pick<Standing, 'loads' | 'brokersOut' | 'brokers'> {
  const loads = loadsOf(model, target);
  const { perShare, low, high } = targetsOf(model, new SpreadTable(model), band, loads);
  const byDimension = dimensionNames.map(() => ({ most: 0, least: Number.POSITIVE_INFINITY, out: 0 }));
  const isOut = new Uint8Array(model.brokerIds.length);
  for (let cell = 0; cell < loads.length; cell++) {
    if (perShare[cell] === 0) continue;
    const relative = loads[cell]! * perShare[cell]!;
    const sums = byDimension[cell % dimensions]!;
    sums.most = Math.max(sums.most, relative);
    sums.least = Math.min(sums.least, relative);
    if (relative <= high[cell]! + 1e-6 && relative >= low[cell]! - 1e-6) continue;
    sums.out++;
    isOut[Math.floor(cell / dimensions)] = 1;
  }
  return {
    loads: Object.fromEntries(dimensionNames.map((name, at) => [name, byDimension[at]!])) as Standing['loads'],
    brokersOut: isOut.reduce((sum, out) => sum + out, 0),
    brokers: model.brokerIds.length,
  };
}
