import { constants } from './constants.ts';
import { condition, type Model, maxReplicationFactor } from './model.ts';
import { inSlices } from './slices.ts';
import { type ZoneSpread, zoneSpread } from './zone-spread.ts';

const { cpu, dimensions, disk, inRate, leaderCount, leaderIn, outRate, replicaCount, nobody } = constants;

/** Where each broker's load should be. Cells are broker x dimension, `dimensions` a broker. */
export type Targets = {
  /** The broker's share; 0 where it has none (not active, may not lead, nothing to share). */
  readonly share: Float64Array;
  /** 1 / share, 0 without one: load times this is 1 when the broker carries just its share. */
  readonly perShare: Float64Array;
  /** Load of a mean replica (a mean leader, where only leaders carry it) as a part of the share. */
  readonly grain: Float64Array;
  /** Band around 1: wider than asked where whole replicas do not allow it. */
  readonly low: Float64Array;
  readonly high: Float64Array;
};

/** The same shares with another band. */
export function withBand(targets: Targets, band: number): Targets {
  const { perShare, grain } = targets;
  const low = new Float64Array(grain.length);
  const high = new Float64Array(grain.length).fill(Number.POSITIVE_INFINITY);
  for (let cell = 0; cell < grain.length; cell++) {
    if (perShare[cell] === 0) continue;
    // Replicas cannot be cut: a broker may be off by one of the mean size.
    const slack = Math.max(band, grain[cell]!);
    low[cell] = 1 - slack;
    high[cell] = 1 + slack;
  }
  return { ...targets, low, high };
}

/** Most and fewest replicas of a partition by pool, replication factor and zone. */
export class SpreadTable {
  readonly zones: number;
  readonly #brokers: Int32Array;
  readonly #tables: (ZoneSpread | undefined)[] = [];
  /** 1: some replication factor leaves a choice of zones. By pool. */
  readonly #isLoose: Uint8Array;

  constructor(model: Model) {
    this.zones = model.zoneNames.length;
    for (let key = 0; key < model.poolNames.length * (maxReplicationFactor + 1); key++) this.#tables.push(undefined);
    this.#isLoose = new Uint8Array(model.poolNames.length);
    this.#brokers = new Int32Array(model.poolNames.length * this.zones);
    for (let broker = 0; broker < model.brokerIds.length; broker++) {
      if (keeps(model, broker)) this.#brokers[model.poolOf[broker]! * this.zones + model.zoneOf[broker]!]!++;
    }
  }

  /** Brokers of a pool that may hold replicas, by zone. */
  brokersOf(pool: number): Int32Array {
    return this.#brokers.subarray(pool * this.zones, (pool + 1) * this.zones);
  }

