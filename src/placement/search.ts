import { type BalanceScope, balance } from './balance.ts';
import { type ByteBounds, byteBounds } from './bounds.ts';
import { Candidates } from './candidates.ts';
import { constants } from './constants.ts';
import { copysetsOf, placeOnCopysets } from './copysets.ts';
import { dimensionNames } from './dimensions.ts';
import { overLimit, relieveLimits } from './limits.ts';
import { brokerIndex, condition, type Model, partitionName } from './model.ts';
import type { Operation } from './operations.ts';
import type { PlanOptions } from './options.ts';
import type { Problem } from './problems.ts';
import { repair } from './repair.ts';
import { SpreadTable, targetsOf } from './targets.ts';
import { Working } from './working.ts';

const { dimensions, nobody } = constants;

/** Where a search ends. */
export type Searched = {
  readonly target: Int32Array;
  /** Load of each cell, broker x dimension, as a part of its share; 0 without one. */
  readonly shares: Float64Array;
  /** Loads at the start, those at the end, what limits them; and rows that a hard goal asked to change. See `Survey`. */
  readonly startLoads: Float64Array;
  readonly loads: Float64Array;
  readonly limits: Float64Array;
  readonly flawed: Int32Array;
  readonly problems: Problem[];
  readonly bounds: ByteBounds;
  /** Brokers are left that a further search would try to bring nearer. */
  readonly isUnsettled?: boolean;
};

/** After repairs, this part of the bytes repaired may be spent on bringing brokers back into the band. */
const polishBudget = 0.015;
/** The search aims a little inside the band, so that what it just misses is still in. */
const searchBand = ({ band }: PlanOptions): number => 0.94 * band;
/** Part of the trigger that a plan leaves at most, where it can. */
export const tightening = 0.6;
/** Searches from different seeds for a small cluster. */
const smallAttempts = 12;

/** So few replicas and brokers that several searches take no time. */
export const isSmall = ({ replicas, brokerIds }: Model): boolean => replicas.length * brokerIds.length <= 20_000;

/**
 * Searches once for the end of an operation, from a cluster that `prepare` has made.
 *
 * @param calm  loads (as `Searched.shares`) at the end of the last plan, when no replica has moved since: a load that
 *              has drifted from there by no more than noise does not set off anything
 */
export function search(start: Model, operation: Operation, options: PlanOptions, calm?: Float64Array): Searched {
  switch (operation.kind) {
    case 'rebalance':
      return rebalanced(start, operation, options, calm);
    case 'add':
      return filled(start, operation.brokers, options, calm);
    case 'zoneBack': {
      const zone = start.zoneNames.indexOf(operation.zone);
      const ids = [...start.brokerIds].filter((_, broker) => start.zoneOf[broker] === zone);
      return filled(start, ids, options, calm);
    }
    case 'replace':
      return replaced(start, operation, options);
    case 'move':
      return moved(start, operation, options);
    case 'relieve':
      return relieved(start, operation, options);
    case 'copysets': {
      const working = new Working(start, options, searchBand(options));
      const bounds = byteBounds(working, undefined);
      const factors = [...new Set(start.factors)].sort();
      for (const factor of factors) {
        placeOnCopysets(working, copysetsOf(start, factor, options.scatterWidth!, options.seed));
      }
      return endOf(working, [], bounds);
    }
    default:
      return repaired(start, options, operation.kind !== 'place' && operation.kind !== 'drainLeaders', calm);
  }
}

/** Repairs, and then a little polish where the repairs left brokers out of the band. */
function repaired(start: Model, options: PlanOptions, isPolished: boolean, calm?: Float64Array): Searched {
  const working = new Working(start, options, searchBand(options), calm);
  const candidates = new Candidates(working);
  const bounds = byteBounds(working, undefined);
  const problems = repair(working, candidates);
  if (isPolished && working.costBytes > 0 && working.outside().length > 0) {
    const limit = Math.min(options.maxBytes, working.costBytes * (1 + polishBudget));
    working.limitBytes(limit);
    balance(working, { leadersOnly: false });
  }
  return endOf(working, problems, bounds);
}

