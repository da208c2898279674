import type { BalanceScope } from './balance.ts';
import { Candidates } from './candidates.ts';
import { constants } from './constants.ts';
import { itemOf } from './targets.ts';
import type { Working } from './working.ts';

const { cpu, dimensions, disk, leaderCount, leaderIn, outRate, nobody } = constants;

type Scope = Omit<BalanceScope, 'leadersOnly'>;

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
  const groups = groupsOf(working);
  for (const group of groups) shareOut(working, scope, group, quotas, receivers);
  if (!receivers.includes(1)) return false;
  const candidates = new Candidates(working, (broker) => receivers[broker] === 1);
  const givers = receivers.map((_, broker) => (quotas[broker * dimensions]! > 0 ? 1 : 0));
  const stride = strideOf(working, quotas);
  const index = cellsBySize(working, givers, stride);
  const isLeaving = new Uint8Array(held);
  for (const group of groups) {
    // What one giver has let go of beyond its quota the next one keeps, so that the receivers get what they are to get.
    const beyond = new Float64Array(dimensions);
    for (const broker of group) {
      if (givers[broker] === 0) continue;
      const cells = index.cells.subarray(index.first[broker]!, index.first[broker + 1]!);
      const own = quotas.subarray(broker * dimensions, (broker + 1) * dimensions);
      choose(working, scope, candidates, broker, own, cells, beyond, isLeaving);
    }
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
  const getLevel = shed > fill ? Math.min(top, Math.max(bottom, levelOf(working, mayReceive, amount, -1))) : bottom;
  const giveLevel = shed > fill ? top : Math.max(bottom, levelOf(working, shared, amount, 1));
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

/**
 * The level, as a part of the share, above which the fullest brokers hold `amount` bytes in all (sign 1), or up to which
 * the emptiest can take it (sign -1).
 */
function levelOf({ loads, targets }: Working, brokers: readonly number[], amount: number, sign: 1 | -1): number {
  const relative = (broker: number): number => loads[broker * dimensions]! * targets.perShare[broker * dimensions]!;
  const ordered = [...brokers].sort((one, other) => sign * (relative(other) - relative(one)) || one - other);
  let bytes = -sign * amount;
  let share = 0;
  let level = 0;
  for (const [at, broker] of ordered.entries()) {
    bytes += loads[broker * dimensions]!;
    share += targets.share[broker * dimensions]!;
    level = bytes / share;
    const next = ordered[at + 1];
    if (next === undefined || sign * level >= sign * relative(next)) break;
  }
  return level;
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
function cellsBySize(working: Working, givers: Uint8Array, stride: number) {
  const { replicas, width, partitions, brokers } = working;
  const rows = new Int32Array(Math.ceil(partitions / stride));
  for (let at = 0; at < rows.length; at++) rows[at] = at * stride;
  const ordered = working.heaviestFirst(rows);
  // Counted first, then filled in: the cells of broker b end up from `first[b]` to `first[b + 1]` (exclusive).
  const first = new Int32Array(brokers + 2);
  for (let at = 0; at < ordered.length; at++) {
    for (let cell = ordered[at]! * width, end = cell + width; cell < end; cell++) {
      const broker = replicas[cell]!;
      if (broker !== nobody && givers[broker] === 1) first[broker + 2]!++;
    }
  }
  for (let broker = 2; broker < first.length; broker++) first[broker]! += first[broker - 1]!;
  const cells = working.cellBuffer();
  for (let at = 0; at < ordered.length; at++) {
    for (let cell = ordered[at]! * width, end = cell + width; cell < end; cell++) {
      const broker = replicas[cell]!;
      if (broker !== nobody && givers[broker] === 1) cells[first[broker + 1]!++] = cell;
    }
  }
  return { first, cells };
}

/**
 * Chooses which of a giver's replicas go, so that what goes is its quota in every dimension.
 *
 * @param beyond  what has gone too much from other givers; brought up to date
 */
function choose(
  working: Working,
  scope: Scope,
  candidates: Candidates,
  broker: number,
  quota: Float64Array,
  cells: Int32Array,
  beyond: Float64Array,
  isLeaving: Uint8Array,
): void {
  const { targets } = working;
  const scale = new Float64Array(dimensions);
  for (let dimension = 0; dimension < dimensions; dimension++) {
    scale[dimension] = targets.perShare[broker * dimensions + dimension]! * (isOfLeaders(dimension) ? leaderWeight : 1);
  }
  const { open, items, sums } = openCells(working, scope, candidates, cells, isLeaving);
  const part = quota.map((amount, dimension) => (sums[dimension]! > 0 ? Math.min(1, amount / sums[dimension]!) : 0));
  // By how much more has been given than the part of what has been looked at.
  const ahead = beyond.map((amount, dimension) => amount * scale[dimension]!);
  for (let at = 0, first = 0; at < open.length; at++, first += dimensions) {
    let gain = 0;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      const weight = items[first + dimension]! * scale[dimension]!;
      ahead[dimension]! -= part[dimension]! * weight;
      gain -= weight * (2 * ahead[dimension]! + weight);
    }
    if (gain <= 0) continue;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      ahead[dimension]! += items[first + dimension]! * scale[dimension]!;
    }
    isLeaving[open[at]!] = 1;
  }
  for (let dimension = 0; dimension < dimensions; dimension++) {
    if (scale[dimension]! > 0) beyond[dimension] = ahead[dimension]! / scale[dimension]!;
  }
}

