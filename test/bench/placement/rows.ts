import { brokerId, seededRandom } from '../../../src/base/index.ts';
import { modelAfter } from '../../../src/placement/document.ts';
import {
  type CandidateBroker,
  dimensions,
  type Operation,
  placeNewTopics,
  riskOf,
} from '../../../src/placement/index.ts';
import { condition, type Model } from '../../../src/placement/model.ts';
import { loadsOf } from '../../../src/placement/targets.ts';
import { stripedPlacement } from './baselines.ts';
import { emptyCluster, type Shape } from './instances.ts';
import { callerLag } from './lag.ts';
import type { Limits } from './limits.ts';
import { type Measured, measurePlan, must, options, standingOf, standingOfAssignment, timed } from './measure.ts';
import { generated, striped } from './originals.ts';

/** One row of the table. */
export type Row = {
  readonly instance: string;
  /** Undefined for a comparator: nothing is asked of it. */
  readonly limits: Limits | undefined;
  /** What others published on such a case, with where. */
  readonly published?: string;
  /** Not pinned to one core. */
  readonly isOnAllCores?: boolean;
  /** The cluster at the start, made once for all runs in a process of its own. */
  prepare(): Model;
  measure(model: Model): Measured | Promise<Measured>;
};

const seed = 20_261_121;
const xl: Shape = { name: 'XL', seed, brokers: 1000, partitions: 300_000, factor: 3, zones: 3, capacity: 'mixed' };
const xl4: Shape = { ...xl, zones: 4 };
const xl2: Shape = { ...xl, factor: 2 };
const cc270: Shape = { ...xl, name: 'CC270', brokers: 270, partitions: 433_000 };
const cc215: Shape = { ...xl, name: 'CC215', brokers: 215, partitions: 933_000 };
const even999: Shape = { ...xl, name: 'XL', brokers: 999, capacity: 'uniform' };

const nameOf = ({ name, brokers, partitions, factor, zones, capacity }: Shape): string =>
  `${name} ${brokers} x ${partitions / 1000}k RF${factor} Z${zones} ${capacity} seed ${seed}`;
const every = (step: number, count: number, first: number): number[] =>
  Array.from({ length: count }, (_, at) => first + at * step);
const onePercent = every(97, 10, 1);
const tenPercent = every(9, 100, 2);

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
  return modelAfter(empty, stripedPlacement(empty, Math.floor(shape.brokers * 0.9), seed));
}

function after(model: Model, operation: Operation): Model {
  const plan = must(model, operation);
  return modelAfter(plan.model, plan.target);
}

/** The leaders of a third of the partitions crowd onto a fifth of the brokers; every replica stays. */
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
  return modelAfter(model, replicas);
}

/**
 * A tenth of the brokers hold `by` times what they should: others' replicas have come to them, inside their zones, as
 * they are drawn.
 */
function skewed(model: Model, by: number): Model {
  const random = seededRandom(seed);
  const replicas = model.replicas.slice();
  const loads = loadsOf(model, replicas);
  const wanted = new Map(every(10, model.brokerIds.length / 10, 3).map((hot) => [hot, loads[hot * dimensions]! * by]));
  const hotOf = model.zoneNames.map((_, zone) => [...wanted.keys()].filter((hot) => model.zoneOf[hot] === zone));
  for (let left = wanted.size, tries = 0; left > 0 && tries < 10 * replicas.length; tries++) {
    const cell = random.below(replicas.length);
    const from = replicas[cell]!;
    const row = Math.floor(cell / model.width);
    const hots = hotOf[model.zoneOf[from]!]!;
    if (hots.length === 0 || wanted.has(from)) continue;
    const at = random.below(hots.length);
    const hot = hots[at]!;
    if (replicas.subarray(row * model.width, (row + 1) * model.width).includes(hot)) continue;
    replicas[cell] = hot;
    loads[hot * dimensions]! += model.sizes[row]!;
    if (loads[hot * dimensions]! < wanted.get(hot)!) continue;
    hots.splice(at, 1);
    left--;
  }
  return modelAfter(model, replicas);
}

/** Every size and rate up to 3 % more or less. */
function noisy(model: Model): Model {
  const random = seededRandom(seed);
  const noise = (value: number): number => value * (0.97 + 0.06 * random.next());
  return {
    ...model,
    sizes: model.sizes.map(noise),
    inRates: model.inRates.map(noise),
    outRates: model.outRates.map(noise),
  };
}