function endOf(working: Working, problems: Problem[], bounds: ByteBounds): Searched {
  const { survey, limits } = working;
  return {
    target: working.steps === 0 ? working.home : working.replicas,
    shares: sharesOf(working),
    startLoads: survey.loads,
    loads: working.loads.slice(),
    limits,
    flawed: survey.flawed,
    problems,
    bounds,
  };
}

export const sharesOf = ({ loads, targets }: Working): Float64Array =>
  loads.map((load, cell) => load * targets.perShare[cell]!);

function brokersOverLimits(working: Working): number {
  let over = 0;
  for (let broker = 0; broker < working.brokers; broker++) {
    if (working.keeping[broker] === 1 && overLimit(working, broker) !== -1) over++;
  }
  return over;
}

const nothing: ByteBounds = { forced: 0, shed: 0, fill: 0, bytes: 0 };

/** Every hard goal is met and no load is far from its share. */
function isAtRest(working: Working): boolean {
  if (working.survey.flawed.length > 0 || deviations(working).some((by) => by > working.options.trigger)) return false;
  for (let broker = 0; broker < working.brokers; broker++) {
    const dimension = overLimit(working, broker);
    if (dimension !== -1 && !working.isCalm(broker, dimension)) return false;
  }
  return true;
}

function rebalanced(
  start: Model,
  operation: Extract<Operation, { kind: 'rebalance' }>,
  options: PlanOptions,
  calm?: Float64Array,
): Searched {
  const { topic, zone, leadersOnly = false } = operation;
  const zoneIndex = zone === undefined ? -1 : start.zoneNames.indexOf(zone);
  const topicIndex = topic === undefined ? -1 : start.topicNames.indexOf(topic);
  const inZone = (broker: number): boolean => start.zoneOf[broker] === zoneIndex;
  const scope: BalanceScope = {
    leadersOnly,
    mayChange: topic === undefined ? undefined : (row) => start.topicOf[row] === topicIndex,
    mayReceive: zone === undefined ? undefined : inZone,
    brokers: zone === undefined ? undefined : inZone,
  };
  const first = new Working(start, options, searchBand(options), calm);
  const isBalanced = !leadersOnly && topic === undefined;
  // Most often there is nothing to do, and that must be quick.
  if (topic === undefined && isAtRest(first)) return endOf(first, [], nothing);
  const bounds = byteBounds(first, isBalanced ? (scope.brokers ?? (() => true)) : undefined);
  const candidates = new Candidates(first);
  const problems = leadersOnly ? [] : repair(first, candidates, isBalanced);
  if (topic !== undefined) {
    spreadTopic(first, candidates, topicIndex);
    return endOf(first, problems, bounds);
  }
  if (!deviations(first).some((by) => by > options.trigger)) {
    if (isBalanced) relieveLimits(first, candidates, problems);
    return endOf(first, problems, { ...bounds, bytes: bounds.forced });
  }
  // Small clusters are searched from several seeds, for the fewest bytes; and all until another search finds nothing.
  const attempts = isSmall(start) ? smallAttempts : 1;
  let best = first;
  const kept = endOf(first, problems, { ...bounds, bytes: bounds.forced });
  const keptReplicas = first.steps === 0 ? start.replicas : first.replicas.slice();
  const before = deviations(first);
  const overBefore = brokersOverLimits(first);
  let bestPotential = Number.POSITIVE_INFINITY;
  let bestBytes = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const working =
      attempt === 0 ? first : new Working(start, { ...options, seed: options.seed + attempt }, searchBand(options));
    const own = attempt === 0 ? candidates : new Candidates(working);
    if (attempt > 0 && !leadersOnly) repair(working, own, true);
    balance(working, scope);
    const potential = Math.round(working.potential() * 1e6);
    if (potential > bestPotential || (potential === bestPotential && working.costBytes >= bestBytes)) continue;
    best = working;
    bestPotential = potential;
    bestBytes = working.costBytes;
  }
  if (isBalanced) relieveLimits(best, new Candidates(best), problems);
  const after = deviations(best);
  // A plan that brings none of the far brokers nearer is not worth its bytes, unless it meets a limit.
  const isNearer = before.some(
    (by, cell) => by > options.trigger && by - Math.max(after[cell]!, options.band) >= options.leastGain,
  );
  const isWorth = isNearer || brokersOverLimits(best) < overBefore;
  noteUneven(best, problems);
  const isUnsettled = after.some((by) => by > options.trigger * tightening);
  return isWorth ? { ...endOf(best, problems, bounds), isUnsettled } : { ...kept, target: keptReplicas };
}