  /** Whether any broker of the zone, of whatever pool, may hold replicas. */
  hasBrokers(zone: number): boolean {
    for (let cell = zone; cell < this.#brokers.length; cell += this.zones) if (this.#brokers[cell]! > 0) return true;
    return false;
  }

  /**
   * Whether every partition of the pool has as many replicas in each zone as it may and must: what leaves a zone has
   * to be made up for in the same zone. Goes by the replication factors that `of` has been asked for.
   */
  isRigid(pool: number): boolean {
    return this.#isLoose[pool] === 0;
  }

  of(pool: number, factor: number): ZoneSpread {
    const key = pool * (maxReplicationFactor + 1) + factor;
    const known = this.#tables[key];
    if (known !== undefined) return known;
    const table = zoneSpread(this.brokersOf(pool), factor);
    this.#tables[key] = table;
    if (table.least.some((count, zone) => count !== table.most[zone])) this.#isLoose[pool] = 1;
    return table;
  }
}

/** Whether a broker may go on holding the replicas it has. */
export function keeps({ conditions }: Model, broker: number): boolean {
  const state = conditions[broker];
  return state === condition.active || state === condition.cordoned || state === condition.away;
}

/** Whether a broker may get replicas. */
export function receives({ conditions }: Model, broker: number): boolean {
  return conditions[broker] === condition.active;
}

/**
 * Load that one replica puts on its broker, written to `item`.
 *
 * The leader sends to consumers and to its followers; all replicas receive what is produced.
 */
export function itemOf(model: Model, row: number, isLeader: boolean, item: Float64Array): void {
  const rate = model.inRates[row]!;
  item[disk] = model.sizes[row]!;
  item[inRate] = rate;
  item[replicaCount] = 1;
  if (isLeader) {
    item[outRate] = model.outRates[row]! + rate * (model.factors[row]! - 1);
    item[cpu] = model.leaderCpu[row]!;
    item[leaderCount] = 1;
    item[leaderIn] = rate;
  } else {
    item[outRate] = 0;
    item[cpu] = model.followerCpu[row]!;
    item[leaderCount] = 0;
    item[leaderIn] = 0;
  }
}

/** Loads of all brokers in all dimensions under `replicas`; the first replica of a partition leads. */
export function loadsOf(model: Model, replicas: Int32Array): Float64Array {
  const loads = new Float64Array(model.brokerIds.length * dimensions);
  inSlices(model.sizes.length, (from, to) => addLoads(model, replicas, loads, from, to));
  return loads;
}

function addLoads(model: Model, replicas: Int32Array, loads: Float64Array, from: number, to: number): void {
  const { width, sizes, inRates, outRates, leaderCpu, followerCpu, factors } = model;
  for (let row = from, first = from * width; row < to; row++, first += width) {
    const size = sizes[row]!;
    const rate = inRates[row]!;
    const ofFollower = followerCpu[row]!;
    for (let cell = first, end = first + width; cell < end; cell++) {
      if (replicas[cell] === nobody) continue;
      const at = replicas[cell]! * dimensions;
      loads[at + disk]! += size;
      loads[at + inRate]! += rate;
      loads[at + cpu]! += cell === first ? leaderCpu[row]! : ofFollower;
      loads[at + replicaCount]!++;
    }
    if (replicas[first] === nobody) continue;
    const at = replicas[first]! * dimensions;
    loads[at + outRate]! += outRates[row]! + rate * (factors[row]! - 1);
    loads[at + leaderCount]!++;
    loads[at + leaderIn]! += rate;
  }
}

/** Sums over the partitions of one pool and replication factor: all that shares and bounds of zones depend on. */
export type Kind = {
  readonly pool: number;
  readonly factor: number;
  count: number;
  size: number;
  rate: number;
  out: number;
  leaderCpu: number;
  followerCpu: number;
};

/** The kind of a pool and factor in `kinds`, put there when it is new. There are few. */
function kindOf(kinds: Kind[], pool: number, factor: number): Kind {
  for (const kind of kinds) if (kind.factor === factor && kind.pool === pool) return kind;
  const kind = { pool, factor, count: 0, size: 0, rate: 0, out: 0, leaderCpu: 0, followerCpu: 0 };
  kinds.push(kind);
  return kind;
}

/** Sums of every kind there is. */
export function kindsOf({ topicOf, poolOfTopic, factors, sizes, inRates, outRates, ...model }: Model): Kind[] {
  const kinds: Kind[] = [];
  // Rows of a topic follow each other: sums are kept apart only from one kind to the next.
  for (let row = 0; row < topicOf.length; ) {
    const pool = poolOfTopic[topicOf[row]!]!;
    const factor = factors[row]!;
    const kind = kindOf(kinds, pool, factor);
    let { count, size, rate, out, leaderCpu, followerCpu } = kind;
    for (; row < topicOf.length && factors[row] === factor && poolOfTopic[topicOf[row]!] === pool; row++) {
      count++;
      size += sizes[row]!;
      rate += inRates[row]!;
      out += outRates[row]! + inRates[row]! * (factor - 1);
      leaderCpu += model.leaderCpu[row]!;
      followerCpu += model.followerCpu[row]!;
    }
    Object.assign(kind, { count, size, rate, out, leaderCpu, followerCpu });
  }
  return kinds;
}

/** Size of a broker in each dimension, relative to the others: its capacity, or 1 where some have none. */
function weightsOf(model: Model): Float64Array {
  const ofDisk = sizesOrOnes(model.diskCapacity);
  const ofIn = sizesOrOnes(model.inCapacity);
  const ofOut = sizesOrOnes(model.outCapacity);
  const ofCpu = sizesOrOnes(model.cpuCapacity);
  const weights = new Float64Array(model.brokerIds.length * dimensions);
  for (let broker = 0, at = 0; broker < model.brokerIds.length; broker++, at += dimensions) {
    if (!receives(model, broker)) continue;
    weights[at + disk] = ofDisk[broker]!;
    weights[at + replicaCount] = ofDisk[broker]!;
    weights[at + inRate] = ofIn[broker]!;
    weights[at + cpu] = ofCpu[broker]!;
    if (model.mayLead[broker] === 0) continue;
    weights[at + outRate] = ofOut[broker]!;
    weights[at + leaderCount] = ofOut[broker]!;
    weights[at + leaderIn] = ofOut[broker]!;
  }
  return weights;
}

const sizesOrOnes = (capacity: Float64Array): Float64Array =>
  capacity.every((value) => Number.isFinite(value) && value > 0) ? capacity : new Float64Array(capacity.length).fill(1);

/**
 * Shares of all active brokers, by pool. A zone's share is what its capacity says, but never more than the replicas
 * that the spread over zones allows it, nor less than those it must hold: with as many zones as replicas, every zone
 * gets the same bytes whatever its size.
 */
export function targetsOf(
  model: Model,
  spreads: SpreadTable,
  band: number,
  loads: Float64Array,
  kinds: readonly Kind[] = kindsOf(model),
): Targets {
  const zones = spreads.zones;
  const pools = model.poolNames.length;
  const weights = weightsOf(model);
  // Bounds of each pool and zone: what the partitions' spread forces into it and allows in it.
  const cells = pools * zones * dimensions;
  const least = new Float64Array(cells);
  const most = new Float64Array(cells);
  for (const kind of kinds) addBoundsOfZones(kind, spreads, least, most);
  const total = totalsOf(kinds, pools);
  const sums = { least, most, ...zoneWeights(model, zones, weights, loads) };
  const zoneShare = new Float64Array(cells);
  for (let pool = 0; pool < pools; pool++) {
    for (let dimension = 0; dimension < dimensions; dimension++) {
      fillZones(pool, dimension, zones, total[pool * dimensions + dimension]!, sums, zoneShare);
    }
    if (spreads.isRigid(pool)) tieCpu(pool, zones, kinds, sums, zoneShare);
  }
  const share = sharesOf(model, zones, weights, sums.zoneWeight, zoneShare);
  keepUnderReplicaLimits(model, share);
  const grain = grainOf(model, share, unitsOf(kinds, total, pools));
  const perShare = share.map((amount) => (amount === 0 ? 0 : 1 / amount));
  return withBand({ share, perShare, grain, low: share, high: share }, band);
}

/** By pool, zone and dimension: the sizes of brokers that share, and what others keep: that is not there to be shared. */
function zoneWeights(model: Model, zones: number, weights: Float64Array, loads: Float64Array) {
  const zoneWeight = new Float64Array(model.poolNames.length * zones * dimensions);
  const kept = new Float64Array(zoneWeight.length);
  for (let broker = 0; broker < model.brokerIds.length; broker++) {
    const cell = (model.poolOf[broker]! * zones + model.zoneOf[broker]!) * dimensions;
    // Cordoned and away brokers.
    const isKept = keeps(model, broker) && !receives(model, broker);
    for (let dimension = 0; dimension < dimensions; dimension++) {
      zoneWeight[cell + dimension]! += weights[broker * dimensions + dimension]!;
      if (isKept) kept[cell + dimension]! += loads[broker * dimensions + dimension]!;
    }
  }
  return { zoneWeight, kept };
}

/** A zone's share by the sizes of its brokers. */
function sharesOf(
  { brokerIds, poolOf, zoneOf }: Model,
  zones: number,
  weights: Float64Array,
  zoneWeight: Float64Array,
  zoneShare: Float64Array,
): Float64Array {
  const share = new Float64Array(weights.length);
  for (let broker = 0; broker < brokerIds.length; broker++) {
    const zone = (poolOf[broker]! * zones + zoneOf[broker]!) * dimensions;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      const cell = broker * dimensions + dimension;
      if (weights[cell] === 0 || zoneWeight[zone + dimension] === 0) continue;
      const amount = (zoneShare[zone + dimension]! * weights[cell]!) / zoneWeight[zone + dimension]!;
      if (amount > 0) share[cell] = amount;
    }
  }
  return share;
}