const xlMemory = { rssMiB: 256 };
const addedOrRemoved = { seconds: 0.3, brokersOut: 0.01, makespan: 1.1, ...xlMemory };
const calm: Limits = { seconds: 0.1, bytes: 0, copies: 0 };

function planRow(shape: Shape, limits: Limits, prepare: () => Model, operation: Operation): Row {
  return { instance: nameOf(shape), limits, prepare, measure: (model) => measurePlan(model, operation) };
}

/** Its jars are not on Maven Central. */
const cruiseControl = (figures: string): string =>
  `Cruise Control, 16 goals, ${figures} (linkedin/cruise-control#1592, 2021)`;

const rebalance: Operation = { kind: 'rebalance' };

/** Section by section of the list of targets; names start with the operation they measure. */
export const rows: Readonly<Record<string, Row>> = {
  'O1 initial': planRow(
    xl,
    { seconds: 1.5, most: { replicas: 1.02, disk: 1.05 }, ...xlMemory },
    () => emptyCluster(xl),
    {
      kind: 'place',
    },
  ),
  'O2 topic of 1,000': {
    instance: nameOf(xl),
    limits: { seconds: 0.02, figures: { 'most - least a zone': 1 } },
    prepare: () => balanced(xl),
    measure: newTopic,
  },
  'O3 +1 % brokers': planRow(xl, { ...addedOrRemoved, ratio: 1.1 }, () => balanced(xl, onePercent), {
    kind: 'add',
    brokers: onePercent,
  }),
  'O4 +10 % brokers': planRow(
    xl,
    { seconds: 1.5, brokersOut: 0, ratio: 1.08, makespan: 1.1, ...xlMemory },
    () => balanced(xl, tenPercent),
    { kind: 'add', brokers: tenPercent },
  ),
  'O5 -1 % brokers': planRow(xl, { ...addedOrRemoved, ratio: 1.02 }, () => balanced(xl), {
    kind: 'remove',
    brokers: onePercent,
  }),
  'O6 -10 % brokers': planRow(xl, { makespan: 1.1, ...xlMemory }, () => balanced(xl), {
    kind: 'remove',
    brokers: tenPercent,
  }),
  'O9 zone lost': planRow(xl4, { seconds: 1.5, ratio: 1.02, makespan: 1.1, ...xlMemory }, () => balanced(xl4), {
    kind: 'zoneLost',
    zone: 'zone-0',
  }),
  'O10 zone back': planRow(
    xl4,
    { seconds: 2.5, ratio: 1.1, makespan: 1.1, ...xlMemory },
    () => balanced(xl4, every(4, 250, 0)),
    { kind: 'zoneBack', zone: 'zone-0' },
  ),
  'O11 RF 2 -> 3': planRow(
    xl2,
    { seconds: 1.5, brokersOut: 0, ratio: 1, makespan: 1.1, ...xlMemory },
    () => balanced(xl2),
    { kind: 'replicationFactor', factor: 3 },
  ),
  'O12 skew +20 %': planRow(
    xl,
    { ratio: 1.15, brokersOut: 0, ...xlMemory },
    () => skewed(balanced(xl), 1.2),
    rebalance,
  ),
  'O12 skew +50 %': planRow(
    xl,
    { ratio: 1.15, brokersOut: 0, ...xlMemory },
    () => skewed(balanced(xl), 1.5),
    rebalance,
  ),
  'O12 worst': planRow(
    xl,
    { seconds: 4, brokersOut: 0, ratio: 1.15, makespan: 1.1, ...xlMemory },
    () => blind(xl),
    rebalance,
  ),
  'O13 hot leaders only': planRow(
    xl,
    { seconds: 1, bytes: 0, copies: 0, evenIn: ['leaders', 'out'], ...xlMemory },
    () => hotLeaders(balanced(xl)),
    { kind: 'rebalance', leadersOnly: true },
  ),
  'O19 noise +-3 %': planRow(xl, calm, () => noisy(balanced(xl)), rebalance),
  'again after O4': planRow(xl, calm, () => after(balanced(xl, tenPercent), { kind: 'add', brokers: tenPercent }), {
    kind: 'add',
    brokers: tenPercent,
  }),
  'again after O12 worst': planRow(xl, calm, () => after(blind(xl), rebalance), rebalance),
  'CC270 worst': {
    ...planRow(cc270, { seconds: 4, brokersOut: 0, ratio: 1.15, rssMiB: 200 }, () => blind(cc270), rebalance),
    published: cruiseControl('~270 brokers, 1.3M+ replicas: 13.5 min in fast mode, 17 min regular'),
  },
  'CC215 worst': {
    ...planRow(cc215, { seconds: 10, brokersOut: 0, ratio: 1.15, rssMiB: 300 }, () => blind(cc215), rebalance),
    published: cruiseControl('~215 brokers, 2.8M+ replicas: 18.2 min in fast mode, 95 min regular'),
  },
  'risk at scatter width 20': {
    instance: nameOf(even999),
    limits: { brokersOut: 0, figures: { 'P(under min ISR | 2 dead)': 0.02, 'P(loss | 1 % dead)': 0.003 } },
    prepare: () => emptyCluster(even999),
    measure: risky,
  },
  'event loop, one core': {
    instance: `${nameOf(xl)}, O12 worst in the worker thread`,
    limits: { figures: { 'caller lag p99 ms': 20 } },
    prepare: () => blind(xl),
    measure: (model) => callerLag(model, rebalance, options),
  },
  'event loop, all cores': {
    instance: `${nameOf(xl)}, O12 worst in the worker thread`,
    limits: { figures: { 'caller lag p99 ms': 20 } },
    isOnAllCores: true,
    prepare: () => blind(xl),
    measure: (model) => callerLag(model, rebalance, options),
  },
  'Kafka 4 StripedReplicaPlacer, O1': comparator(
    () => emptyCluster(xl),
    (model) => striped('kafka-4', model, seed),
  ),
  'Kafka 3.9 --generate, O1': comparator(
    () => emptyCluster(xl),
    (model) => generated('kafka-3.9', model, seed),
  ),
  'Kafka 3.9 --generate, O3': comparator(
    () => balanced(xl, onePercent),
    (model) => generated('kafka-3.9', model, seed),
  ),
  'Kafka 3.9 --generate, O4': comparator(
    () => balanced(xl, tenPercent),
    (model) => generated('kafka-3.9', model, seed),
  ),
  'Kafka 4 --generate, O3': comparator(
    () => balanced(xl, onePercent),
    (model) => generated('kafka-4', model, seed),
  ),
  'Kafka 4 --generate, O4': comparator(
    () => balanced(xl, tenPercent),
    (model) => generated('kafka-4', model, seed),
  ),
};

