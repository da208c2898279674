import { Candidates } from './candidates.ts';
import { cpu, dimensions, disk, leaderCount, leaderIn, outRate } from './dimensions.ts';
import { nobody } from './model.ts';
import { itemOf } from './targets.ts';
import type { Working } from './working.ts';

/** What may move; as in `BalanceScope`. */
type Scope = {
  readonly mayChange?: ((row: number) => boolean) | undefined;
  readonly mayReceive?: ((broker: number) => boolean) | undefined;
  readonly brokers?: ((broker: number) => boolean) | undefined;
};

/** Below these numbers of replicas, a broker's share is too few pieces to be cut by quota. */
const leastReplicas = 5_000;
const leastReplicasOfBroker = 100;
/** Quotas aim at this part of the band: what they miss by is still inside. */
const aim = 0.6;
/** Less than this part of all bytes is not worth quotas. */
const leastPart = 1e-4;
/** Of the replicas looked at, about this part goes: more are looked at only where more must go. */
const chosenPart = 0.25;
const mostStride = 32;
const levelSteps = 50;
const turns = 8;
/** How much a miss in what leaderships carry counts: those can be put right at no bytes. */
const leaderWeight = 0.25;

/**
 * Moves what must move in bulk, before single steps put the rest right: from how far each broker is off follows how
 * much it gives or gets (its quota), for all dimensions at once. Each giver goes through its replicas, largest first,
 * and lets go of those that keep what it has given in proportion to what it has looked at, in every dimension; then all
 * that was let go is handed out, largest first, each replica to the receiver it weighs on least.
 *
 * The work is linear in replicas, and the misses are about the size of the smallest replicas.
 *
 * @returns  whether there was anything to move in bulk
 */
export function moveQuotas(working: Working, scope: Scope): boolean {
  const held = working.replicas.length;
  if (held < leastReplicas || held < leastReplicasOfBroker * working.brokers) return false;
  const quotas = new Float64Array(working.brokers * dimensions);
  const receivers = new Uint8Array(working.brokers);
  for (const group of groupsOf(working)) shareOut(working, scope, group, quotas, receivers);
  if (!receivers.includes(1)) return false;
  const candidates = new Candidates(working, (broker) => receivers[broker] === 1);
  const givers = Array.from({ length: working.brokers }, (_, broker) => quotas[broker * dimensions]! > 0);
  const stride = strideOf(working, quotas);
  const index = cellsBySize(working, givers, stride);
  const isLeaving = new Uint8Array(held);
  for (let broker = 0; broker < working.brokers; broker++) {
    if (!givers[broker]) continue;
    const cells = index.cells.subarray(index.first[broker]!, index.first[broker + 1]!);
    const own = quotas.subarray(broker * dimensions, (broker + 1) * dimensions);
    choose(working, scope, candidates, broker, own, cells, isLeaving);
  }
  handOut(working, candidates, isLeaving);
  return true;
}

/**
 * Brokers among which replicas can go: those of a pool; those of a zone alone where every partition has as many
 * replicas in each zone as it may, so that what leaves a zone would have to come back.
 */
function groupsOf({ model, brokers, zones, spreads }: Working): number[][] {
  const groups = new Map<number, number[]>();
  for (let broker = 0; broker < brokers; broker++) {
    const pool = model.poolOf[broker]!;
    const key = pool * (zones + 1) + (spreads.isRigid(pool) ? model.zoneOf[broker]! : zones);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [broker]);
    else group.push(broker);
  }
  return [...groups.values()];
}

