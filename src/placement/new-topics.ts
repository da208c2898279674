import { type BrokerId, failure, type Result, success } from '../base/index.ts';
import { zoneSpread } from './zone-spread.ts';

/** Whether a broker may receive replicas, keep them, or must lose them. */
export type BrokerCondition = 'active' | 'draining' | 'cordoned' | 'dead' | 'away';

/** What the choice of brokers for new partitions needs to know of a broker. */
export type CandidateBroker = {
  readonly id: BrokerId;
  /** The rack or zone; brokers without one form a zone of their own together. */
  readonly rack?: string | undefined;
  /** Only `active` brokers receive replicas. */
  readonly state: BrokerCondition;
  /** Replicas the broker holds now, of all topics. */
  readonly replicaCount: number;
  /** Partitions the broker leads now, of all topics. */
  readonly leaderCount: number;
  /** Size relative to the others (any unit); 1 for all when left out. */
  readonly weight?: number;
  /** The most replicas it may hold; unlimited when left out. */
  readonly maxReplicas?: number;
};

/** A topic to create, or one that gets more partitions. */
export type TopicToPlace = {
  readonly name: string;
  /** How many partitions to place. */
  readonly partitionCount: number;
  readonly replicationFactor: number;
  /** Replica lists of the partitions it has already, so that the new ones go where the topic is thin. */
  readonly existing?: readonly (readonly BrokerId[])[];
};

/** Replica lists in order of the new partitions; the first of a list is its preferred leader. */
export type PlacedTopic = { readonly name: string; readonly replicas: readonly (readonly BrokerId[])[] };

export type PlaceProblem =
  | { readonly kind: 'invalidReplicationFactor'; readonly topic: string; readonly message: string }
  | { readonly kind: 'invalidPartitionCount'; readonly topic: string; readonly message: string }
  | { readonly kind: 'tooFewBrokers'; readonly topic: string; readonly message: string }
  | { readonly kind: 'replicaLimitReached'; readonly topic: string; readonly message: string };

/** More replicas of one topic than this are refused: the answer would not fit in memory. */
const maxReplicasOfTopic = 10_000_000;

type Zone = {
  /** Indexes in the list of active brokers, by id. */
  readonly brokers: readonly number[];
  /** Replicas of this topic in the zone. */
  total: number;
};

/**
 * Chooses brokers for the partitions of new topics. Zones are covered as evenly as the numbers allow; inside a zone a
 * topic's replicas differ by at most one between brokers; then the emptier broker (replicas by weight) is preferred,
 * then the lower id. Leaders go where the topic, then the broker, leads least, and the followers' order rotates so
 * that the leaders of a broker that dies pass to many others.
 *
 * Deterministic: the same brokers (in any order) and topics give the same lists. The loads of earlier topics of the
 * same call count for the later ones.
 */
export function placeNewTopics(
  brokers: readonly CandidateBroker[],
  topics: readonly TopicToPlace[],
): Result<readonly PlacedTopic[], PlaceProblem> {
  const active = brokers.filter(({ state }) => state === 'active').sort((one, other) => one.id - other.id);
  const load = Float64Array.from(active, ({ replicaCount }) => replicaCount);
  const leading = Float64Array.from(active, ({ leaderCount }) => leaderCount);
  const placed: PlacedTopic[] = [];
  for (const topic of topics) {
    const problem = refusal(topic, brokers, active);
    if (problem !== undefined) return failure(problem);
    const replicas = placeTopic(topic, active, load, leading);
    if (replicas === undefined) {
      const message = `topic ${topic.name}: every active broker that could take a replica is at its limit of replicas; add a broker or raise the limit`;
      return failure({ kind: 'replicaLimitReached', topic: topic.name, message });
    }
    placed.push({ name: topic.name, replicas });
  }
  return success(placed);
}

function refusal(
  { name, partitionCount, replicationFactor }: TopicToPlace,
  all: readonly CandidateBroker[],
  active: readonly CandidateBroker[],
): PlaceProblem | undefined {
  if (!Number.isInteger(replicationFactor) || replicationFactor < 1 || replicationFactor > 32_767) {
    const message = `topic ${name}: replication factor ${replicationFactor} is not a whole number from 1 to 32767`;
    return { kind: 'invalidReplicationFactor', topic: name, message };
  }
  const limit = Math.floor(maxReplicasOfTopic / replicationFactor);
  if (!Number.isInteger(partitionCount) || partitionCount < 1 || partitionCount > limit) {
    const message = `topic ${name}: ${partitionCount} partitions is not a whole number from 1 to ${limit}`;
    return { kind: 'invalidPartitionCount', topic: name, message };
  }
  if (replicationFactor > active.length) {
    const others = all.length - active.length;
    const rest = others === 0 ? '' : ` (${others} more are draining, cordoned, dead or away)`;
    const message = `topic ${name}: replication factor ${replicationFactor} needs ${replicationFactor} active brokers, there are ${active.length}${rest}`;
    return { kind: 'tooFewBrokers', topic: name, message };
  }
  return undefined;
}

