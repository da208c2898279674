import { type Random, seededRandom } from '../../src/base/index.ts';
import type { BrokerState, ClusterState, Operation, PartitionState, TopicState } from '../../src/placement/index.ts';

/** A cluster small enough for the best of all plans to be known, and something to do with it; all from the seed. */
export type SmallCase = { readonly seed: number; readonly state: ClusterState; readonly operation: Operation };

export const smallOperations = ['rebalance', 'add', 'remove', 'repair', 'replicationFactor'] as const;

const between = (random: Random, low: number, high: number): number => low + random.below(high - low + 1);

/** 3 to 6 brokers in 1 to 3 zones, 1 to 8 partitions of 1 to 3 replicas; the operations take turns. */
export function smallCaseOf(seed: number): SmallCase {
  const random = seededRandom(seed);
  const kind = smallOperations[seed % smallOperations.length]!;
  const brokers = brokersOf(random, kind);
  const holders = brokers.filter(({ id }) => kind !== 'add' || id !== 0);
  const topics = topicsOf(random, holders);
  const sized = withCapacities(random, brokers, topics);
  const state: ClusterState = { version: 1, brokers: sized, topics };
  return { seed, state, operation: operationOf(random, kind, brokers) };
}

function brokersOf(random: Random, kind: (typeof smallOperations)[number]): BrokerState[] {
  const zones = between(random, 1, 3);
  const count = between(random, 3, 6);
  const isUneven = random.below(4) === 0;
  const brokers: BrokerState[] = Array.from({ length: count }, (_, id) => ({
    id,
    zone: `z${isUneven ? random.below(zones) : id % zones}`,
  }));
  if (kind !== 'repair') return brokers;
  // A broker that is not the last of its zone: what happens when a zone is lost is a rule of its own.
  const dying = brokers.findIndex(({ id, zone }) => brokers.some((other) => other.id !== id && other.zone === zone));
  return brokers.map((broker, at) => (at === dying ? { ...broker, state: 'dead' } : broker));
}

function topicsOf(random: Random, brokers: readonly BrokerState[]): TopicState[] {
  const topics: TopicState[] = [];
  const total = between(random, 1, 8);
  const count = Math.min(total, between(random, 1, 3));
  for (let topic = 0, left = total; topic < count; topic++) {
    const partitions = topic === count - 1 ? left : between(random, 1, left - (count - 1 - topic));
    left -= partitions;
    // With one replica on a dead broker there is nothing to copy from.
    const factor = Math.min(between(random, brokers.some(({ state }) => state === 'dead') ? 2 : 1, 3), brokers.length);
    const scale = 10 ** random.next() * 1e9;
    const skew = random.below(3);
    topics.push({
      name: `t${topic}`,
      minInSyncReplicas: Math.max(1, factor - 1),
      partitions: Array.from({ length: partitions }, (_, id) =>
        partitionOf(random, brokers, { id, factor, scale, skew }),
      ),
    });
  }
  return topics;
}

function partitionOf(
  random: Random,
  brokers: readonly BrokerState[],
  {
    id,
    factor,
    scale,
    skew,
  }: { readonly id: number; readonly factor: number; readonly scale: number; readonly skew: number },
): PartitionState {
  // Skew 0: round robin over the brokers; 1: random; 2: mostly on the first half.
  const replicas: number[] = [];
  for (let at = 0; replicas.length < factor; at++) {
    const end = skew === 2 && at < 4 ? Math.ceil(brokers.length / 2) : brokers.length;
    const broker = brokers[skew === 0 ? (id + at) % brokers.length : random.below(end)]!.id;
    if (!replicas.includes(broker)) replicas.push(broker);
  }
  const living = replicas.filter((replica) => brokers.find((broker) => broker.id === replica)!.state !== 'dead');
  const size = random.below(6) === 0 ? scale : Math.round(scale * (0.5 + random.next()));
  return {
    id,
    replicas,
    leader: living[0] ?? -1,
    inSync: living,
    sizeBytes: Math.round(size),
    inBytesPerSecond: size / 2000,
    outBytesPerSecond: (size / 2000) * (1 + 3 * random.next()),
  };
}

/** None; alike; of several sizes; or disks with little to spare. */
function withCapacities(random: Random, brokers: readonly BrokerState[], topics: readonly TopicState[]): BrokerState[] {
  const choice = random.below(8);
  if (choice < 2) return [...brokers];
  let bytes = 0;
  for (const { partitions } of topics) {
    for (const { replicas, sizeBytes = 0 } of partitions) bytes += sizeBytes * replicas.length;
  }
  const room = choice === 7 ? 2 : 20;
  return brokers.map((broker) => {
    const scale = choice < 5 ? 1 : [1, 1, 2, 4][random.below(4)]!;
    return {
      ...broker,
      capacity: {
        diskBytes: Math.round((scale * room * bytes) / brokers.length),
        inBytesPerSecond: scale * 1e9,
        outBytesPerSecond: scale * 3e9,
      },
    };
  });
}

function operationOf(
  random: Random,
  kind: (typeof smallOperations)[number],
  brokers: readonly BrokerState[],
): Operation {
  switch (kind) {
    case 'add':
      return { kind, brokers: [0] };
    case 'remove':
      return { kind, brokers: [brokers[random.below(brokers.length)]!.id] };
    case 'replicationFactor':
      return { kind, factor: between(random, 1, 3) };
    default:
      return { kind };
  }
}
