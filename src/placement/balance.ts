import type { ByBroker } from './by-broker.ts';
import { Candidates } from './candidates.ts';
import { changedRows } from './changed-rows.ts';
import { constants } from './constants.ts';
import { passLeaderships, passLeadershipsDeep } from './leaderships.ts';
import { moveQuotas } from './quotas.ts';
import { itemOf } from './targets.ts';
import type { Working } from './working.ts';

const { dimensions, leastDrop, replicaCount, nobody } = constants;

/** Which steps a balance may take. */
export type BalanceScope = {
  /** Only leaderships pass, at no bytes. */
  readonly leadersOnly: boolean;
  /** Partitions that may change; all when undefined. */
  readonly mayChange?: ((row: number) => boolean) | undefined;
  /** Brokers that may receive replicas; all when undefined. */
  readonly mayReceive?: ((broker: number) => boolean) | undefined;
  /** Brokers that are brought into the band; all when undefined. */
  readonly brokers?: ((broker: number) => boolean) | undefined;
  /** Brokers that are brought into the band by leaderships, `brokers` among them; only those when undefined. */
  readonly leaders?: ((broker: number) => boolean) | undefined;
};

const rounds = 12;
/** In the first rounds no step pushes a broker out of the band for the good of another. */
const strictRounds = 2;
/** Brokers asked as donors or receivers for one replica, and replicas looked at on each. */
const targetSamples = 16;
const donorSamples = 24;
/** Donors of one zone that may have nothing before the zone counts as empty-handed. */
const mostRefusals = 12;
/** Brokers that exchange replicas in one round, those furthest out. */
const mostExchanging = 64;
/** Passes over all donors for one receiver. */
const fillAttempts = 64;
/** A receiver that lacks more than this of its share is filled evenly over the dimensions before anything else. */
const bulkShare = 0.03;

/**
 * Brings brokers into the band by steps that each lower the potential: leaderships first (no bytes), then replicas
 * from brokers that have too much and to brokers that have too little (most relief a byte first), then exchanges for
 * those that are left; at last, steps that turned out not to be needed are taken back.
 */
export function balance(working: Working, scope: BalanceScope): void {
  const isInScope = marked(working, scope.brokers);
  const isLed = marked(working, scope.leaders ?? scope.brokers);
  const candidates = new Candidates(working, scope.mayReceive);
  const hasMovedQuotas = !scope.leadersOnly && moveQuotas(working, scope);
  let before = potentialOf(working, isLed);
  for (let round = 0; round < rounds && before > leastDrop; round++) {
    // Where much must move, leaders are evened after it: leaders given to those who hold few replicas now would be in
    // the way of the replicas they are to get.
    if (hasMovedQuotas && (round > 0 || scope.brokers === undefined)) passLeadershipsDeep(working, scope, isLed);
    else if (round > 0 || scope.leadersOnly || !isFarOff(working)) passLeaderships(working, scope, isLed);
    // The search aims a little inside the band: what is left between the two is not worth another round.
    if (hasMovedQuotas && isInside(working, isLed)) break;
    if (!scope.leadersOnly) {
      const outside = (): number[] => working.outside().filter((broker) => isInScope[broker] === 1);
      const isStrict = round < strictRounds;
      const givers = outside().filter((broker) => scope.mayReceive?.(broker) !== true);
      if (givers.length > 0) {
        const index = working.replicasByBroker();
        for (const broker of givers) shed(working, candidates, scope, broker, index, isStrict);
      }
      const takers = outside().filter(
        (broker) => working.receiving[broker] === 1 && scope.mayReceive?.(broker) !== false,
      );
      if (takers.length > 0) {
        const index = working.replicasByBroker();
        const donors = fullest(working);
        for (const broker of takers) fill(working, scope, broker, donors, index, isStrict);
      }
      if (round > 0) exchange(working, scope, outside().slice(0, mostExchanging));
    }
    const after = potentialOf(working, isLed);
    // Among many replicas there is always some step left that gains a little.
    if (after > before * (hasMovedQuotas ? 0.9 : 0.999) - leastDrop) break;
    before = after;
  }
  if (!scope.leadersOnly) takeBack(working, scope);
  passLeaderships(working, scope, isLed);
}