/** Says which dimensions stay out of the band, with the broker that is furthest. */
function noteUneven(working: Working, problems: Problem[], isMeant: (broker: number) => boolean = () => true): void {
  const goals = ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S6'] as const;
  const { model, targets, loads } = working;
  for (let dimension = 0; dimension < dimensions; dimension++) {
    let count = 0;
    let worst = -1;
    const tolerance = working.options.band - searchBand(working.options) + 1e-4;
    let worstBy = tolerance;
    for (let broker = 0; broker < working.brokers; broker++) {
      const cell = broker * dimensions + dimension;
      if (targets.perShare[cell] === 0 || !isMeant(broker)) continue;
      const relative = loads[cell]! * targets.perShare[cell]!;
      const by = Math.max(relative - targets.high[cell]!, targets.low[cell]! - relative);
      if (by > tolerance) count++;
      if (by <= worstBy) continue;
      worst = broker;
      worstBy = by;
    }
    if (worst === -1) continue;
    const cell = worst * dimensions + dimension;
    problems.push({
      goal: goals[dimension]!,
      severity: 'soft',
      subject: `broker ${model.brokerIds[worst]}`,
      reason: `${dimensionNames[dimension]} ends at ${(100 * loads[cell]! * targets.perShare[cell]!).toFixed(1)} % of its share${count > 1 ? `, and ${count - 1} more brokers end out of the band` : ''}: no step within the hard goals and the budget brings it nearer`,
      remedy: 'more partitions on the large topics would let loads be cut finer',
    });
  }
}

/** By cell, how far a load is from its share, beyond what whole replicas force; 0 for what only noise has moved. */
function deviations(working: Working): Float64Array {
  return working.loads.map((_, cell) => deviationOf(working, cell));
}

function deviationOf(working: Working, cell: number): number {
  const { targets, loads, options } = working;
  if (targets.perShare[cell] === 0) return 0;
  const relative = loads[cell]! * targets.perShare[cell]!;
  const slack = Math.max(0, targets.grain[cell]! - options.band);
  const by = Math.max(0, Math.abs(relative - 1) - slack);
  return by > 0 && working.isCalm(Math.floor(cell / dimensions), cell % dimensions) ? 0 : by;
}

/** One topic as even as can be: replicas of it differ by at most one between brokers that could exchange them. */
function spreadTopic(working: Working, candidates: Candidates, topic: number): void {
  const { model, width, replicas } = working;
  const rows = [...model.topicOf.keys()].filter((row) => model.topicOf[row] === topic);
  const pool = model.poolOfTopic[topic]!;
  for (let round = 0; round < rows.length * width; round++) {
    let changed = false;
    for (const row of rows) {
      for (let column = 0; column < model.factors[row]!; column++) {
        const from = replicas[row * width + column]!;
        if (from === nobody) continue;
        let best: number = nobody;
        let fewest = working.topicCounts.get(topic, from) - 1;
        for (let zone = 0; zone < working.zones; zone++) {
          for (const to of candidates.inZone(pool, zone)) {
            const count = working.topicCounts.get(topic, to);
            if (count >= fewest || !working.mayMove(row, column, to, true)) continue;
            if (!working.isAffordable(row, column, to)) continue;
            best = to;
            fewest = count;
          }
        }
        if (best === nobody) continue;
        working.move(row, column, best);
        changed = true;
      }
    }
    if (!changed) break;
  }
  spreadLeaders(working, rows);
}

