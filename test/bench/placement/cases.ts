import { brokerId, seededRandom } from '../../../src/base/index.ts';
import { dimensions } from '../../../src/placement/dimensions.ts';
import { modelAfter } from '../../../src/placement/document.ts';
import {
  type CandidateBroker,
  defaultOptions,
  type Operation,
  type Plan,
  type PlanOptions,
  placeNewTopics,
  planOperation,
  riskOf,
  verify,
} from '../../../src/placement/index.ts';
import { condition, type Model } from '../../../src/placement/model.ts';
import { loadsOf, SpreadTable, targetsOf } from '../../../src/placement/targets.ts';
import { stripedPlacement } from './baselines.ts';
import { emptyCluster, type Shape } from './instances.ts';

/** One line of the table. */
export type Measured = {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly bytes: number;
  readonly ratio: number | undefined;
  readonly copies: number;
  readonly makespan: number | undefined;
  /** Most and least of any broker's load in shares, over all dimensions; and cells out of +-5 %. */
  readonly most: number;
  readonly least: number;
  readonly out: number;
  readonly violations: number;
  readonly note?: string;
};

export type Case = {
  readonly target: string;
  readonly instance: string;
  run(): Measured;
};

const seed = 20_261_121;
const xl: Shape = { name: 'XL', seed, brokers: 1000, partitions: 300_000, factor: 3, zones: 3, capacity: 'mixed' };
const cc270: Shape = { name: 'CC270', seed, brokers: 270, partitions: 433_000, factor: 3, zones: 3, capacity: 'mixed' };
const cc215: Shape = { name: 'CC215', seed, brokers: 215, partitions: 933_000, factor: 3, zones: 3, capacity: 'mixed' };
const options: PlanOptions = { ...defaultOptions, batch: { ...defaultOptions.batch, partitions: 20_000 } };

const nameOf = ({ name, brokers, partitions, factor, zones, capacity }: Shape): string =>
  `${name} ${brokers} x ${partitions / 1000}k RF${factor} Z${zones} ${capacity} seed ${seed}`;

function must(model: Model, operation: Operation, asked: PlanOptions = options): Plan {
  const result = planOperation(model, operation, asked);
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
}

/** A balanced cluster: everything placed from nothing. @param without  brokers that stay empty */
function balanced(shape: Shape, without: readonly number[] = []): Model {
  const empty = emptyCluster(shape);
  const conditions = empty.conditions.slice();
  for (const broker of without) conditions[broker] = condition.cordoned;
  const { model, target } = must({ ...empty, conditions }, { kind: 'place' });
  return { ...modelAfter(model, target), conditions: empty.conditions };
}

/** Blind to capacity and size, and with a tenth of the brokers empty. */
function blind(shape: Shape): Model {
  const empty = emptyCluster(shape);
  const replicas = stripedPlacement(empty, Math.floor(shape.brokers * 0.9), seed);
  return { ...modelAfter(empty, replicas), replicas };
}

function measure(model: Model, operation: Operation, asked: PlanOptions = options): Measured {
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const plan = must(model, operation, asked);
  const wallMs = performance.now() - startedMs;
  const cpu = process.cpuUsage(cpuBefore);
  const rssMiB = process.resourceUsage().maxRSS / 1024;
  return { ...standing(plan), wallMs, cpuMs: (cpu.user + cpu.system) / 1000, rssMiB };
}

export function standing(plan: Plan): Omit<Measured, 'wallMs' | 'cpuMs' | 'rssMiB'> {
  const { model, target, schedule, cost, bounds } = plan;
  const { perShare, low, high } = targetsOf(model, new SpreadTable(model), 0.05, loadsOf(model, target));
  const loads = loadsOf(model, target);
  let [most, least, out] = [0, Number.POSITIVE_INFINITY, 0];
  for (let cell = 0; cell < loads.length; cell++) {
    if (perShare[cell] === 0) continue;
    const relative = loads[cell]! * perShare[cell]!;
    most = Math.max(most, relative);
    least = Math.min(least, relative);
    if (relative > high[cell]! + 1e-6 || relative < low[cell]! - 1e-6) out++;
  }
  const claim = { model, target, rows: schedule.rows, first: schedule.first };
  return {
    bytes: cost.bytes,
    ratio: bounds.bytes > 0 && cost.bytes > 0 ? cost.bytes / bounds.bytes : undefined,
    copies: cost.copies,
    makespan: schedule.leastSeconds > 0 ? schedule.seconds / schedule.leastSeconds : undefined,
    most,
    least,
    out,
    violations: verify(claim, plan.options).filter(({ kind }) => kind === 'introduced').length,
  };
}

const every = (step: number, count: number, first: number): number[] =>
  Array.from({ length: count }, (_, at) => first + at * step);

