import { constants } from './constants.ts';
import { costOf } from './cost.ts';
import { fewestBytes, imbalanceOf, isEnumerable, limitsOf } from './exact.ts';
import { brokerIndex, condition, type Model } from './model.ts';
import type { Operation } from './operations.ts';
import type { PlanOptions } from './options.ts';
import type { Searched } from './search.ts';
import { keeps, loadsOf, SpreadTable } from './targets.ts';
import { type Violation, verify, verifyRows } from './verify.ts';

const { dimensions, nobody } = constants;

/** Ends that are compared for evenness too; the others are to cost least, and then to be even. */
const evening: readonly Operation['kind'][] = ['rebalance', 'add', 'zoneBack'];
const repairing: readonly Operation['kind'][] = ['remove', 'repair', 'replicationFactor', 'zoneLost', 'zoneRelabel'];
/** Searches for a cheaper end, each from an end that is more even than the last. */
const mostRounds = 6;
/** Of two ends at the same cost the more even is taken, by this much at a time. */
const evenerBy = 0.75;
/** Nodes of all searches for one plan together, about a second; and of those for an end that is more even at no cost. */
const mostSteps = 4_000_000;
const mostEveningSteps = 20_000;

/**
 * On a small cluster the steps of the search are not the last word: all assignments are tried for one that copies less
 * and is no less even than what was found (after a repair: for the one that copies least). Such an end counts only if
 * planning again from it moves nothing; where it does, that more even end is the next one to be beaten.
 *
 * @param settle  the search of larger clusters, from anywhere
 */
export function cheapestOnSmall(
  start: Model,
  operation: Operation,
  options: PlanOptions,
  found: Searched,
  settle: (start: Model) => Searched,
): Searched {
  if (!isEnumerable(start) || !isSearched(operation, options)) return found;
  const isFixed = fixedRows(start, options);
  const isGivenUp = (end: Searched): boolean => leavesUndone(start, options, isFixed, end);
  const mayCopy = copiesOf(start, operation, options);
  const beaten = (
    end: Searched,
    bytes: number,
    imbalance: number,
    budget: { steps: number },
  ): Int32Array | undefined => {
    const limits = limitsOf(start, isGivenUp(end) ? undefined : end.target, options);
    const task = { bytes, imbalance, limits, mayCopy, isFixed, target: end.target, budget };
    return fewestBytes(start, options, task);
  };
  const budget = { steps: mostSteps };
  let best: Searched = found;
  for (let round = 0; round < mostRounds; round++) {
    const isEvening = evening.includes(operation.kind) && !isGivenUp(best);
    const bytes = isGivenUp(best) ? Number.POSITIVE_INFINITY : costOf(start, best.target).bytes;
    const imbalance = isEvening ? imbalanceOf(start, best.target, options) : Number.POSITIVE_INFINITY;
    const cheapest = beaten(best, bytes, imbalance, budget);
    if (cheapest === undefined) break;
    const eveningBudget = { steps: mostEveningSteps };
    const target = evener(start, options, cheapest, (end, cost, most) =>
      beaten({ ...best, target: end }, cost, most, eveningBudget),
    );
    const beyond = settle({ ...start, replicas: target });
    if (beyond.target.every((broker, cell) => broker === target[cell])) {
      return { ...found, target, shares: beyond.shares, loads: beyond.loads, problems: beyond.problems };
    }
    best = beyond;
  }
  const { target, shares, loads, problems } = best;
  return { ...found, target, shares, loads, problems };
}

/** Budgets and partial operations have rules of their own. */
function isSearched(operation: Operation, { maxBytes, maxMoves }: PlanOptions): boolean {
  if (Number.isFinite(maxBytes) || Number.isFinite(maxMoves)) return false;
  if (operation.kind === 'rebalance') {
    return operation.topic === undefined && operation.zone === undefined && operation.leadersOnly !== true;
  }
  return evening.includes(operation.kind) || repairing.includes(operation.kind);
}

const placing = ['H2', 'H3', 'H5', 'H6', 'H7', 'H8'];
const ofBrokers = ['H5', 'H6', 'H7'];

