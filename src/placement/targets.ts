import { cpu, dimensions, disk, inRate, leaderCount, leaderIn, outRate, replicaCount } from './dimensions.ts';
import { condition, type Model, maxReplicationFactor, nobody } from './model.ts';
import { type ZoneSpread, zoneSpread } from './zone-spread.ts';

/** Where each broker's load should be. Cells are broker x dimension, `dimensions` a broker. */
export type Targets = {
  /** The broker's share; 0 where it has none (not active, may not lead, nothing to share). */
  readonly share: Float64Array;
  /** 1 / share, 0 without one: load times this is 1 when the broker carries just its share. */
  readonly perShare: Float64Array;
  /** Band around 1: wider than asked where whole replicas do not allow it. */
  readonly low: Float64Array;
  readonly high: Float64Array;
};

/** Most and fewest replicas of a partition by pool, replication factor and zone. */
export class SpreadTable {
  readonly zones: number;
  readonly #brokers: Int32Array;
  readonly #tables: (ZoneSpread | undefined)[] = [];

  constructor(model: Model) {
    this.zones = model.zoneNames.length;
    for (let key = 0; key < model.poolNames.length * (maxReplicationFactor + 1); key++) this.#tables.push(undefined);
    this.#brokers = new Int32Array(model.poolNames.length * this.zones);
    for (let broker = 0; broker < model.brokerIds.length; broker++) {
      if (keeps(model, broker)) this.#brokers[model.poolOf[broker]! * this.zones + model.zoneOf[broker]!]!++;
    }
  }

  /** Brokers of a pool that may hold replicas, by zone. */
  brokersOf(pool: number): Int32Array {
    return this.#brokers.subarray(pool * this.zones, (pool + 1) * this.zones);
  }

  of(pool: number, factor: number): ZoneSpread {
    const key = pool * (maxReplicationFactor + 1) + factor;
    const known = this.#tables[key];
    if (known !== undefined) return known;
    const table = zoneSpread(this.brokersOf(pool), factor);
    this.#tables[key] = table;
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
  const item = new Float64Array(dimensions);
  for (let row = 0; row < model.topicOf.length; row++) {
    for (let column = 0; column < model.width; column++) {
      const broker = replicas[row * model.width + column]!;
      if (broker === nobody) continue;
      itemOf(model, row, column === 0, item);
      for (let dimension = 0; dimension < dimensions; dimension++) {
        loads[broker * dimensions + dimension]! += item[dimension]!;
      }
    }
  }
  return loads;
}

/** Size of a broker in each dimension, relative to the others: its capacity, or 1 where some have none. */
function weightsOf(model: Model): Float64Array {
  const count = model.brokerIds.length;
  const weights = new Float64Array(count * dimensions);
  const fill = (capacity: Float64Array, into: readonly number[]): void => {
    const isKnown = capacity.every((value) => Number.isFinite(value) && value > 0);
    for (let broker = 0; broker < count; broker++) {
      for (const dimension of into) weights[broker * dimensions + dimension] = isKnown ? capacity[broker]! : 1;
    }
  };
  fill(model.diskCapacity, [disk, replicaCount]);
  fill(model.inCapacity, [inRate]);
  fill(model.outCapacity, [outRate, leaderCount, leaderIn]);
  fill(model.cpuCapacity, [cpu]);
  for (let broker = 0; broker < count; broker++) {
    if (!receives(model, broker)) weights.fill(0, broker * dimensions, (broker + 1) * dimensions);
    else if (model.mayLead[broker] === 0) {
      for (const dimension of [outRate, leaderCount, leaderIn]) weights[broker * dimensions + dimension] = 0;
    }
  }
  return weights;
}

/**
 * Shares of all active brokers, by pool. A zone's share is what its capacity says, but never more than the replicas
 * that the spread over zones allows it, nor less than those it must hold: with as many zones as replicas, every zone
 * gets the same bytes whatever its size.
 */
export function targetsOf(model: Model, spreads: SpreadTable, band: number, loads: Float64Array): Targets {
  const brokers = model.brokerIds.length;
  const zones = spreads.zones;
  const pools = model.poolNames.length;
  const weights = weightsOf(model);
  // Bounds of each pool and zone: what the partitions' spread forces into it and allows in it.
  const cells = pools * zones * dimensions;
  const least = new Float64Array(cells);
  const most = new Float64Array(cells);
  boundsOfZones(model, spreads, least, most);
  const total = new Float64Array(pools * dimensions);
  const kept = new Float64Array(cells);
  for (let row = 0, item = new Float64Array(dimensions); row < model.topicOf.length; row++) {
    const pool = model.poolOfTopic[model.topicOf[row]!]!;
    for (let column = 0; column < model.factors[row]!; column++) {
      itemOf(model, row, column === 0, item);
      for (let dimension = 0; dimension < dimensions; dimension++) {
        total[pool * dimensions + dimension]! += item[dimension]!;
      }
    }
  }
  const zoneWeight = new Float64Array(cells);
  for (let broker = 0; broker < brokers; broker++) {
    const cell = (model.poolOf[broker]! * zones + model.zoneOf[broker]!) * dimensions;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      zoneWeight[cell + dimension]! += weights[broker * dimensions + dimension]!;
      // Cordoned and away brokers keep what they have: it is not there to be shared.
      if (keeps(model, broker) && !receives(model, broker)) {
        kept[cell + dimension]! += loads[broker * dimensions + dimension]!;
      }
    }
  }
  const zoneShare = new Float64Array(cells);
  for (let pool = 0; pool < pools; pool++) {
    for (let dimension = 0; dimension < dimensions; dimension++) {
      fillZones(
        pool,
        dimension,
        zones,
        total[pool * dimensions + dimension]!,
        { zoneWeight, least, most, kept },
        zoneShare,
      );
    }
  }
  const units = unitsOf(model, total);
  const share = new Float64Array(brokers * dimensions);
  const perShare = new Float64Array(brokers * dimensions);
  const low = new Float64Array(brokers * dimensions);
  const high = new Float64Array(brokers * dimensions).fill(Number.POSITIVE_INFINITY);
  for (let broker = 0; broker < brokers; broker++) {
    const zone = (model.poolOf[broker]! * zones + model.zoneOf[broker]!) * dimensions;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      const cell = broker * dimensions + dimension;
      if (weights[cell] === 0 || zoneWeight[zone + dimension] === 0) continue;
      const amount = (zoneShare[zone + dimension]! * weights[cell]!) / zoneWeight[zone + dimension]!;
      if (!(amount > 0)) continue;
      share[cell] = amount;
      perShare[cell] = 1 / amount;
      // Replicas cannot be cut: a broker may be off by one of the mean size.
      const slack = Math.max(band, units[model.poolOf[broker]! * dimensions + dimension]! / amount);
      low[cell] = 1 - slack;
      high[cell] = 1 + slack;
    }
  }
  return { share, perShare, low, high };
}

