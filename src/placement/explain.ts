import { dimensionNames, dimensions } from './dimensions.ts';
import { modelAfter } from './document.ts';
import { gibibytes } from './limits.ts';
import { type Model, nobody, partitionName } from './model.ts';
import type { PlanOptions } from './options.ts';
import type { Plan } from './plan.ts';
import { type GoalName, goalNames, type Problem } from './problems.ts';
import { type Risk, riskOf } from './risk.ts';
import { loadsOf, SpreadTable, targetsOf } from './targets.ts';
import { verify } from './verify.ts';

/** How one goal stands, before and after. */
export type GoalStanding = {
  readonly goal: GoalName;
  readonly name: string;
  /** Hard: things that break it. Soft: worst distance from the share, in percent. */
  readonly before: number;
  readonly after: number;
  readonly unit: 'violations' | '% off' | 'bytes' | '% chance' | 's' | 'brokers' | 'replicas';
};

/** Load of one broker: value and percent of its share, by dimension. */
export type BrokerStanding = {
  readonly id: number;
  readonly zone: string;
  readonly state: number;
  readonly before: readonly { readonly load: number; readonly percent: number | undefined }[];
  readonly after: readonly { readonly load: number; readonly percent: number | undefined }[];
};

export type Explanation = {
  readonly goals: readonly GoalStanding[];
  readonly brokers: readonly BrokerStanding[];
  readonly risk: { readonly before: Risk; readonly after: Risk };
  readonly problems: readonly Problem[];
};

/** Each goal before and after, each broker's loads, the risk, and what cannot be satisfied and why. */
export function explain(plan: Plan): Explanation {
  const { model, target, options } = plan;
  const before = standingOf(model, model.replicas, options);
  const after = standingOf(model, target, options);
  const risk = { before: riskOf(model, model.replicas), after: riskOf(model, target) };
  const broken = (replicas: Int32Array): Map<GoalName, number> => {
    const counts = new Map<GoalName, number>();
    const nothing = {
      model: { ...model, replicas },
      target: replicas,
      rows: new Int32Array(0),
      first: Int32Array.of(0),
    };
    for (const { goal } of verify(nothing, options)) counts.set(goal, (counts.get(goal) ?? 0) + 1);
    return counts;
  };
  const was = broken(model.replicas);
  const is = broken(modelAfter(model, target).replicas);
  const goals: GoalStanding[] = [];
  for (const goal of ['H1', 'H2', 'H3', 'H5', 'H6', 'H7', 'H8', 'H9', 'H10', 'H11'] as const) {
    goals.push({
      goal,
      name: goalNames[goal],
      before: was.get(goal) ?? 0,
      after: is.get(goal) ?? 0,
      unit: 'violations',
    });
  }
  const zoneLoss = ({ zoneLoss }: Risk): number => Math.max(0, ...zoneLoss.map(({ underMinInSync }) => underMinInSync));
  goals.splice(3, 0, {
    goal: 'H4',
    name: goalNames.H4,
    before: zoneLoss(risk.before),
    after: zoneLoss(risk.after),
    unit: 'violations',
  });
  const even: readonly [GoalName, readonly number[]][] = [
    ['S1', [0]],
    ['S2', [1]],
    ['S3', [2]],
    ['S4', [3]],
    ['S5', [4]],
    ['S6', [5, 6]],
  ];
  for (const [goal, of] of even) {
    const worst = (standing: Standing): number => Math.max(...of.map((dimension) => standing.worst[dimension]!));
    goals.push({ goal, name: goalNames[goal], before: worst(before), after: worst(after), unit: '% off' });
  }
  goals.push({
    goal: 'S7',
    name: goalNames.S7,
    before: topicSpread(model, model.replicas),
    after: topicSpread(model, target),
    unit: 'replicas',
  });
  goals.push({ goal: 'S8', name: goalNames.S8, before: 0, after: plan.cost.bytes, unit: 'bytes' });
  goals.push({
    goal: 'S9',
    name: goalNames.S9,
    before: 100 * risk.before.twoDeathsUnderMinInSync,
    after: 100 * risk.after.twoDeathsUnderMinInSync,
    unit: '% chance',
  });
  goals.push({ goal: 'S10', name: goalNames.S10, before: 0, after: plan.cost.crossZoneBytes, unit: 'bytes' });
  goals.push({
    goal: 'S12',
    name: goalNames.S12,
    before: failoverLoad(model, model.replicas),
    after: failoverLoad(model, target),
    unit: '% off',
  });
  goals.push({ goal: 'S13', name: goalNames.S13, before: 0, after: plan.schedule.seconds, unit: 's' });
  const brokers = Array.from(model.brokerIds, (id, broker) => ({
    id,
    zone: model.zoneNames[model.zoneOf[broker]!]!,
    state: model.conditions[broker]!,
    before: before.of(broker),
    after: after.of(broker),
  }));
  return { goals, brokers, risk, problems: [...plan.problems, ...zoneProblems(model, target, plan.problems)] };
}

type Standing = {
  /** Worst percent off the share, by dimension. */
  readonly worst: readonly number[];
  of(broker: number): readonly { readonly load: number; readonly percent: number | undefined }[];
};