/** Decides, by bytes on disk, who gives and who gets, and how much of each dimension. */
function shareOut(
  working: Working,
  scope: Scope,
  group: readonly number[],
  quotas: Float64Array,
  receivers: Uint8Array,
): void {
  const { loads, targets, receiving, options } = working;
  const shared = group.filter((broker) => targets.share[broker * dimensions]! > 0 && receiving[broker] === 1);
  const mayReceive = shared.filter((broker) => scope.mayReceive?.(broker) !== false);
  const isMeant = (broker: number): boolean => scope.brokers?.(broker) !== false;
  const top = 1 + aim * options.band;
  const bottom = 1 - aim * options.band;
  const cellOf = (broker: number): number => broker * dimensions + disk;
  const over = (brokers: readonly number[], level: number): number => {
    let sum = 0;
    for (const broker of brokers) sum += Math.max(0, loads[cellOf(broker)]! - level * targets.share[cellOf(broker)]!);
    return sum;
  };
  const under = (brokers: readonly number[], level: number): number => {
    let sum = 0;
    for (const broker of brokers) sum += Math.max(0, level * targets.share[cellOf(broker)]! - loads[cellOf(broker)]!);
    return sum;
  };
  // Who only lends to chosen receivers need not shed; and in a zone that is evened, only its own brokers must.
  const shed = scope.mayReceive === undefined ? over(shared.filter(isMeant), top) : 0;
  const fill = under(mayReceive.filter(isMeant), bottom);
  const amount = Math.max(shed, fill);
  let total = 0;
  for (const broker of shared) total += targets.share[cellOf(broker)]!;
  if (amount < leastPart * total) return;
  const getLevel = shed > fill ? levelOf((level) => under(mayReceive, level) >= amount, bottom, top) : bottom;
  const giveLevel = shed > fill ? top : levelOf((level) => over(shared, level) <= amount, bottom, 2);
  const getters = mayReceive.filter((broker) => loads[cellOf(broker)]! < getLevel * targets.share[cellOf(broker)]!);
  const givers = shared.filter((broker) => loads[cellOf(broker)]! > giveLevel * targets.share[cellOf(broker)]!);
  for (const broker of getters) receivers[broker] = 1;
  for (let dimension = 0; dimension < dimensions; dimension++) {
    let wanted = 0;
    for (const broker of getters) {
      const cell = broker * dimensions + dimension;
      wanted += Math.max(0, getLevel * targets.share[cell]! - loads[cell]!);
    }
    let carried = 0;
    let share = 0;
    for (const broker of givers) {
      carried += loads[broker * dimensions + dimension]!;
      share += targets.share[broker * dimensions + dimension]!;
    }
    const level = dimension === disk ? giveLevel : share > 0 ? (carried - wanted) / share : 0;
    for (const broker of givers) {
      const cell = broker * dimensions + dimension;
      // Leaderships can pass later at no bytes: they go along in proportion.
      quotas[cell] = isOfLeaders(dimension)
        ? (quotas[cellOf(broker)]! / loads[cellOf(broker)]!) * loads[cell]!
        : Math.max(0, loads[cell]! - level * targets.share[cell]!);
    }
  }
}

const isOfLeaders = (dimension: number): boolean =>
  dimension === outRate || dimension === cpu || dimension === leaderCount || dimension === leaderIn;

/** The level from `low` to `high` at which a condition begins to hold. */
function levelOf(holds: (level: number) => boolean, low: number, high: number): number {
  let [below, above] = [low, high];
  for (let step = 0; step < levelSteps; step++) {
    const middle = (below + above) / 2;
    if (holds(middle)) above = middle;
    else below = middle;
  }
  return above;
}

/** Every how many-th partition is looked at: all where much goes, few where little does. */
function strideOf({ loads, brokers }: Working, quotas: Float64Array): number {
  let most = 0;
  for (let cell = 0; cell < brokers * dimensions; cell += dimensions) {
    if (quotas[cell]! > 0) most = Math.max(most, quotas[cell]! / loads[cell]!);
  }
  return Math.max(1, Math.min(mostStride, Math.floor(chosenPart / most)));
}