/** 1 for brokers that are meant; all are when nobody says which. */
const marked = ({ receiving }: Working, isMeant: BalanceScope['brokers']): Uint8Array =>
  receiving.map((_, broker) => (isMeant?.(broker) === false ? 0 : 1));

function potentialOf(working: Working, isMarked: Uint8Array): number {
  let sum = 0;
  for (let broker = 0; broker < working.brokers; broker++) {
    if (isMarked[broker] === 1) sum += working.potentialOf(broker);
  }
  return sum;
}

/** Whether every load of the brokers marked is in the band that was asked for. */
function isInside({ targets: { perShare, grain }, loads, options }: Working, isMarked: Uint8Array): boolean {
  for (let cell = 0; cell < loads.length; cell++) {
    if (perShare[cell] === 0 || isMarked[Math.floor(cell / dimensions)] === 0) continue;
    if (Math.abs(loads[cell]! * perShare[cell]! - 1) > Math.max(options.band, grain[cell]!)) return false;
  }
  return true;
}

/** Whether more than a tenth of the brokers are out of the band in bytes on disk. */
function isFarOff({ targets, loads, brokers }: Working): boolean {
  let out = 0;
  for (let cell = 0; cell < brokers * dimensions; cell += dimensions) {
    const relative = loads[cell]! * targets.perShare[cell]!;
    if (targets.perShare[cell]! > 0 && (relative > targets.high[cell]! || relative < targets.low[cell]!)) out++;
  }
  return out > brokers / 10;
}

/** Slope of a broker's potential by dimension: positive where it has too much, negative where too little. */
function slopeOf(working: Working, broker: number, slope: Float64Array): boolean {
  const { targets, loads } = working;
  let isOver = false;
  for (let dimension = 0, cell = broker * dimensions; dimension < dimensions; dimension++, cell++) {
    const relative = loads[cell]! * targets.perShare[cell]!;
    const over = targets.perShare[cell] === 0 ? 0 : relative - targets.high[cell]!;
    const under = targets.perShare[cell] === 0 ? 0 : targets.low[cell]! - relative;
    slope[dimension] = (over > 0 ? over : under > 0 ? -under : 0) * targets.perShare[cell]!;
    if (over > 1e-12) isOver = true;
  }
  return isOver;
}

/** Moves replicas off a broker while it is over the band. */
function shed(
  working: Working,
  candidates: Candidates,
  scope: BalanceScope,
  broker: number,
  { first, cells }: ByBroker,
  isStrict: boolean,
): void {
  const { width, replicas, model } = working;
  const slope = new Float64Array(dimensions);
  const item = new Float64Array(dimensions);
  const count = first[broker + 1]! - first[broker]!;
  const order = new Float64Array(count);
  const scores = new Float64Array(count);
  const meanSize =
    working.loads[broker * dimensions]! / Math.max(1, working.loads[broker * dimensions + replicaCount]!);
  for (let attempt = 0; attempt < 6; attempt++) {
    if (!slopeOf(working, broker, slope)) return;
    const { targets, loads } = working;
    const excess =
      loads[broker * dimensions]! - targets.high[broker * dimensions]! * targets.share[broker * dimensions]!;
    const isHeavy = attempt === 0 && excess > 0 && targets.share[broker * dimensions]! > 0;
    let found = 0;
    for (let at = 0; at < count; at++) {
      const cell = cells[first[broker]! + at]!;
      if (replicas[cell] !== broker) continue;
      const row = Math.floor(cell / width);
      if (scope.mayChange !== undefined && !scope.mayChange(row)) continue;
      itemOf(model, row, cell % width === 0, item);
      let score = 0;
      for (let dimension = 0; dimension < dimensions; dimension++) score += slope[dimension]! * item[dimension]!;
      if (score <= 0) continue;
      // Bytes that must leave anyway leave by chance, so that the other loads go with them in proportion. Then what is
      // left goes by relief a byte.
      if (isHeavy && item[0]! > excess) continue;
      scores[at] = isHeavy ? working.random.next() : score / (item[0]! + 0.1 * meanSize + 1);
      order[found++] = at;
    }
    const sorted = order.subarray(0, found).sort((one, other) => scores[other]! - scores[one]! || one - other);
    let moved = 0;
    const needs = neediest(working, broker, scope);
    for (const at of sorted) {
      const cell = cells[first[broker]! + at]!;
      const row = Math.floor(cell / width);
      const column = cell % width;
      const to = bestDrop(working, candidates, row, column, needs, isStrict);
      if (to === nobody) continue;
      working.move(row, column, to);
      moved++;
      if ((moved & 7) !== 0) continue;
      if (!slopeOf(working, broker, slope)) return;
      if (isHeavy && slope[0]! <= 0) break;
    }
    if (moved === 0) return;
  }
}