/** Apache's own classes on the instance that ours is measured on. */
function comparator(prepare: () => Model, place: (model: Model) => ReturnType<typeof striped>): Row {
  return {
    instance: nameOf(xl),
    limits: undefined,
    prepare,
    measure: (model) => {
      const { target, cost, figures } = place(model);
      return { ...cost, ...standingOfAssignment(model, target), figures };
    },
  };
}

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
  // The controller that asks is a process that has placed topics before.
  for (let warmUp = 0; warmUp < 3; warmUp++) placeNewTopics(brokers, topics);
  const { value: placed, cost } = timed(() => placeNewTopics(brokers, topics));
  if (!placed.ok) throw new Error(placed.problem.message);
  const counts = new Int32Array(model.brokerIds.length);
  for (const id of placed.value[0]!.replicas.flat()) counts[id]!++;
  let spread = 0;
  for (const [zone] of model.zoneNames.entries()) {
    const own = [...counts].filter((_, broker) => model.zoneOf[broker] === zone);
    spread = Math.max(spread, Math.max(...own) - Math.min(...own));
  }
  return { ...cost, ...standingOfAssignment(model, model.replicas), figures: { 'most - least a zone': spread } };
}

function risky(model: Model): Measured {
  const { value: plan, cost } = timed(() => must(model, { kind: 'copysets' }, { ...options, scatterWidth: 20 }));
  const risk = riskOf(plan.model, plan.target);
  const kafka = riskOf(model, stripedPlacement(model, model.brokerIds.length, seed));
  return {
    ...cost,
    ...standingOf(plan),
    figures: {
      'P(under min ISR | 2 dead)': risk.twoDeathsUnderMinInSync,
      'P(loss | 1 % dead)': risk.onePercentDeathsLoss,
      'most peers': risk.scatter.most,
      'striped P(under min ISR | 2 dead)': kafka.twoDeathsUnderMinInSync,
      'striped P(loss | 1 % dead)': kafka.onePercentDeathsLoss,
    },
  };
}
