import { constants } from './constants.ts';
import { gibibytes } from './limits.ts';
import { condition, type Model } from './model.ts';
import type { Operation } from './operations.ts';
import type { PlanOptions } from './options.ts';
import type { Problem } from './problems.ts';
import type { Searched } from './search.ts';
import { keeps, receives, SpreadTable } from './targets.ts';
import { verifyRows } from './verify.ts';

const { dimensions, disk, inRate, outRate, cpu, replicaCount, nobody } = constants;

/** Operations that do one thing and leave the rest of the cluster as they find it. */
const partial: readonly Operation['kind'][] = ['move', 'relieve', 'copysets'];

/**
 * Goals that an end leaves unmet and of which the search has not spoken: its steps find no way, though there may be
 * one. Only partitions that were flawed at the start can be, for no step makes one so.
 */
export function unmetProblems(start: Model, operation: Operation, options: PlanOptions, end: Searched): Problem[] {
  if (partial.includes(operation.kind)) return [];
  if (operation.kind === 'rebalance' && (operation.leadersOnly === true || operation.topic !== undefined)) return [];
  return [...unevenZones(start, options, end), ...overLimits(start, end)];
}

function unevenZones(start: Model, options: PlanOptions, { target, flawed, problems }: Searched): Problem[] {
  // What the budget does not allow is said as that.
  if (problems.some(({ goal, severity }) => severity === 'hard' && (goal === 'H3' || goal === 'H12'))) return [];
  const spreads = new SpreadTable(start);
  const held = new Int32Array(spreads.zones);
  const open = flawed.filter((row) => isUneven(start, target, spreads, row, held) && !isExcused(start, options, row));
  if (open.length === 0) return [];
  const isPinned = (row: number): boolean => start.pinned[start.topicOf[row]!] === 1;
  const unevenOf = (rows: Int32Array) => verifyRows({ model: start, target }, rows).filter(({ goal }) => goal === 'H3');
  const more = (count: number): string => (count > 1 ? `, and ${count - 1} more partitions are uneven` : '');
  const found: Problem[] = [];
  const mended = unevenOf(open.filter((row) => !isPinned(row)));
  if (mended.length > 0) {
    found.push({
      goal: 'H3',
      severity: 'hard',
      subject: mended[0]!.subject,
      reason: `${mended[0]!.message}${more(mended.length)}: no step within the limits was found that evens it`,
      remedy: 'add 1 broker in the zone with fewer replicas, or raise the limits of use there',
    });
  }
  const pinned = unevenOf(open.filter(isPinned));
  if (pinned.length > 0) {
    found.push({
      goal: 'H3',
      severity: 'soft',
      subject: pinned[0]!.subject,
      reason: `${pinned[0]!.message}${more(pinned.length)}: its topic is pinned`,
      remedy: 'unpin the topic',
    });
  }
  return found;
}

/** @param held  as long as there are zones, for counting */
function isUneven(model: Model, target: Int32Array, spreads: SpreadTable, row: number, held: Int32Array): boolean {
  const { topicOf, poolOfTopic, factors, zoneOf, width } = model;
  held.fill(0);
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    if (target[cell] !== nobody) held[zoneOf[target[cell]!]!]!++;
  }
  const { least, most } = spreads.of(poolOfTopic[topicOf[row]!]!, factors[row]!);
  for (let zone = 0; zone < held.length; zone++) {
    if (held[zone]! < least[zone]! || held[zone]! > most[zone]!) return true;
  }
  return false;
}

/** Without a copy to read, or waiting for its zone to return: said by those who repair. */
function isExcused(model: Model, { sameZoneAllowed }: PlanOptions, row: number): boolean {
  const { width, replicas, conditions, zoneOf } = model;
  const held = replicas.subarray(row * width, (row + 1) * width).filter((broker) => broker !== nobody);
  const isUp = (broker: number): boolean =>
    conditions[broker] !== condition.dead && conditions[broker] !== condition.away;
  const isZoneLost = (broker: number): boolean =>
    conditions[broker] === condition.dead &&
    !zoneOf.some((zone, other) => zone === zoneOf[broker] && keeps(model, other));
  return !held.some(isUp) || (!sameZoneAllowed && held.some(isZoneLost));
}

const limited = [
  { dimension: replicaCount, goal: 'H5', what: 'replicas' },
  { dimension: disk, goal: 'H6', what: 'disk' },
  { dimension: inRate, goal: 'H7', what: 'network in' },
  { dimension: outRate, goal: 'H7', what: 'network out' },
  { dimension: cpu, goal: 'H7', what: 'CPU' },
] as const;

function overLimits(start: Model, { loads, limits, problems }: Searched): Problem[] {
  const found: Problem[] = [];
  for (const { dimension, goal, what } of limited) {
    if ([...problems, ...found].some((problem) => problem.goal === goal && problem.severity === 'hard')) continue;
    for (let broker = 0; broker < start.brokerIds.length; broker++) {
      const cell = broker * dimensions + dimension;
      const by = loads[cell]! - limits[cell]!;
      if (!receives(start, broker) || by <= limits[cell]! * 1e-9) continue;
      const amount = dimension === disk ? gibibytes(by) : by.toPrecision(3);
      found.push({
        goal,
        severity: 'hard',
        subject: `broker ${start.brokerIds[broker]}`,
        reason: `${what} is ${amount} over its limit, and no step was found that brings it under`,
        remedy: 'add 1 broker, or raise the limit',
      });
      break;
    }
  }
  return found;
}