/** Chooses for one topic; `load` and `leading` (by index in `active`) grow. Undefined: replica limits are reached. */
function placeTopic(
  topic: TopicToPlace,
  active: readonly CandidateBroker[],
  load: Float64Array,
  leading: Float64Array,
): BrokerId[][] | undefined {
  const limits = active.map(({ maxReplicas }) => maxReplicas ?? Number.POSITIVE_INFINITY);
  const weights = active.map(({ weight }) => (weight !== undefined && weight > 0 ? weight : 1));
  const { topicCount, topicLeading } = existingCounts(topic, active);
  const zones = zonesOf(active, topicCount);
  const replicas: BrokerId[][] = [];
  const isLimited = limits.some((limit) => limit !== Number.POSITIVE_INFINITY);
  let open = zones.map(({ brokers }) => brokers);
  for (let partition = 0; partition < topic.partitionCount; partition++) {
    // A broker at its limit is no place any more; zones are spread over what is left.
    if (isLimited) open = zones.map(({ brokers }) => brokers.filter((broker) => load[broker]! < limits[broker]!));
    const share = sharesOfZones(zones, open, topic.replicationFactor, partition);
    if (share === undefined) return undefined;
    const chosen: number[] = [];
    for (let index = 0; index < zones.length; index++) {
      const zone = zones[index]!;
      for (let count = 0; count < share[index]!; count++) {
        // Each round over a zone starts elsewhere than in the zone before, so that pairs of brokers vary.
        const start = Math.floor(zone.total / zone.brokers.length) * index;
        const broker = thinnest(open[index]!, start, chosen, topicCount, load, weights);
        chosen.push(broker);
        topicCount[broker]!++;
        load[broker]!++;
        zone.total++;
      }
    }
    const ordered = inLeaderOrder(chosen, partition, topicLeading, leading, weights);
    topicLeading[ordered[0]!]!++;
    leading[ordered[0]!]!++;
    replicas.push(ordered.map((index) => active[index]!.id));
  }
  return replicas;
}

function existingCounts({ existing = [] }: TopicToPlace, active: readonly CandidateBroker[]) {
  const topicCount = new Int32Array(active.length);
  const topicLeading = new Int32Array(active.length);
  const indexOfId = new Map(active.map(({ id }, index) => [id, index]));
  for (const replicas of existing) {
    for (const [position, id] of replicas.entries()) {
      const index = indexOfId.get(id);
      if (index === undefined) continue;
      topicCount[index]!++;
      if (position === 0) topicLeading[index]!++;
    }
  }
  return { topicCount, topicLeading };
}

function zonesOf(active: readonly CandidateBroker[], topicCount: Int32Array): readonly Zone[] {
  const brokersOf = new Map<string, number[]>();
  for (const [index, { rack = '' }] of active.entries()) {
    const brokers = brokersOf.get(rack);
    if (brokers === undefined) brokersOf.set(rack, [index]);
    else brokers.push(index);
  }
  return [...brokersOf.keys()].sort().map((name) => {
    const brokers = brokersOf.get(name)!;
    return { brokers, total: brokers.reduce((sum, broker) => sum + topicCount[broker]!, 0) };
  });
}

/** How many replicas of the next partition each zone takes; what is left over goes where the topic is thinnest. */
function sharesOfZones(
  zones: readonly Zone[],
  open: readonly (readonly number[])[],
  replicationFactor: number,
  partition: number,
): Int32Array | undefined {
  const { least, most, places } = zoneSpread(
    open.map((brokers) => brokers.length),
    replicationFactor,
  );
  if (places < replicationFactor) return undefined;
  let rest = replicationFactor;
  for (const count of least) rest -= count;
  for (; rest > 0; rest--) {
    let best = -1;
    let bestTotal = Number.POSITIVE_INFINITY;
    for (let step = 0; step < zones.length; step++) {
      const zone = (partition + step) % zones.length;
      if (least[zone]! >= most[zone]!) continue;
      const total = (zones[zone]!.total + least[zone]! + 1) / zones[zone]!.brokers.length;
      if (total < bestTotal) {
        best = zone;
        bestTotal = total;
      }
    }
    least[best]!++;
  }
  return least;
}

/** Of `brokers` the one with fewest replicas of the topic, then the lightest, then the first from `start` on. */
function thinnest(
  brokers: readonly number[],
  start: number,
  chosen: readonly number[],
  topicCount: Int32Array,
  load: Float64Array,
  weights: readonly number[],
): number {
  let best = -1;
  for (let step = 0; step < brokers.length; step++) {
    const broker = brokers[(start + step) % brokers.length]!;
    if (best !== -1) {
      if (topicCount[broker]! > topicCount[best]!) continue;
      if (topicCount[broker] === topicCount[best] && load[broker]! / weights[broker]! >= load[best]! / weights[best]!) {
        continue;
      }
    }
    if (!chosen.includes(broker)) best = broker;
  }
  return best;
}

/** The leader first: who leads least of the topic, then least at all; the rest rotates from partition to partition. */
function inLeaderOrder(
  chosen: readonly number[],
  partition: number,
  topicLeading: Int32Array,
  leading: Float64Array,
  weights: readonly number[],
): number[] {
  let leader = -1;
  for (let step = 0; step < chosen.length; step++) {
    const broker = chosen[(partition + step) % chosen.length]!;
    if (leader === -1 || topicLeading[broker]! < topicLeading[leader]!) leader = broker;
    else if (
      topicLeading[broker] === topicLeading[leader] &&
      leading[broker]! / weights[broker]! < leading[leader]! / weights[leader]!
    ) {
      leader = broker;
    }
  }
  const followers = chosen.filter((broker) => broker !== leader);
  const turn = followers.length === 0 ? 0 : topicLeading[leader]! % followers.length;
  return [leader, ...followers.slice(turn), ...followers.slice(0, turn)];
}
