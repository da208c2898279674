import { seededRandom } from '../../../src/base/index.ts';
import { cpuOf, emptyPartitions, type Model } from '../../../src/placement/model.ts';

/** Shape of a generated cluster; the same shape and seed give the same cluster. */
export type Shape = {
  readonly name: string;
  readonly seed: number;
  readonly brokers: number;
  readonly partitions: number;
  readonly factor: number;
  readonly zones: number;
  /** `mixed`: 60 % of 1x, 30 % of 2x, 10 % of 4x. */
  readonly capacity: 'uniform' | 'mixed';
};

/** Of all disks together this much is used, so that operations which take brokers away have room. */
const use = 0.45;

/**
 * A cluster without replicas: brokers with capacities, topics of Zipf sizes (about one topic for 12 partitions),
 * partition sizes lognormal over topic and partition, capped at 10 % of the mean share of a 1x broker; rates follow
 * size with correlation 0.7; consumers read 1 to 4 times.
 */
export function emptyCluster({ seed, brokers, partitions, factor, zones, capacity }: Shape): Model {
  const random = seededRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const scale = new Float64Array(brokers);
  let scales = 0;
  for (let broker = 0; broker < brokers; broker++) {
    const chance = random.next();
    scale[broker] = capacity === 'uniform' || chance < 0.6 ? 1 : chance < 0.9 ? 2 : 4;
    scales += scale[broker]!;
  }
  const topicSizes: number[] = [];
  const topics = Math.max(1, Math.floor(partitions / 12));
  // Zipf: topic k has a number of partitions in proportion to 1 / k^0.7, at least one.
  let norm = 0;
  for (let topic = 1; topic <= topics; topic++) norm += topic ** -0.7;
  let left = partitions;
  for (let topic = 1; left > 0; topic++) {
    const wanted = topic <= topics ? Math.max(1, Math.round((partitions * topic ** -0.7) / norm)) : 1;
    topicSizes.push(Math.min(left, Math.min(wanted, 10 * brokers)));
    left -= topicSizes.at(-1)!;
  }
  const rows = emptyPartitions(partitions, factor);
  const meanBytes = 1e9;
  const cap = (0.1 * meanBytes * partitions * factor) / scales;
  let row = 0;
  for (const [topic, count] of topicSizes.entries()) {
    const ofTopic = 1.5 * normal();
    const rateOfTopic = 0.7 * ofTopic + Math.sqrt(1 - 0.49) * 1.2 * normal();
    const fanOut = 1 + 3 * random.next();
    for (let id = 0; id < count; id++, row++) {
      const own = 0.3 * normal();
      const size = Math.min(cap, meanBytes * Math.exp(ofTopic + own - 1.17));
      const rate = Math.min(cap / 2000, (meanBytes / 2000) * Math.exp(rateOfTopic + 0.7 * own - 1.0));
      const estimate = cpuOf(rate, rate * fanOut, factor - 1);
      rows.topicOf[row] = topic;
      rows.partitionIds[row] = id;
      rows.sizes[row] = Math.round(size);
      rows.inRates[row] = rate;
      rows.outRates[row] = rate * fanOut;
      rows.growthRates[row] = rate / 10;
      rows.leaderCpu[row] = estimate.leader;
      rows.followerCpu[row] = estimate.follower;
      rows.factors[row] = factor;
      rows.inSync[row] = (1 << factor) - 1;
    }
  }
  const sum = (values: ArrayLike<number>): number => {
    let total = 0;
    for (let at = 0; at < values.length; at++) total += values[at]!;
    return total;
  };
  const each = (total: number): Float64Array => scale.map((value) => (total * value) / scales / use);
  const bytesIn = sum(rows.inRates);
  return {
    ...rows,
    brokerIds: Int32Array.from({ length: brokers }, (_, broker) => broker),
    zoneNames: Array.from({ length: zones }, (_, zone) => `zone-${zone}`),
    zoneOf: Int32Array.from({ length: brokers }, (_, broker) => broker % zones),
    nodeNames: Array.from({ length: brokers }, () => ''),
    poolNames: [''],
    poolOf: new Int32Array(brokers),
    conditions: new Uint8Array(brokers),
    awayForMs: new Float64Array(brokers),
    mayLead: new Uint8Array(brokers).fill(1),
    diskCapacity: each(sum(rows.sizes) * factor),
    inCapacity: each(bytesIn * factor),
    outCapacity: each(sum(rows.outRates) + bytesIn * (factor - 1)),
    cpuCapacity: each(sum(rows.leaderCpu) + sum(rows.followerCpu) * (factor - 1)),
    // Far from what a large broker's share needs: bytes and rates are what this is about.
    replicaCapacity: new Float64Array(brokers).fill(Math.max(20_000, (6 * partitions * factor) / brokers)),
    disks: undefined,
    topicNames: topicSizes.map((_, topic) => `topic-${String(topic).padStart(6, '0')}`),
    minInSync: new Uint16Array(topicSizes.length).fill(Math.max(1, factor - 1)),
    poolOfTopic: new Int32Array(topicSizes.length),
    pinned: new Uint8Array(topicSizes.length),
  };
}