function standingOf(model: Model, replicas: Int32Array, { band }: PlanOptions): Standing {
  const loads = loadsOf(model, replicas);
  const { perShare } = targetsOf(model, new SpreadTable(model), band, loads);
  const worst = new Array<number>(dimensions).fill(0);
  for (let cell = 0; cell < loads.length; cell++) {
    if (perShare[cell] === 0) continue;
    const by = 100 * Math.abs(loads[cell]! * perShare[cell]! - 1);
    worst[cell % dimensions] = Math.max(worst[cell % dimensions]!, by);
  }
  return {
    worst,
    of: (broker) =>
      dimensionNames.map((_, dimension) => {
        const cell = broker * dimensions + dimension;
        const percent = perShare[cell] === 0 ? undefined : 100 * loads[cell]! * perShare[cell]!;
        return { load: loads[cell]!, percent };
      }),
  };
}

/** Most replicas of one topic that a broker has over another broker that could hold them (same zone and set). */
function topicSpread(model: Model, replicas: Int32Array): number {
  const counts = new Map<number, Int32Array>();
  let worst = 0;
  const flush = (): void => {
    for (const ofZone of counts.values())
      worst = Math.max(
        worst,
        ofZone.reduce((most, count) => Math.max(most, count), 0) -
          ofZone.reduce((least, count) => Math.min(least, count), 1e9),
      );
    counts.clear();
  };
  const inZone = model.zoneNames.map((_, zone) =>
    [...model.brokerIds.keys()].filter((broker) => model.zoneOf[broker] === zone && model.conditions[broker] === 0),
  );
  const place = new Int32Array(model.brokerIds.length).fill(-1);
  for (const brokers of inZone) for (const [at, broker] of brokers.entries()) place[broker] = at;
  for (let row = 0; row < model.topicOf.length; row++) {
    if (row > 0 && model.topicOf[row] !== model.topicOf[row - 1]) flush();
    for (let column = 0; column < model.width; column++) {
      const broker = replicas[row * model.width + column]!;
      if (broker === nobody || place[broker] === -1) continue;
      const zone = model.zoneOf[broker]!;
      let ofZone = counts.get(zone);
      if (ofZone === undefined) {
        ofZone = new Int32Array(inZone[zone]!.length);
        counts.set(zone, ofZone);
      }
      ofZone[place[broker]!]!++;
    }
  }
  flush();
  return worst;
}

/** By how many percent of its own leaders the worst single death would overload one survivor. */
function failoverLoad({ replicas: _, ...model }: Model, replicas: Int32Array): number {
  const pairs = new Map<number, number>();
  const brokers = model.brokerIds.length;
  const leading = new Int32Array(brokers);
  for (let row = 0; row < model.topicOf.length; row++) {
    const leader = replicas[row * model.width]!;
    if (leader === nobody) continue;
    leading[leader]!++;
    const next = model.width > 1 ? replicas[row * model.width + 1]! : nobody;
    if (next !== nobody) pairs.set(leader * brokers + next, (pairs.get(leader * brokers + next) ?? 0) + 1);
  }
  let worst = 0;
  for (const [pair, count] of pairs) worst = Math.max(worst, (100 * count) / Math.max(1, leading[pair % brokers]!));
  return worst;
}

/** What the loss of a zone would cost, as problems with a way out. */
function zoneProblems(model: Model, target: Int32Array, known: readonly Problem[]): Problem[] {
  const problems: Problem[] = [];
  if (known.some(({ goal }) => goal === 'H4')) return problems;
  const { width } = model;
  const worst = new Map<number, { count: number; row: number; bytes: number }>();
  for (let row = 0; row < model.topicOf.length; row++) {
    const held: number[] = [];
    for (let cell = row * width; cell < (row + 1) * width; cell++)
      if (target[cell] !== nobody) held.push(target[cell]!);
    const least = Math.min(model.minInSync[model.topicOf[row]!]!, model.factors[row]!);
    const counts = new Map<number, number>();
    for (const broker of held) counts.set(model.zoneOf[broker]!, (counts.get(model.zoneOf[broker]!) ?? 0) + 1);
    for (const [zone, count] of counts) {
      if (held.length - count >= least) continue;
      const sum = worst.get(zone) ?? { count: 0, row, bytes: 0 };
      sum.count++;
      sum.bytes += model.sizes[row]!;
      worst.set(zone, sum);
    }
  }
  const zones = model.zoneNames.length;
  for (const [zone, { count, row, bytes }] of [...worst].sort(([one], [other]) => one - other)) {
    const factor = model.factors[row]!;
    const least = model.minInSync[model.topicOf[row]!]!;
    problems.push({
      goal: 'H4',
      severity: 'soft',
      subject: `zone ${model.zoneNames[zone] || '(none)'}`,
      reason: `its loss leaves ${count} partitions (${partitionName(model, row)} among them) under min.insync.replicas`,
      remedy:
        factor - 1 < least
          ? `raise the replication factor above min.insync.replicas ${least}`
          : zones < factor
            ? `add 1 broker in another zone with ${gibibytes(bytes)}`
            : 'rebalance over the zones',
    });
  }
  return problems;
}