/** Leaders of these rows go to the replica whose broker leads fewest of them. */
function spreadLeaders(working: Working, rows: readonly number[]): void {
  const { width, replicas } = working;
  const leading = new Int32Array(working.brokers);
  for (const row of rows) if (replicas[row * width] !== nobody) leading[replicas[row * width]!]!++;
  for (let isChanging = true; isChanging; ) {
    isChanging = false;
    for (const row of rows) {
      const leader = replicas[row * width]!;
      for (let column = 1; column < width; column++) {
        const broker = replicas[row * width + column]!;
        if (broker === nobody || leading[broker]! + 1 >= leading[leader]! || !working.mayLead(row, column)) continue;
        working.lead(row, column);
        leading[leader]!--;
        leading[broker]!++;
        isChanging = true;
        break;
      }
    }
  }
}

/** New or returned brokers get their share; nothing moves between the others. */
function filled(start: Model, ids: readonly number[], options: PlanOptions, calm?: Float64Array): Searched {
  const working = new Working(start, options, searchBand(options), calm);
  const candidates = new Candidates(working);
  const lackingAtFirst = lacking(working, ids);
  const bounds = byteBounds(working, (broker) => lackingAtFirst[broker] === 1);
  const isAdded = new Set(ids.map((id) => brokerIndex(start, id)!));
  const added = new Candidates(working, (broker) => isAdded.has(broker));
  const problems = repair(working, candidates, false, added);
  const wanted = lacking(working, ids);
  const isWanted = (broker: number): boolean => wanted[broker] === 1;
  if (!wanted.includes(1)) return endOf(working, problems, bounds);
  const kept = {
    ...endOf(working, problems, { ...bounds, bytes: bounds.forced }),
    target: working.steps === 0 ? start.replicas : working.replicas.slice(),
  };
  const cells = [...wanted.keys()].filter(isWanted).flatMap(cellsOf);
  const before = cells.map((cell) => deviationOf(working, cell));
  const leaders = wasEvenWithout(working, isWanted) ? () => true : undefined;
  balance(working, { leadersOnly: false, mayReceive: isWanted, brokers: isWanted, leaders });
  const after = cells.map((cell) => deviationOf(working, cell));
  const isWorth = before.some(
    (by, at) => by > options.trigger && by - Math.max(after[at]!, options.band) >= options.leastGain,
  );
  if (!isWorth) return { ...kept, isUnsettled: true };
  noteUneven(working, problems, isWanted);
  return { ...endOf(working, problems, bounds), isUnsettled: after.some((by) => by > options.trigger) };
}

const cellsOf = (broker: number): number[] =>
  Array.from({ length: dimensions }, (_, dimension) => broker * dimensions + dimension);

/** This part of the brokers may be out of the band in a cluster that counts as even. */
const unevenPart = 0.01;

/**
 * Whether the cluster would be even if the new brokers were not there. Shares that become smaller can put brokers out
 * of the band: in an even cluster leaderships mend that; an uneven one is left as it is, for each is an election.
 */
function wasEvenWithout({ model, loads, options, survey }: Working, isNew: (broker: number) => boolean): boolean {
  const conditions = model.conditions.map((state, broker) => (isNew(broker) ? condition.cordoned : state));
  const without = { ...model, conditions };
  const spreads = new SpreadTable(without);
  const { perShare, low, high } = targetsOf(without, spreads, options.band, loads, survey.kinds);
  const out = new Set<number>();
  for (let cell = 0; cell < loads.length; cell++) {
    const relative = loads[cell]! * perShare[cell]!;
    if (perShare[cell]! > 0 && (relative < low[cell]! || relative > high[cell]!))
      out.add(Math.floor(cell / dimensions));
  }
  return out.size <= unevenPart * model.brokerIds.length;
}