/** Leaders crowd onto a fifth of the brokers; no replica is elsewhere. */
function hotLeaders(model: Model): Model {
  const replicas = model.replicas.slice();
  const random = seededRandom(seed);
  for (let row = 0; row < model.topicOf.length; row++) {
    if (random.below(3) !== 0) continue;
    const start = row * model.width;
    for (let column = 1; column < model.width; column++) {
      if (replicas[start + column]! % 5 !== 0) continue;
      [replicas[start], replicas[start + column]] = [replicas[start + column]!, replicas[start]!];
    }
  }
  return modelAfter({ ...model, leaders: model.leaders }, replicas);
}

export const cases: Readonly<Record<string, Case>> = {
  'O1 initial': {
    target: '<= 1.5 s, count max <= 1.02, disk <= 1.05, <= 256 MB',
    instance: nameOf(xl),
    run: () => measure(emptyCluster(xl), { kind: 'place' }),
  },
  'O2 topic of 1,000': {
    target: '<= 20 ms, spread <= 1 a zone',
    instance: nameOf(xl),
    run: () => newTopic(balanced(xl)),
  },
  'O3 +1 % brokers': {
    target: '<= 0.3 s, +-5 %, <= 1.10 x',
    instance: nameOf(xl),
    run: () => {
      const added = every(97, 10, 1);
      return measure(balanced(xl, added), { kind: 'add', brokers: added });
    },
  },
  'O4 +10 % brokers': {
    target: '<= 1.5 s, +-5 %, <= 1.08 x',
    instance: nameOf(xl),
    run: () => {
      const added = every(9, 100, 2);
      return measure(balanced(xl, added), { kind: 'add', brokers: added });
    },
  },
  'O5 -1 % brokers': {
    target: '<= 0.3 s, +-5 %, <= 1.02 x',
    instance: nameOf(xl),
    run: () => measure(balanced(xl), { kind: 'remove', brokers: every(97, 10, 1) }),
  },
  'O9 zone lost Z4': {
    target: '<= 1.5 s, 0 zone violations, <= 1.02 x',
    instance: nameOf({ ...xl, zones: 4 }),
    run: () => measure(balanced({ ...xl, zones: 4 }), { kind: 'zoneLost', zone: 'zone-0' }),
  },
  'O10 zone back Z4': {
    target: '<= 2.5 s, 0 zone violations, <= 1.10 x',
    instance: nameOf({ ...xl, zones: 4 }),
    run: () => {
      const empty = balanced({ ...xl, zones: 4 }, every(4, 250, 0));
      return measure(empty, { kind: 'zoneBack', zone: 'zone-0' });
    },
  },
  'O11 RF 2 -> 3': {
    target: '<= 1.5 s, +-5 %, = 1.00 x',
    instance: nameOf({ ...xl, factor: 2 }),
    run: () => measure(balanced({ ...xl, factor: 2 }), { kind: 'replicationFactor', factor: 3 }),
  },
  'O12 worst': {
    target: '<= 4 s, +-5 %, <= 1.15 x',
    instance: nameOf(xl),
    run: () => measure(blind(xl), { kind: 'rebalance' }),
  },
  'O13 leaders': {
    target: '<= 1 s, leaders and out +-5 %, 0 bytes',
    instance: nameOf(xl),
    run: () => measure(hotLeaders(balanced(xl)), { kind: 'rebalance', leadersOnly: true }),
  },
  'O19 noise +-3 %': {
    target: '<= 0.1 s, 0 moves',
    instance: nameOf(xl),
    run: () => {
      const model = balanced(xl);
      const random = seededRandom(seed);
      const noisy = <Numbers extends Float64Array | Float32Array>(values: Numbers): Numbers => {
        for (let at = 0; at < values.length; at++) values[at]! *= 0.97 + 0.06 * random.next();
        return values;
      };
      const { sizes, inRates, outRates } = model;
      noisy(sizes);
      noisy(inRates);
      noisy(outRates);
      return measure(model, { kind: 'rebalance' });
    },
  },
  'CC270 worst': {
    target: '<= 4 s, +-5 %, <= 1.15 x, <= 200 MB (Cruise Control published: 13.5 min fast, 17 min)',
    instance: nameOf(cc270),
    run: () => measure(blind(cc270), { kind: 'rebalance' }),
  },
  'CC215 worst': {
    target: '<= 10 s, +-5 %, <= 1.15 x, <= 300 MB (Cruise Control published: 18.2 min fast, 95 min)',
    instance: nameOf(cc215),
    run: () => measure(blind(cc215), { kind: 'rebalance' }),
  },
  'risk S=20': {
    target: 'P(under min ISR | 2 deaths) <= 0.02, P(loss | 1 %) <= 0.3 %, +-5 %',
    instance: nameOf({ ...xl, brokers: 999, capacity: 'uniform' }),
    run: () => {
      const shape: Shape = { ...xl, brokers: 999, capacity: 'uniform' };
      const asked = { ...options, scatterWidth: 20 };
      const empty = emptyCluster(shape);
      const measured = measure(empty, { kind: 'copysets' }, asked);
      const plan = must(empty, { kind: 'copysets' }, asked);
      const risk = riskOf(plan.model, plan.target);
      const striped = riskOf(empty, stripedPlacement(empty, shape.brokers, seed));
      const chances = `P2 ${risk.twoDeathsUnderMinInSync.toFixed(4)}, P(loss 1 %) ${(100 * risk.onePercentDeathsLoss).toFixed(2)} %`;
      return { ...measured, note: `${chances}; striped: P2 ${striped.twoDeathsUnderMinInSync.toFixed(3)}` };
    },
  },
  "Kafka's striping, initial": {
    target: 'comparator',
    instance: nameOf(xl),
    run: () => {
      const empty = emptyCluster(xl);
      const startedMs = performance.now();
      const cpuBefore = process.cpuUsage();
      const replicas = stripedPlacement(empty, xl.brokers, seed);
      const cpu = process.cpuUsage(cpuBefore);
      const wallMs = performance.now() - startedMs;
      const placed = must(modelAfter(empty, replicas), { kind: 'place' });
      const rssMiB = process.resourceUsage().maxRSS / 1024;
      return { ...standing(placed), wallMs, cpuMs: (cpu.user + cpu.system) / 1000, rssMiB };
    },
  },
  "Kafka's striping anew, +1 % brokers": {
    target: 'comparator of O3: what --generate does',
    instance: nameOf(xl),
    run: () => {
      const added = every(97, 10, 1);
      const before = balanced(xl, added);
      const startedMs = performance.now();
      const cpuBefore = process.cpuUsage();
      const replicas = stripedPlacement(before, xl.brokers, seed + 1);
      const cpu = process.cpuUsage(cpuBefore);
      const wallMs = performance.now() - startedMs;
      let bytes = 0;
      let copies = 0;
      for (let cell = 0; cell < replicas.length; cell++) {
        const row = Math.floor(cell / before.width);
        if (before.replicas.subarray(row * before.width, (row + 1) * before.width).includes(replicas[cell]!)) continue;
        copies++;
        bytes += before.sizes[row]!;
      }
      const ours = must(before, { kind: 'add', brokers: added });
      const placed = must(modelAfter(before, replicas), { kind: 'place' });
      const rssMiB = process.resourceUsage().maxRSS / 1024;
      const ratio = bytes / ours.bounds.bytes;
      return { ...standing(placed), bytes, copies, ratio, wallMs, cpuMs: (cpu.user + cpu.system) / 1000, rssMiB };
    },
  },
};