/** Those of a giver's cells that may go, what each of them carries (`dimensions` numbers), and what all do. */
function openCells(
  { model, width }: Working,
  scope: Scope,
  candidates: Candidates,
  cells: Int32Array,
  isLeaving: Uint8Array,
): { readonly open: readonly number[]; readonly items: Float64Array; readonly sums: Float64Array } {
  const open: number[] = [];
  const items = new Float64Array(cells.length * dimensions);
  const sums = new Float64Array(dimensions);
  const item = new Float64Array(dimensions);
  for (let at = 0; at < cells.length; at++) {
    const cell = cells[at]!;
    const row = Math.floor(cell / width);
    if (scope.mayChange?.(row) === false || !candidates.hasPlace(row, cell % width, isLeaving)) continue;
    itemOf(model, row, cell % width === 0, item);
    const first = open.length * dimensions;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      items[first + dimension] = item[dimension]!;
      sums[dimension]! += item[dimension]!;
    }
    open.push(cell);
  }
  return { open, items, sums };
}

/**
 * Hands out in turns, each over all weights: a receiver that lacks more than others would else get all the heaviest,
 * and be full by bytes before it has its number.
 */
function handOut(working: Working, candidates: Candidates, isLeaving: Uint8Array): void {
  const rows = working.heaviestFirst(rowsOf(working, isLeaving));
  for (let turn = 0; turn < turns; turn++) {
    for (let at = turn; at < rows.length; at += turns) handOutRow(working, candidates, rows[at]!, isLeaving);
  }
}

function handOutRow(working: Working, candidates: Candidates, row: number, isLeaving: Uint8Array): void {
  for (let column = 0; column < working.width; column++) {
    if (isLeaving[row * working.width + column] === 0) continue;
    const to = candidates.best(row, column, candidates.zonesFor(row, column));
    if (to !== nobody && working.isAffordable(row, column, to)) working.move(row, column, to);
  }
}

/** Rows with a cell that is marked. Holds until the working's buffer of cells is used again. */
function rowsOf(working: Working, isMarked: Uint8Array): Int32Array {
  const { width } = working;
  const rows = working.cellBuffer();
  let count = 0;
  for (let cell = 0; cell < isMarked.length; cell++) {
    if (isMarked[cell] === 0) continue;
    const row = Math.floor(cell / width);
    rows[count++] = row;
    cell = (row + 1) * width - 1;
  }
  return rows.subarray(0, count);
}