/** Receivers that are under the band, furthest first. */
function neediest(working: Working, except: number, { mayReceive }: BalanceScope): number[] {
  const found: { broker: number; by: number }[] = [];
  const { targets, loads } = working;
  for (let broker = 0; broker < working.brokers; broker++) {
    if (working.receiving[broker] === 0 || broker === except || mayReceive?.(broker) === false) continue;
    let by = 0;
    for (let dimension = 0, cell = broker * dimensions; dimension < dimensions; dimension++, cell++) {
      if (targets.perShare[cell] === 0) continue;
      const under = targets.low[cell]! - loads[cell]! * targets.perShare[cell]!;
      if (under > 0) by += under;
    }
    if (by > 0) found.push({ broker, by });
  }
  found.sort((one, other) => other.by - one.by || one.broker - other.broker);
  return found.map(({ broker }) => broker);
}

/** The broker that lowers the potential most by taking the replica; `nobody` when none lowers it. */
function bestDrop(
  working: Working,
  candidates: Candidates,
  row: number,
  column: number,
  needs: readonly number[],
  isStrict: boolean,
): number {
  const { model } = working;
  let best: number = nobody;
  let bestWeight = Number.POSITIVE_INFINITY;
  const relief = working.prepareMove(row, column);
  working.prepareWeight(row, column === 0);
  const look = (to: number): void => {
    // The lightest, not the one with the largest fall: that would fill one dimension and starve another.
    const weight = working.weightOn(to);
    if (weight >= bestWeight) return;
    const drop = working.dropOn(to);
    if (relief + drop <= leastDrop || (isStrict && drop < -leastDrop / 1000)) return;
    if (!working.mayMove(row, column, to) || !working.isAffordable(row, column, to)) return;
    best = to;
    bestWeight = weight;
  };
  if (needs.length > 0) {
    const tries = Math.min(needs.length, targetSamples);
    for (let sample = 0; sample < tries; sample++) {
      look(needs.length <= targetSamples ? needs[sample]! : needs[working.random.below(needs.length)]!);
    }
  }
  if (best !== nobody) return best;
  const pool = model.poolOfTopic[model.topicOf[row]!]!;
  for (const zone of candidates.zonesFor(row, column)) {
    const list = candidates.inZone(pool, zone);
    const tries = Math.min(list.length, targetSamples / 2);
    for (let sample = 0; sample < tries; sample++) {
      const to = list.length <= tries ? list[sample]! : list[working.random.below(list.length)]!;
      look(to);
    }
  }
  return best;
}

/** Brokers that can give, fullest first by their mean share over the dimensions. */
function fullest(working: Working): number[] {
  const found: { broker: number; by: number }[] = [];
  const { targets, loads } = working;
  for (let broker = 0; broker < working.brokers; broker++) {
    if (working.keeping[broker] === 0 || working.loads[broker * dimensions + replicaCount] === 0) continue;
    let by = 0;
    for (let dimension = 0, cell = broker * dimensions; dimension < dimensions; dimension++, cell++) {
      by += loads[cell]! * targets.perShare[cell]!;
    }
    found.push({ broker, by });
  }
  found.sort((one, other) => other.by - one.by || one.broker - other.broker);
  return found.map(({ broker }) => broker);
}