/** @param units  see `unitsOf` */
function grainOf({ brokerIds, poolOf }: Model, share: Float64Array, units: Float64Array): Float64Array {
  const grain = new Float64Array(share.length);
  for (let broker = 0, cell = 0; broker < brokerIds.length; broker++) {
    const unit = poolOf[broker]! * dimensions;
    for (let dimension = 0; dimension < dimensions; dimension++, cell++) {
      if (share[cell]! > 0) grain[cell] = units[unit + dimension]! / share[cell]!;
    }
  }
  return grain;
}

/**
 * Where each zone must hold as many replicas as it may, what followers cost of CPU is as fixed as the bytes on disk,
 * and the rest goes with the leaders: a zone's share of CPU follows from its share of what leaders send. Two shares of
 * their own would pull leaders both ways.
 */
function tieCpu(pool: number, zones: number, kinds: readonly Kind[], sums: ZoneSums, zoneShare: Float64Array): void {
  let extra = 0;
  let out = 0;
  for (const kind of kinds) if (kind.pool === pool) extra += kind.leaderCpu - kind.followerCpu;
  for (let zone = 0; zone < zones; zone++) out += zoneShare[(pool * zones + zone) * dimensions + outRate]!;
  if (out === 0) return;
  for (let zone = 0; zone < zones; zone++) {
    const cell = (pool * zones + zone) * dimensions;
    if (sums.zoneWeight[cell + cpu] === 0) continue;
    const leading = (extra * zoneShare[cell + outRate]!) / out;
    zoneShare[cell + cpu] = Math.max(0, sums.least[cell + cpu]! - sums.kept[cell + cpu]! + leading);
  }
}