/** Whether an end leaves a hard goal unmet, said or not, that another end could meet: those of fixed rows nobody can. */
function leavesUndone(
  start: Model,
  options: PlanOptions,
  isFixed: (row: number) => boolean,
  { problems, target }: Searched,
): boolean {
  if (problems.some(({ goal, severity }) => severity === 'hard' && placing.includes(goal))) return true;
  const isLeft = ({ goal, kind }: Violation): boolean => kind === 'remaining' && placing.includes(goal);
  const open = [...start.topicOf.keys()].filter((row) => !isFixed(row));
  if (verifyRows({ model: start, target }, open).some(isLeft)) return true;
  const claim = { model: start, target, rows: new Int32Array(0), first: Int32Array.of(0) };
  return verify(claim, options).some((violation) => ofBrokers.includes(violation.goal) && isLeft(violation));
}

/** At the same cost, as even as it gets. */
function evener(
  start: Model,
  options: PlanOptions,
  first: Int32Array,
  beaten: (end: Int32Array, bytes: number, imbalance: number) => Int32Array | undefined,
): Int32Array {
  const bytes = costOf(start, first).bytes * (1 + 1e-12) + 1e-3;
  for (let best = first; ; ) {
    const imbalance = imbalanceOf(start, best, options);
    const next = imbalance < 1e-6 ? undefined : beaten(best, bytes, imbalance * evenerBy);
    if (next === undefined) return best;
    best = next;
  }
}

/** Partitions that stay where the search left them: pinned, without a living copy, new, or waiting for a lost zone. */
function fixedRows(start: Model, { sameZoneAllowed }: PlanOptions): (row: number) => boolean {
  const { width, replicas, pinned, topicOf, conditions, zoneOf } = start;
  const isZoneLost = (broker: number): boolean =>
    conditions[broker] === condition.dead &&
    !zoneOf.some((zone, other) => zone === zoneOf[broker] && keeps(start, other));
  return (row) => {
    const held = [...replicas.subarray(row * width, (row + 1) * width)].filter((broker) => broker !== nobody);
    const isReadable = held.some(
      (broker) => conditions[broker] !== condition.dead && conditions[broker] !== condition.away,
    );
    return !isReadable || pinned[topicOf[row]!] === 1 || (!sameZoneAllowed && held.some(isZoneLost));
  };
}

/** Brokers that are added take copies; others only of partitions that are out of place, or to relieve one over a limit. */
function copiesOf(start: Model, operation: Operation, options: PlanOptions): (row: number, broker: number) => boolean {
  if (operation.kind !== 'add' && operation.kind !== 'zoneBack') return () => true;
  const isMeant =
    operation.kind === 'add'
      ? new Set(operation.brokers.map((id) => brokerIndex(start, id)!))
      : new Set([...start.brokerIds.keys()].filter((at) => start.zoneNames[start.zoneOf[at]!] === operation.zone));
  const limits = limitsOf(start, undefined, options);
  const isOver = loadsOf(start, start.replicas).some(
    (load, cell) => load > limits[cell]! && keeps(start, Math.floor(cell / dimensions)),
  );
  const spreads = new SpreadTable(start);
  return (row, broker) => isOver || isMeant.has(broker) || isOutOfPlace(start, spreads, row);
}

function isOutOfPlace(model: Model, spreads: SpreadTable, row: number): boolean {
  const { width, replicas, factors, zoneOf, poolOf, poolOfTopic, topicOf } = model;
  const pool = poolOfTopic[topicOf[row]!]!;
  const held = [...replicas.subarray(row * width, (row + 1) * width)].filter(
    (broker) => broker !== nobody && keeps(model, broker) && poolOf[broker] === pool,
  );
  const { least, most } = spreads.of(pool, factors[row]!);
  return (
    held.length !== factors[row] ||
    model.zoneNames.some((_, zone) => {
      const count = held.filter((broker) => zoneOf[broker] === zone).length;
      return count < least[zone]! || count > most[zone]!;
    })
  );
}