/** Replica cells of the givers, by broker, those of the largest partitions first. */
function cellsBySize(working: Working, givers: readonly boolean[], stride: number) {
  const { replicas, width, partitions, brokers } = working;
  const rows = new Int32Array(Math.ceil(partitions / stride));
  for (let at = 0; at < rows.length; at++) rows[at] = at * stride;
  const first = new Int32Array(brokers + 2);
  const each = (visit: (cell: number, broker: number) => void, order: Int32Array): void => {
    for (const row of order) {
      for (let cell = row * width; cell < (row + 1) * width; cell++) {
        const broker = replicas[cell]!;
        if (broker !== nobody && givers[broker]) visit(cell, broker);
      }
    }
  };
  each((_, broker) => first[broker + 2]!++, rows);
  for (let broker = 2; broker < first.length; broker++) first[broker]! += first[broker - 1]!;
  const cells = working.cellBuffer();
  each((cell, broker) => {
    cells[first[broker + 1]!++] = cell;
  }, working.heaviestFirst(rows));
  return { first, cells };
}

/** Chooses which of a giver's replicas go, so that what goes is its quota in every dimension. */
function choose(
  working: Working,
  scope: Scope,
  candidates: Candidates,
  broker: number,
  quota: Float64Array,
  cells: Int32Array,
  isLeaving: Uint8Array,
): void {
  const { model, width, targets } = working;
  const scale = new Float64Array(dimensions);
  for (let dimension = 0; dimension < dimensions; dimension++) {
    scale[dimension] = targets.perShare[broker * dimensions + dimension]! * (isOfLeaders(dimension) ? leaderWeight : 1);
  }
  const item = new Float64Array(dimensions);
  const sums = new Float64Array(dimensions);
  const open: number[] = [];
  for (const cell of cells) {
    const row = Math.floor(cell / width);
    if (scope.mayChange?.(row) === false || !candidates.hasPlace(row, cell % width, isLeaving)) continue;
    open.push(cell);
    itemOf(model, row, cell % width === 0, item);
    for (let dimension = 0; dimension < dimensions; dimension++) sums[dimension]! += item[dimension]!;
  }
  const part = quota.map((amount, dimension) => (sums[dimension]! > 0 ? Math.min(1, amount / sums[dimension]!) : 0));
  // By how much more has been given than the part of what has been looked at.
  const ahead = new Float64Array(dimensions);
  for (const cell of open) {
    const row = Math.floor(cell / width);
    itemOf(model, row, cell % width === 0, item);
    let gain = 0;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      const weight = item[dimension]! * scale[dimension]!;
      item[dimension] = weight;
      ahead[dimension]! -= part[dimension]! * weight;
      gain -= weight * (2 * ahead[dimension]! + weight);
    }
    if (gain <= 0) continue;
    for (let dimension = 0; dimension < dimensions; dimension++) ahead[dimension]! += item[dimension]!;
    isLeaving[cell] = 1;
  }
}

/**
 * Hands out in turns, each over all weights: a receiver that lacks more than others would else get all the heaviest,
 * and be full by bytes before it has its number.
 */
function handOut(working: Working, candidates: Candidates, isLeaving: Uint8Array): void {
  const { width, partitions } = working;
  let rows: Int32Array = new Int32Array(partitions);
  let count = 0;
  for (let row = 0, cell = 0; row < partitions; row++) {
    let goes = 0;
    for (const end = cell + width; cell < end; cell++) goes |= isLeaving[cell]!;
    rows[count] = row;
    count += goes;
  }
  rows = working.heaviestFirst(rows.subarray(0, count));
  for (let turn = 0; turn < turns; turn++) {
    for (let at = turn; at < count; at += turns) {
      const row = rows[at]!;
      for (let column = 0; column < width; column++) {
        if (isLeaving[row * width + column] === 0) continue;
        const to = candidates.best(row, column, candidates.zonesFor(row, column));
        if (to !== nobody && working.isAffordable(row, column, to)) working.move(row, column, to);
      }
    }
  }
}