/** Shares of replicas above this part of a broker's limit go to the other brokers of its zone and pool. */
const replicaRoom = 0.95;

function keepUnderReplicaLimits({ replicaCapacity, zoneOf, poolOf }: Model, share: Float64Array): void {
  const brokers = replicaCapacity.length;
  const shareOf = (broker: number): number => share[broker * dimensions + replicaCount]!;
  const limitOf = (broker: number): number => replicaRoom * replicaCapacity[broker]!;
  const isFull = Uint8Array.from(replicaCapacity, (_, broker) => (shareOf(broker) > limitOf(broker) ? 1 : 0));
  if (!isFull.includes(1)) return;
  for (let broker = 0; broker < brokers; broker++) {
    // Each broker that is too full is the first of its zone and pool to be seen, or its zone is done.
    let [excess, open] = [0, 0];
    for (let round = 0; round < brokers && isFull[broker] === 1; round++) {
      [excess, open] = [0, 0];
      for (let other = 0; other < brokers; other++) {
        if (zoneOf[other] !== zoneOf[broker] || poolOf[other] !== poolOf[broker]) continue;
        const over = shareOf(other) - limitOf(other);
        if (over > 0) {
          excess += over;
          share[other * dimensions + replicaCount] = limitOf(other);
        } else if (over < 0) open += shareOf(other);
      }
      if (excess < 1e-6 || open === 0) break;
      for (let other = 0; other < brokers; other++) {
        if (zoneOf[other] !== zoneOf[broker] || poolOf[other] !== poolOf[broker]) continue;
        if (shareOf(other) < limitOf(other)) share[other * dimensions + replicaCount]! *= 1 + excess / open;
      }
    }
  }
}

/** What all replicas together ask for, by pool and dimension. */
function totalsOf(kinds: readonly Kind[], pools: number): Float64Array {
  const total = new Float64Array(pools * dimensions);
  for (const { pool, factor, count, size, rate, out, leaderCpu, followerCpu } of kinds) {
    if (factor === 0) continue;
    const cell = pool * dimensions;
    total[cell + disk]! += factor * size;
    total[cell + inRate]! += factor * rate;
    total[cell + outRate]! += out;
    total[cell + cpu]! += leaderCpu + (factor - 1) * followerCpu;
    total[cell + replicaCount]! += factor * count;
    total[cell + leaderCount]! += count;
    total[cell + leaderIn]! += rate;
  }
  return total;
}

