import type { BalanceScope } from './balance.ts';
import { byBroker } from './by-broker.ts';
import { Candidates } from './candidates.ts';
import { constants } from './constants.ts';
import { giveBack } from './give-back.ts';
import { carriedBy, mayLeave, type Sample, sampleOf } from './quota-sample.ts';
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
  const isGiver = receivers.map((_, broker) => (quotas[broker * dimensions]! > 0 ? 1 : 0));
  const sample = sampleOf(working, candidates, isGiver, scope.mayChange, strideOf(working, quotas));
  const { first, cells } = byBroker(sample.givers, working.brokers, working.cellBuffer());
  for (const group of groups) {
    // What one giver has let go of beyond its quota the next one keeps, so that the receivers get what they are to get.
    const beyond = new Float64Array(dimensions);
    for (const broker of group) {
      if (isGiver[broker] === 0) continue;
      const own = quotas.subarray(broker * dimensions, (broker + 1) * dimensions);
      choose(working, sample, broker, own, cells.subarray(first[broker]!, first[broker + 1]!), beyond);
    }
  }
  handOut(working, candidates, sample);
  const { rows, givers, goesAlone, sizes, rates, factors, isLeaving } = sample;
  giveBack(rows, givers, goesAlone, sizes, rates, factors, isLeaving);
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

/**
 * Chooses which of a giver's replicas go, so that what goes is its quota in every dimension.
 *
 * @param cells   of the sample: the giver's, heaviest first
 * @param beyond  what has gone too much from other givers; brought up to date
 */
function choose(
  { targets }: Working,
  sample: Sample,
  broker: number,
  quota: Float64Array,
  cells: Int32Array,
  beyond: Float64Array,
): void {
  const sums = sumsOf(sample, cells);
  const scale = new Float64Array(dimensions);
  const part = new Float64Array(dimensions);
  // By how much more has been given than the part of what has been looked at.
  const ahead = new Float64Array(dimensions);
  for (let dimension = 0; dimension < dimensions; dimension++) {
    scale[dimension] = targets.perShare[broker * dimensions + dimension]! * (isOfLeaders(dimension) ? leaderWeight : 1);
    part[dimension] = sums[dimension]! > 0 ? Math.min(1, quota[dimension]! / sums[dimension]!) : 0;
    ahead[dimension] = beyond[dimension]! * scale[dimension]!;
  }
  chooseInTurn(sample, cells, scale, part, ahead);
  for (let dimension = 0; dimension < dimensions; dimension++) {
    if (scale[dimension]! > 0) beyond[dimension] = ahead[dimension]! / scale[dimension]!;
  }
}

/** Takes each replica with which what has been given comes nearer to its part of what has been looked at. */
function chooseInTurn(
  sample: Sample,
  cells: Int32Array,
  scale: Float64Array,
  part: Float64Array,
  ahead: Float64Array,
): void {
  const item = new Float64Array(dimensions);
  for (let at = 0; at < cells.length; at++) {
    if (!mayLeave(sample, cells[at]!)) continue;
    carriedBy(sample, cells[at]!, item);
    let gain = 0;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      const weight = item[dimension]! * scale[dimension]!;
      ahead[dimension]! -= part[dimension]! * weight;
      gain -= weight * (2 * ahead[dimension]! + weight);
    }
    if (gain <= 0) continue;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      ahead[dimension]! += item[dimension]! * scale[dimension]!;
    }
    sample.isLeaving[cells[at]!] = 1;
  }
}

/** What those of a giver's replicas that may go carry. */
function sumsOf(sample: Sample, cells: Int32Array): Float64Array {
  const sums = new Float64Array(dimensions);
  const item = new Float64Array(dimensions);
  for (let at = 0; at < cells.length; at++) {
    if (!mayLeave(sample, cells[at]!)) continue;
    carriedBy(sample, cells[at]!, item);
    for (let dimension = 0; dimension < dimensions; dimension++) sums[dimension]! += item[dimension]!;
  }
  return sums;
}

/**
 * Hands out in turns, each over all weights: a receiver that lacks more than others would else get all the heaviest,
 * and be full by bytes before it has its number.
 */
function handOut(working: Working, candidates: Candidates, sample: Sample): void {
  const places = leavingPlaces(sample);
  for (let turn = 0; turn < turns; turn++) {
    for (let at = turn; at < places.length; at += turns) handOutRow(working, candidates, sample, places[at]!);
  }
}

function handOutRow(working: Working, candidates: Candidates, { rows, isLeaving, width }: Sample, place: number): void {
  const row = rows[place]!;
  for (let column = 0; column < width; column++) {
    if (isLeaving[place * width + column] === 0) continue;
    const to = candidates.best(row, column, candidates.zonesFor(row, column));
    if (to !== nobody && working.isAffordable(row, column, to)) working.move(row, column, to);
  }
}

/** Places of the rows with a replica that leaves. */
function leavingPlaces({ isLeaving, width }: Sample): number[] {
  const places: number[] = [];
  for (let cell = isLeaving.indexOf(1); cell !== -1; cell = isLeaving.indexOf(1, cell)) {
    const place = Math.floor(cell / width);
    places.push(place);
    cell = (place + 1) * width;
  }
  return places;
}
