import { type Random, seededRandom } from '../../src/base/index.ts';
import type { BrokerState, ClusterState, Operation, PartitionState, TopicState } from '../../src/placement/index.ts';

/** A random small cluster and something to do with it; all of it follows from the seed. */
export type Case = { readonly seed: number; readonly state: ClusterState; readonly operation: Operation };

export function caseOf(seed: number): Case {
  const random = seededRandom(seed);
  const state = clusterOf(random);
  return { seed, state, operation: operationFor(state, random) };
}

const between = (random: Random, low: number, high: number): number => low + random.below(high - low + 1);
const oneOf = <Value>(random: Random, values: readonly Value[]): Value => values[random.below(values.length)]!;

function clusterOf(random: Random): ClusterState {
  const zones = between(random, 1, 4);
  const count = between(random, 2, 9);
  const isMixed = random.below(3) === 0;
  const brokers: BrokerState[] = [];
  for (let id = 0; id < count; id++) {
    const scale = isMixed ? oneOf(random, [1, 1, 2, 4]) : 1;
    const chance = random.below(40);
    brokers.push({
      id: id * 3 + 1,
      zone: `z${random.below(4) === 0 ? random.below(zones) : id % zones}`,
      state: chance === 0 ? 'cordoned' : chance === 1 ? 'away' : chance === 2 ? 'dead' : 'active',
      capacity: { diskBytes: scale * 2e12, inBytesPerSecond: scale * 1e9, outBytesPerSecond: scale * 3e9 },
    });
  }
  const active = brokers.filter(({ state }) => state === 'active');
  if (active.length < 2) for (const [at, broker] of brokers.entries()) brokers[at] = { ...broker, state: 'active' };
  const topics: TopicState[] = [];
  const topicCount = between(random, 1, 4);
  for (let topic = 0; topic < topicCount; topic++) {
    const factor = Math.min(between(random, 1, 3), count);
    const scale = 10 ** random.next() * 1e9;
    const partitions: PartitionState[] = [];
    const partitionCount = between(random, 1, 12);
    const skew = random.below(3);
    for (let id = 0; id < partitionCount; id++) {
      const size = Math.round(scale * (0.5 + random.next()));
      partitions.push({
        id,
        replicas: replicasFor(brokers, factor, skew, id, random),
        sizeBytes: size,
        inBytesPerSecond: size / 2000,
        outBytesPerSecond: (size / 2000) * (1 + 3 * random.next()),
      });
    }
    topics.push({
      name: `t${topic}`,
      minInSyncReplicas: Math.max(1, factor - 1),
      pinned: random.below(25) === 0,
      partitions,
    });
  }
  return { version: 1, brokers, topics };
}

/** Skew 0: round robin over the brokers; 1: random; 2: mostly on the first half. */
function replicasFor(brokers: readonly BrokerState[], factor: number, skew: number, id: number, random: Random) {
  const chosen: number[] = [];
  for (let at = 0; chosen.length < factor; at++) {
    const end = skew === 2 && at < 4 ? Math.ceil(brokers.length / 2) : brokers.length;
    const broker = brokers[skew === 0 ? (id + at) % brokers.length : random.below(end)]!.id;
    if (!chosen.includes(broker)) chosen.push(broker);
  }
  return chosen;
}

function operationFor({ brokers, topics }: ClusterState, random: Random): Operation {
  const id = oneOf(random, brokers).id;
  switch (random.below(10)) {
    case 0:
      return { kind: 'rebalance', leadersOnly: true };
    case 1:
      return { kind: 'remove', brokers: [id] };
    case 2:
      return { kind: 'repair' };
    case 3:
      return { kind: 'replicationFactor', factor: between(random, 1, 3) };
    case 4:
      return { kind: 'zoneLost', zone: oneOf(random, brokers).zone! };
    case 5:
      return { kind: 'replace', broker: id, by: oneOf(random, brokers).id };
    case 6:
      return { kind: 'add', brokers: [id] };
    case 7:
      return { kind: 'zoneRelabel', brokers: [{ id, zone: `z${random.below(4)}` }] };
    case 8:
      return { kind: 'rebalance', topic: oneOf(random, topics).name };
    default:
      return { kind: 'rebalance' };
  }
}