/** Pulls replicas to a broker while it is under the band in some dimension. */
function fill(
  working: Working,
  scope: BalanceScope,
  broker: number,
  donors: readonly number[],
  byBroker: ByBroker,
  isStrict: boolean,
): void {
  const { width, replicas, model } = working;
  const { first, cells } = byBroker;
  const slope = new Float64Array(dimensions);
  const item = new Float64Array(dimensions);
  // A zone whose first donors all have nothing for this broker (their zone must keep what it has) is not asked on.
  const refusals = new Int32Array(working.zones);
  const gifts = new Int32Array(working.zones);
  for (let attempt = 0; attempt < fillAttempts; attempt++) {
    let moved = 0;
    // The more is missing, the more each donor gives at once.
    const missing = missingShare(working, broker);
    if (missing === 0) return;
    const isBulk = missing > bulkShare;
    const each = Math.max(
      1,
      Math.ceil((missing * working.targets.share[broker * dimensions + replicaCount]!) / donors.length),
    );
    for (const donor of donors) {
      const zone = model.zoneOf[donor]!;
      if (donor === broker || (gifts[zone] === 0 && refusals[zone]! > mostRefusals)) continue;
      slopeOf(working, broker, slope);
      let isUnder = false;
      for (let dimension = 0; dimension < dimensions; dimension++) if (slope[dimension]! < 0) isUnder = true;
      if (!isUnder) return;
      const count = first[donor + 1]! - first[donor]!;
      const tries = Math.min(count, donorSamples);
      for (let given = 0; given < each; given++) {
        let bestCell = -1;
        let bestScore = isBulk ? Number.NEGATIVE_INFINITY : 0;
        for (let sample = 0; sample < tries; sample++) {
          const cell = cells[first[donor]! + (count <= donorSamples ? sample : working.random.below(count))]!;
          if (replicas[cell] !== donor) continue;
          const row = Math.floor(cell / width);
          itemOf(model, row, cell % width === 0, item);
          let want = 0;
          for (let dimension = 0; dimension < dimensions; dimension++) want -= slope[dimension]! * item[dimension]!;
          if (want <= 0) continue;
          const relief = working.prepareMove(row, cell % width);
          if (isStrict && relief < -leastDrop / 1000) continue;
          const drop = relief + working.dropOn(broker);
          if (drop <= leastDrop) continue;
          const score = isBulk ? alignment(working, broker, item) : drop / (item[0]! + meanSize(working));
          if (score <= bestScore) continue;
          if (scope.mayChange !== undefined && !scope.mayChange(row)) continue;
          if (!working.mayMove(row, cell % width, broker) || !working.isAffordable(row, cell % width, broker)) continue;
          bestCell = cell;
          bestScore = score;
        }
        if (bestCell === -1) {
          refusals[zone]!++;
          break;
        }
        working.move(Math.floor(bestCell / width), bestCell % width, broker);
        gifts[zone]!++;
        moved++;
      }
    }
    if (moved === 0) return;
  }
}

/** How well a replica brings the other dimensions to where a broker's disk is: positive where they lag and it helps.
 * A replica's size does not count, only its proportions. */
function alignment({ targets, loads }: Working, broker: number, item: Float64Array): number {
  const start = broker * dimensions;
  const onDisk = loads[start]! * targets.perShare[start]!;
  let sum = 0;
  let length = item[0]! * targets.perShare[start]!;
  for (let dimension = 1; dimension < dimensions; dimension++) {
    const perShare = targets.perShare[start + dimension]!;
    sum -= (loads[start + dimension]! * perShare - onDisk) * item[dimension]! * perShare;
    length += item[dimension]! * perShare;
  }
  return length > 0 ? sum / length : 0;
}

function meanSize({ loads, brokers }: Working): number {
  let bytes = 0;
  let count = 0;
  for (let broker = 0; broker < brokers; broker += Math.max(1, Math.floor(brokers / 16))) {
    bytes += loads[broker * dimensions]!;
    count += loads[broker * dimensions + replicaCount]!;
  }
  return bytes / Math.max(1, count) + 1;
}