/** 1 for those of the brokers that are under their share by more than the trigger; the others are left alone. */
function lacking(working: Working, ids: readonly number[]): Uint8Array {
  const found = new Uint8Array(working.brokers);
  const { loads, targets, options } = working;
  for (const id of ids) {
    const broker = brokerIndex(working.model, id)!;
    const isLacking = (cell: number): boolean =>
      loads[cell]! < targets.share[cell]! && deviationOf(working, cell) > options.trigger;
    if (cellsOf(broker).some(isLacking)) found[broker] = 1;
  }
  return found;
}

function replaced(start: Model, operation: Extract<Operation, { kind: 'replace' }>, options: PlanOptions): Searched {
  const working = new Working(start, options, searchBand(options));
  const bounds = byteBounds(working, undefined);
  const from = brokerIndex(start, operation.broker)!;
  const to = brokerIndex(start, operation.by)!;
  for (let cell = 0; cell < working.replicas.length; cell++) {
    if (working.replicas[cell] !== from) continue;
    const row = Math.floor(cell / working.width);
    const column = cell % working.width;
    if (working.mayMove(row, column, to, true) && working.isAffordable(row, column, to)) working.move(row, column, to);
  }
  // What the new broker cannot take (another zone, no room) goes elsewhere.
  return endOf(working, repair(working, new Candidates(working)), bounds);
}

function moved(start: Model, operation: Extract<Operation, { kind: 'move' }>, options: PlanOptions): Searched {
  const working = new Working(start, options, searchBand(options));
  const bounds: ByteBounds = { forced: 0, shed: 0, fill: 0, bytes: 0 };
  const problems: Problem[] = [];
  const from = brokerIndex(start, operation.from)!;
  const to = brokerIndex(start, operation.to)!;
  const topics = operation.topics && new Set(operation.topics.map((name) => start.topicNames.indexOf(name)));
  let left = 0;
  let first = -1;
  for (let cell = 0; cell < working.replicas.length; cell++) {
    const row = Math.floor(cell / working.width);
    if (working.replicas[cell] !== from || (topics !== undefined && !topics.has(start.topicOf[row]!))) continue;
    const column = cell % working.width;
    if (working.mayMove(row, column, to, true) && working.isAffordable(row, column, to)) working.move(row, column, to);
    else {
      left++;
      if (first === -1) first = row;
    }
  }
  if (left > 0) {
    problems.push({
      goal: 'H3',
      severity: 'soft',
      subject: partitionName(start, first),
      reason: `${left} replicas stay on broker ${operation.from}: broker ${operation.to} has a copy already, lacks room, is not active, is of another set, or is in a zone that holds enough of them`,
      remedy: `name a broker in the zone of broker ${operation.from}`,
    });
  }
  return endOf(working, problems, { ...bounds, bytes: working.costBytes, forced: working.costBytes });
}

/** Full disks only: nothing else is repaired or evened. */
function relieved(start: Model, operation: Extract<Operation, { kind: 'relieve' }>, options: PlanOptions): Searched {
  const working = new Working(start, { ...options, use: { ...options.use, disk: operation.use } });
  const candidates = new Candidates(working);
  const chosen = operation.brokers && new Set(operation.brokers.map((id) => brokerIndex(start, id)!));
  const problems: Problem[] = [];
  let over = 0;
  for (let broker = 0; broker < working.brokers; broker++) {
    if (chosen !== undefined && !chosen.has(broker)) continue;
    over += Math.max(0, working.loads[broker * dimensions]! - start.diskCapacity[broker]! * operation.use);
  }
  relieveLimits(working, candidates, problems, chosen);
  const bytes = Math.min(over, options.maxBytes);
  return endOf(working, problems, { forced: bytes, shed: 0, fill: 0, bytes });
}