function newTopic(model: Model): Measured {
  const loads = loadsOf(model, model.replicas);
  const brokers: CandidateBroker[] = Array.from(model.brokerIds, (id, at) => ({
    id: brokerId(id),
    rack: model.zoneNames[model.zoneOf[at]!],
    state: 'active',
    replicaCount: loads[at * dimensions + 4]!,
    leaderCount: loads[at * dimensions + 5]!,
    weight: model.diskCapacity[at]!,
  }));
  const topics = [{ name: 'new', partitionCount: 1000, replicationFactor: 3 }];
  for (let warmUp = 0; warmUp < 3; warmUp++) placeNewTopics(brokers, topics);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const placed = placeNewTopics(brokers, topics);
  const wallMs = performance.now() - startedMs;
  const cpu = process.cpuUsage(cpuBefore);
  if (!placed.ok) throw new Error(placed.problem.message);
  const counts = new Int32Array(model.brokerIds.length);
  for (const id of placed.value[0]!.replicas.flat()) counts[id]!++;
  let spread = 0;
  for (const [zone] of model.zoneNames.entries()) {
    const own = [...counts].filter((_, broker) => model.zoneOf[broker] === zone);
    spread = Math.max(spread, Math.max(...own) - Math.min(...own));
  }
  return {
    wallMs,
    cpuMs: (cpu.user + cpu.system) / 1000,
    rssMiB: process.resourceUsage().maxRSS / 1024,
    bytes: 0,
    ratio: undefined,
    copies: 3000,
    makespan: undefined,
    most: 1,
    least: 1,
    out: 0,
    violations: 0,
    note: `spread ${spread} a zone`,
  };
}

/** Runs one case in this process: peak memory is of one case only. */
if (import.meta.main) process.stdout.write(JSON.stringify(cases[process.argv[2]!]!.run()));