/** The largest part of its share that a broker lacks, from 0 to 1. */
function missingShare({ targets, loads }: Working, broker: number): number {
  let most = 0;
  for (let dimension = 0, cell = broker * dimensions; dimension < dimensions; dimension++, cell++) {
    if (targets.perShare[cell] === 0) continue;
    most = Math.max(most, targets.low[cell]! - loads[cell]! * targets.perShare[cell]!);
  }
  return most;
}

/** Exchanges replicas between a broker that is still out of the band and others, where single moves did not help. */
function exchange(working: Working, scope: BalanceScope, brokers: readonly number[]): void {
  if (brokers.length === 0) return;
  const { width, replicas, random } = working;
  const { first, cells } = working.replicasByBroker();
  const pick = (broker: number, limit: number): number[] => {
    const count = first[broker + 1]! - first[broker]!;
    const picked: number[] = [];
    for (let sample = 0; sample < Math.min(count, limit); sample++) {
      const cell = cells[first[broker]! + (count <= limit ? sample : random.below(count))]!;
      const row = Math.floor(cell / width);
      if (replicas[cell] === broker && (scope.mayChange === undefined || scope.mayChange(row))) picked.push(cell);
    }
    return picked;
  };
  for (const broker of brokers) {
    if (working.receiving[broker] === 0) continue;
    for (let partner = 0; partner < Math.min(working.brokers, 24); partner++) {
      if (working.potentialOf(broker) <= leastDrop) break;
      const other = working.brokers <= 24 ? partner : random.below(working.brokers);
      if (other === broker || working.receiving[other] === 0) continue;
      if (scope.mayReceive !== undefined && (!scope.mayReceive(broker) || !scope.mayReceive(other))) continue;
      exchangeBest(working, pick(broker, 16), pick(other, 16), broker, other);
    }
  }
}

function exchangeBest(
  working: Working,
  ours: readonly number[],
  theirs: readonly number[],
  broker: number,
  other: number,
): void {
  const { width, replicas } = working;
  for (const mine of ours) {
    const row = Math.floor(mine / width);
    const column = mine % width;
    if (replicas[mine] !== broker || !working.mayMove(row, column, other)) continue;
    for (const yours of theirs) {
      const otherRow = Math.floor(yours / width);
      if (replicas[yours] !== other || otherRow === row || !working.mayMove(otherRow, yours % width, broker)) continue;
      if (!working.isAffordable(row, column, other) || !working.isAffordable(otherRow, yours % width, broker)) continue;
      const before = working.potentialOf(broker) + working.potentialOf(other);
      working.move(row, column, other);
      working.move(otherRow, yours % width, broker);
      const after = working.potentialOf(broker) + working.potentialOf(other);
      if (before - after > leastDrop) break;
      working.move(otherRow, yours % width, other);
      working.move(row, column, broker);
    }
  }
}

/** Takes steps back that the band does not need: a copy saved for nothing. Heaviest first. */
function takeBack(working: Working, scope: BalanceScope): void {
  for (const row of working.heaviestFirst(changedRows(working.home, working.replicas, working.width))) {
    if (scope.mayChange?.(row) === false) continue;
    for (let column = 0; column < working.width; column++) takeReplicaBack(working, scope, row, column);
  }
}

function takeReplicaBack(working: Working, scope: BalanceScope, row: number, column: number): void {
  const { width, replicas, home } = working;
  const broker = replicas[row * width + column]!;
  if (broker === nobody || working.isHome(row, broker)) return;
  const relief = working.prepareMove(row, column);
  // What helps others is no reason where only some are to be helped.
  if (scope.brokers !== undefined && relief < -leastDrop / 1000) return;
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    const origin = home[cell]!;
    if (origin === nobody || working.keeping[origin] === 0 || working.holds(row, origin)) continue;
    if (relief + working.dropOn(origin) < -leastDrop / 1000 || !working.mayMove(row, column, origin)) continue;
    working.move(row, column, origin);
    return;
  }
}