/** Mean load of one replica (of one leader, where only leaders carry it) by pool and dimension. */
function unitsOf(model: Model, total: Float64Array): Float64Array {
  const replicas = new Float64Array(model.poolNames.length);
  const leaders = new Float64Array(model.poolNames.length);
  for (let row = 0; row < model.topicOf.length; row++) {
    const pool = model.poolOfTopic[model.topicOf[row]!]!;
    replicas[pool]! += model.factors[row]!;
    leaders[pool]!++;
  }
  return total.map((sum, cell) => {
    const pool = Math.floor(cell / dimensions);
    const dimension = cell % dimensions;
    const isOfLeaders = dimension === outRate || dimension === leaderCount || dimension === leaderIn;
    return sum / Math.max(1, isOfLeaders ? leaders[pool]! : replicas[pool]!);
  });
}

function boundsOfZones(model: Model, spreads: SpreadTable, least: Float64Array, most: Float64Array): void {
  const { zones } = spreads;
  for (let row = 0; row < model.topicOf.length; row++) {
    const pool = model.poolOfTopic[model.topicOf[row]!]!;
    const spread = spreads.of(pool, model.factors[row]!);
    const size = model.sizes[row]!;
    const rate = model.inRates[row]!;
    const out = model.outRates[row]! + rate * (model.factors[row]! - 1);
    const follower = model.followerCpu[row]!;
    const lead = model.leaderCpu[row]! - follower;
    for (let zone = 0; zone < zones; zone++) {
      const atLeast = spread.least[zone]!;
      const atMost = spread.most[zone]!;
      const cell = (pool * zones + zone) * dimensions;
      least[cell + disk]! += atLeast * size;
      least[cell + inRate]! += atLeast * rate;
      least[cell + replicaCount]! += atLeast;
      least[cell + cpu]! += atLeast * follower;
      if (atMost === 0) continue;
      most[cell + disk]! += atMost * size;
      most[cell + inRate]! += atMost * rate;
      most[cell + replicaCount]! += atMost;
      most[cell + cpu]! += atMost * follower + lead;
      most[cell + outRate]! += out;
      most[cell + leaderCount]! += 1;
      most[cell + leaderIn]! += rate;
    }
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
