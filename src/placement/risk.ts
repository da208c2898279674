import { condition, type Model, nobody } from './model.ts';

/** What deaths of brokers and zones would cost under an assignment. */
export type Risk = {
  /** Distinct sets of brokers that hold a partition together. */
  readonly copysets: number;
  /** Distinct pairs of brokers whose death together leaves some partition under its min.insync.replicas. */
  readonly fatalPairs: number;
  /** Chance that two random brokers dying at once leave some partition under its min.insync.replicas. */
  readonly twoDeathsUnderMinInSync: number;
  /** Chance that three random brokers dying at once take every copy of some partition. */
  readonly threeDeathsLoss: number;
  /** Chance that 1 % of the brokers (at least one) dying at once take every copy of some partition. */
  readonly onePercentDeathsLoss: number;
  /** Brokers that share partitions with one broker. */
  readonly scatter: { readonly least: number; readonly mean: number; readonly most: number };
  /** By zone: partitions whose in-sync replicas would fall under min.insync.replicas if the zone were lost. */
  readonly zoneLoss: readonly { readonly zone: string; readonly underMinInSync: number; readonly lost: number }[];
};

/** Exact by enumeration for pairs and zones; by the copyset formula C / C(N, k) for losses. */
export function riskOf(model: Model, replicas: Int32Array): Risk {
  const { width } = model;
  const brokers = model.brokerIds.length;
  const alive = (broker: number): boolean =>
    broker !== nobody && model.conditions[broker] !== condition.dead && model.conditions[broker] !== condition.away;
  let living = 0;
  for (let broker = 0; broker < brokers; broker++) if (alive(broker)) living++;
  const peers = new Set<number>();
  const fatal = new Set<number>();
  const copysets = new Set<string>();
  let triples = 0;
  const zones = model.zoneNames.map((zone) => ({ zone, underMinInSync: 0, lost: 0 }));
  const inZone = new Int32Array(zones.length);
  let fatalAlone = false;
  for (let row = 0; row < model.topicOf.length; row++) {
    const held: number[] = [];
    inZone.fill(0);
    for (let column = 0; column < width; column++) {
      const broker = replicas[row * width + column]!;
      if (!alive(broker)) continue;
      held.push(broker);
      inZone[model.zoneOf[broker]!]!++;
    }
    held.sort((one, other) => one - other);
    const least = Math.min(model.minInSync[model.topicOf[row]!]!, model.factors[row]!);
    for (const [at, one] of held.entries()) {
      for (const other of held.slice(at + 1)) {
        peers.add(one * brokers + other);
        if (held.length - 2 < least) fatal.add(one * brokers + other);
      }
    }
    // One death already reaches it: so does every pair with that broker.
    if (held.length - 1 < least) fatalAlone = true;
    const before = copysets.size;
    copysets.add(held.join(','));
    if (copysets.size > before && held.length <= 3) triples++;
    for (const [zone, sums] of zones.entries()) {
      if (inZone[zone]! === 0) continue;
      if (held.length - inZone[zone]! < least) sums.underMinInSync++;
      if (held.length === inZone[zone]!) sums.lost++;
    }
  }
  const fatalPairs = fatalAlone ? pairsWithLoners(model, replicas, fatal, alive) : fatal.size;
  const degrees = new Int32Array(brokers);
  for (const pair of peers) {
    degrees[Math.floor(pair / brokers)]!++;
    degrees[pair % brokers]!++;
  }
  const ofLiving = [...degrees].filter((_, broker) => alive(broker));
  const choose = (total: number, few: number): number => {
    let product = 1;
    for (let at = 0; at < few; at++) product *= (total - at) / (at + 1);
    return product;
  };
  const deaths = Math.max(1, Math.round(living / 100));
  const chanceOfOne = Math.min(1, triples / Math.max(1, choose(living, 3)));
  return {
    copysets: copysets.size,
    fatalPairs,
    twoDeathsUnderMinInSync: living < 2 ? 1 : Math.min(1, fatalPairs / choose(living, 2)),
    threeDeathsLoss: chanceOfOne,
    onePercentDeathsLoss: deaths < 3 ? 0 : 1 - (1 - chanceOfOne) ** choose(deaths, 3),
    scatter: {
      least: Math.min(...ofLiving, Number.POSITIVE_INFINITY),
      mean: ofLiving.reduce((sum, degree) => sum + degree, 0) / Math.max(1, ofLiving.length),
      most: Math.max(...ofLiving, 0),
    },
    zoneLoss: zones,
  };
}

/** Adds every pair with a broker whose death alone is enough. */
function pairsWithLoners(
  model: Model,
  replicas: Int32Array,
  fatal: Set<number>,
  alive: (broker: number) => boolean,
): number {
  const brokers = model.brokerIds.length;
  const loners = new Set<number>();
  for (let row = 0; row < model.topicOf.length; row++) {
    const held = [...replicas.subarray(row * model.width, (row + 1) * model.width)].filter(alive);
    if (held.length - 1 < Math.min(model.minInSync[model.topicOf[row]!]!, model.factors[row]!)) {
      for (const broker of held) loners.add(broker);
    }
  }
  for (const loner of loners) {
    for (let other = 0; other < brokers; other++) {
      if (other !== loner && alive(other)) fatal.add(Math.min(loner, other) * brokers + Math.max(loner, other));
    }
  }
  return fatal.size;
}