/** Mean load of one replica (of one leader, where only leaders carry it) by pool and dimension. */
function unitsOf(kinds: readonly Kind[], total: Float64Array, pools: number): Float64Array {
  const replicas = new Float64Array(pools);
  const leaders = new Float64Array(pools);
  for (const { pool, factor, count } of kinds) {
    replicas[pool]! += factor * count;
    leaders[pool]! += count;
  }
  return total.map((sum, cell) => {
    const pool = Math.floor(cell / dimensions);
    const dimension = cell % dimensions;
    const isOfLeaders = dimension === outRate || dimension === leaderCount || dimension === leaderIn;
    return sum / Math.max(1, isOfLeaders ? leaders[pool]! : replicas[pool]!);
  });
}

/** What partitions of one kind force into each zone and allow in it. */
function addBoundsOfZones(kind: Kind, spreads: SpreadTable, least: Float64Array, most: Float64Array): void {
  const spread = spreads.of(kind.pool, kind.factor);
  for (let zone = 0; zone < spreads.zones; zone++) {
    const atLeast = spread.least[zone]!;
    const atMost = spread.most[zone]!;
    const cell = (kind.pool * spreads.zones + zone) * dimensions;
    least[cell + disk]! += atLeast * kind.size;
    least[cell + inRate]! += atLeast * kind.rate;
    least[cell + replicaCount]! += atLeast * kind.count;
    least[cell + cpu]! += atLeast * kind.followerCpu;
    if (atMost === 0) continue;
    most[cell + disk]! += atMost * kind.size;
    most[cell + inRate]! += atMost * kind.rate;
    most[cell + replicaCount]! += atMost * kind.count;
    most[cell + cpu]! += atMost * kind.followerCpu + kind.leaderCpu - kind.followerCpu;
    most[cell + outRate]! += kind.out;
    most[cell + leaderCount]! += kind.count;
    most[cell + leaderIn]! += kind.rate;
  }
}

type ZoneSums = {
  readonly zoneWeight: Float64Array;
  readonly least: Float64Array;
  readonly most: Float64Array;
  readonly kept: Float64Array;
};

/** Shares `total` over the zones of a pool by weight, inside each zone's bounds. */
function fillZones(
  pool: number,
  dimension: number,
  zones: number,
  total: number,
  { zoneWeight, least, most, kept }: ZoneSums,
  into: Float64Array,
): void {
  const at = (zone: number): number => (pool * zones + zone) * dimensions + dimension;
  const fixed = new Uint8Array(zones);
  let rest = total;
  for (let zone = 0; zone < zones; zone++) {
    rest -= kept[at(zone)]!;
    if (zoneWeight[at(zone)] === 0) fixed[zone] = 1;
  }
  for (let round = 0; round <= zones; round++) {
    let weight = 0;
    for (let zone = 0; zone < zones; zone++) if (fixed[zone] === 0) weight += zoneWeight[at(zone)]!;
    if (weight === 0) return;
    let worst = -1;
    let worstBy = 1e-9 * total;
    for (let zone = 0; zone < zones; zone++) {
      if (fixed[zone] === 1) continue;
      const amount = (rest * zoneWeight[at(zone)]!) / weight;
      into[at(zone)] = amount;
      const by = Math.max(amount + kept[at(zone)]! - most[at(zone)]!, least[at(zone)]! - kept[at(zone)]! - amount);
      if (by > worstBy) {
        worst = zone;
        worstBy = by;
      }
    }
    if (worst === -1) return;
    const amount = into[at(worst)]!;
    const bound =
      amount + kept[at(worst)]! > most[at(worst)]!
        ? most[at(worst)]! - kept[at(worst)]!
        : least[at(worst)]! - kept[at(worst)]!;
    into[at(worst)] = Math.max(0, bound);
    rest -= into[at(worst)]!;
    fixed[worst] = 1;
  }
}
