import { assert } from '../base/index.ts';
import { constants } from './constants.ts';
import type { BrokerCondition } from './new-topics.ts';
import type { BrokerState, ClusterState, PartitionState } from './state.ts';

/** Conditions as small numbers, in `Model.conditions`. */
export const condition = { active: 0, draining: 1, cordoned: 2, dead: 3, away: 4 } as const satisfies Record<
  BrokerCondition,
  number
>;
export const conditionNames = ['active', 'draining', 'cordoned', 'dead', 'away'] as const;

/** No broker; pads a partition's replicas up to the model's width. */
export const { nobody } = constants;

/**
 * A cluster as typed arrays: brokers, zones, pools (broker sets) and topics by index, partitions one row each. 300,000
 * partitions of three replicas take about 14 MB. Treated as a value: an operation that changes brokers works on a
 * copy of the arrays it changes.
 */
export type Model = {
  /** Ascending; a broker's index is its place here. */
  readonly brokerIds: Int32Array;
  readonly zoneNames: readonly string[];
  readonly zoneOf: Int32Array;
  readonly nodeNames: readonly string[];
  readonly poolNames: readonly string[];
  readonly poolOf: Int32Array;
  readonly conditions: Uint8Array;
  /** Milliseconds since an `away` broker was seen. */
  readonly awayForMs: Float64Array;
  /** 1: may lead. */
  readonly mayLead: Uint8Array;
  /** Infinity: unlimited. By broker. */
  readonly diskCapacity: Float64Array;
  readonly inCapacity: Float64Array;
  readonly outCapacity: Float64Array;
  readonly cpuCapacity: Float64Array;
  readonly replicaCapacity: Float64Array;
  /** Log folders of all brokers; absent when no broker names any. */
  readonly disks: Disks | undefined;

  readonly topicNames: readonly string[];
  readonly minInSync: Uint16Array;
  readonly poolOfTopic: Int32Array;
  readonly pinned: Uint8Array;

  /** By partition, in order of topic, then number. */
  readonly topicOf: Int32Array;
  readonly partitionIds: Int32Array;
  readonly sizes: Float64Array;
  readonly inRates: Float32Array;
  readonly outRates: Float32Array;
  readonly growthRates: Float32Array;
  readonly leaderCpu: Float32Array;
  readonly followerCpu: Float32Array;
  /** Broker index of the current leader, or `nobody`. */
  readonly leaders: Int32Array;
  /** How many replicas it is to have. */
  readonly factors: Uint8Array;
  /** Columns of `replicas`. */
  readonly width: number;
  /** Broker indexes, `width` a partition, padded by `nobody`. */
  readonly replicas: Int32Array;
  /** Bit s: the replica in column s is in sync. */
  readonly inSync: Uint32Array;
};

/** Log folders: those of broker b are `first[b]` to `first[b + 1]` (exclusive). */
export type Disks = {
  readonly first: Int32Array;
  readonly paths: readonly string[];
  readonly capacity: Float64Array;
  /** 1: must lose its replicas. */
  readonly leaving: Uint8Array;
  /** Of each replica, as `Model.replicas`; -1 unknown. */
  readonly diskOf: Int32Array;
};

/** Replicas of one partition fit in the bits of `inSync`. */
export const maxReplicationFactor = 32;

/** Cores per byte per second: of a leader for what it receives and sends, of a follower for what it receives. */
const cpuPerByte = { leaderIn: 4e-9, leaderOut: 1.5e-9, followerIn: 2e-9 } as const;

/** @throws (broken assumption) for ids that occur twice or replicas on brokers that are not listed: check first. */
export function modelOf(state: ClusterState): Model {
  const brokers = [...state.brokers].sort((one, other) => one.id - other.id);
  const indexOfId = new Map<number, number>();
  for (const [index, broker] of brokers.entries()) {
    assert(!indexOfId.has(broker.id), `broker ids are distinct, ${broker.id} is not`);
    indexOfId.set(broker.id, index);
  }
  const zoneNames = sortedNames(brokers.map(({ zone }) => zone ?? ''));
  const poolNames = sortedNames([
    ...brokers.map(({ brokerSet }) => brokerSet ?? ''),
    ...state.topics.map(({ brokerSet }) => brokerSet ?? ''),
  ]);
  const topics = [...state.topics].sort((one, other) => (one.name < other.name ? -1 : 1));
  let count = 0;
  let width = 1;
  for (const topic of topics) {
    count += topic.partitions.length;
    for (const { replicas } of topic.partitions) width = Math.max(width, replicas.length);
  }
  assert(width <= maxReplicationFactor, `no partition has more than ${maxReplicationFactor} replicas`);
  const disks = disksOf(brokers, count * width);
  const model: Model = {
    ...brokerArrays(brokers, zoneNames, poolNames),
    disks,
    topicNames: topics.map(({ name }) => name),
    minInSync: Uint16Array.from(topics, ({ minInSyncReplicas }) => minInSyncReplicas ?? 1),
    poolOfTopic: Int32Array.from(topics, ({ brokerSet }) => poolNames.indexOf(brokerSet ?? '')),
    pinned: Uint8Array.from(topics, ({ pinned }) => (pinned === true ? 1 : 0)),
    ...emptyPartitions(count, width),
  };
  let row = 0;
  for (const [topic, { partitions }] of topics.entries()) {
    for (const partition of [...partitions].sort((one, other) => one.id - other.id)) {
      fillRow(model, row++, topic, partition, indexOfId);
    }
  }
  return model;
}

function sortedNames(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

function brokerArrays(brokers: readonly BrokerState[], zoneNames: readonly string[], poolNames: readonly string[]) {
  const zoneIndex = new Map(zoneNames.map((name, index) => [name, index]));
  const limit = (of: (broker: BrokerState) => number | undefined): Float64Array =>
    Float64Array.from(brokers, (broker) => of(broker) ?? Number.POSITIVE_INFINITY);
  return {
    brokerIds: Int32Array.from(brokers, ({ id }) => id),
    zoneNames,
    zoneOf: Int32Array.from(brokers, ({ zone }) => zoneIndex.get(zone ?? '')!),
    nodeNames: brokers.map(({ node }) => node ?? ''),
    poolNames,
    poolOf: Int32Array.from(brokers, ({ brokerSet }) => poolNames.indexOf(brokerSet ?? '')),
    conditions: Uint8Array.from(brokers, ({ state }) => condition[state ?? 'active']),
    awayForMs: Float64Array.from(brokers, ({ awayForMs }) => awayForMs ?? 0),
    mayLead: Uint8Array.from(brokers, ({ mayLead }) => (mayLead === false ? 0 : 1)),
    diskCapacity: limit(({ capacity, disks }) => capacity?.diskBytes ?? sumOfDisks(disks)),
    inCapacity: limit(({ capacity }) => capacity?.inBytesPerSecond),
    outCapacity: limit(({ capacity }) => capacity?.outBytesPerSecond),
    cpuCapacity: limit(({ capacity }) => capacity?.cpuCores),
    replicaCapacity: limit(({ capacity }) => capacity?.replicas),
  };
}

function sumOfDisks(disks: BrokerState['disks']): number | undefined {
  if (disks === undefined || disks.length === 0) return undefined;
  let sum = 0;
  for (const { sizeBytes, state = 'active' } of disks) {
    if (state === 'active') sum += sizeBytes ?? Number.POSITIVE_INFINITY;
  }
  return sum;
}

function disksOf(brokers: readonly BrokerState[], cells: number): Disks | undefined {
  if (brokers.every(({ disks }) => disks === undefined)) return undefined;
  const all = brokers.flatMap(({ disks = [] }) => disks);
  const first = new Int32Array(brokers.length + 1);
  for (const [index, { disks = [] }] of brokers.entries()) first[index + 1] = first[index]! + disks.length;
  return {
    first,
    paths: all.map(({ path }) => path),
    capacity: Float64Array.from(all, ({ sizeBytes }) => sizeBytes ?? Number.POSITIVE_INFINITY),
    leaving: Uint8Array.from(all, ({ state = 'active' }) => (state === 'active' ? 0 : 1)),
    diskOf: new Int32Array(cells).fill(-1),
  };
}

/** Rows of partitions to be filled in: no replicas, no load. */
export function emptyPartitions(count: number, width: number) {
  return {
    topicOf: new Int32Array(count),
    partitionIds: new Int32Array(count),
    sizes: new Float64Array(count),
    inRates: new Float32Array(count),
    outRates: new Float32Array(count),
    growthRates: new Float32Array(count),
    leaderCpu: new Float32Array(count),
    followerCpu: new Float32Array(count),
    leaders: new Int32Array(count).fill(nobody),
    factors: new Uint8Array(count),
    width,
    replicas: new Int32Array(count * width).fill(nobody),
    inSync: new Uint32Array(count),
  };
}

/** Estimated cores of a leader and of a follower at these rates (bytes per second). */
export function cpuOf(inBytes: number, outBytes: number, followers: number) {
  return {
    leader: inBytes * cpuPerByte.leaderIn + (outBytes + inBytes * followers) * cpuPerByte.leaderOut,
    follower: inBytes * cpuPerByte.followerIn,
  };
}

function fillRow(
  model: Model,
  row: number,
  topic: number,
  partition: PartitionState,
  indexOfId: ReadonlyMap<number, number>,
): void {
  const { replicas, inSync = replicas, leader = replicas[0] ?? nobody, disks } = partition;
  const inBytes = partition.inBytesPerSecond ?? 0;
  const outBytes = partition.outBytesPerSecond ?? 0;
  const estimate = cpuOf(inBytes, outBytes, replicas.length - 1);
  model.topicOf[row] = topic;
  model.partitionIds[row] = partition.id;
  model.sizes[row] = partition.sizeBytes ?? 0;
  model.inRates[row] = inBytes;
  model.outRates[row] = outBytes;
  model.growthRates[row] = partition.growthBytesPerSecond ?? 0;
  model.leaderCpu[row] = partition.cpuCores ?? estimate.leader;
  model.followerCpu[row] = Math.min(estimate.follower, partition.cpuCores ?? estimate.follower);
  model.leaders[row] = indexOfId.get(leader) ?? nobody;
  model.factors[row] = replicas.length;
  for (const [column, id] of replicas.entries()) {
    const broker = indexOfId.get(id);
    const name = `${model.topicNames[topic]}-${partition.id}`;
    assert(broker !== undefined, `the replicas of ${name} are on listed brokers, ${id} is not`);
    model.replicas[row * model.width + column] = broker;
    if (inSync.includes(id)) model.inSync[row]! |= 1 << column;
    if (model.disks !== undefined && disks?.[column]) {
      model.disks.diskOf[row * model.width + column] = diskIndex(model.disks, broker, disks[column]);
    }
  }
}

function diskIndex({ first, paths }: Disks, broker: number, path: string): number {
  for (let index = first[broker]!; index < first[broker + 1]!; index++) if (paths[index] === path) return index;
  return -1;
}

/** The same model with room for `width` replicas a partition. */
export function widened(model: Model, width: number): Model {
  if (width <= model.width) return model;
  const spread = (from: Int32Array): Int32Array => {
    const to = new Int32Array(model.topicOf.length * width).fill(-1);
    for (let row = 0; row < model.topicOf.length; row++) {
      for (let column = 0; column < model.width; column++) to[row * width + column] = from[row * model.width + column]!;
    }
    return to;
  };
  const disks = model.disks && { ...model.disks, diskOf: spread(model.disks.diskOf) };
  return { ...model, width, replicas: spread(model.replicas), disks };
}

/** Index of a broker by its id; undefined for one that is not listed. */
export function brokerIndex({ brokerIds }: Model, id: number): number | undefined {
  let low = 0;
  let high = brokerIds.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (brokerIds[middle] === id) return middle;
    if (brokerIds[middle]! < id) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** `topic-partition`, as Kafka's tools write it. */
export function partitionName(model: Model, row: number): string {
  return `${model.topicNames[model.topicOf[row]!]}-${model.partitionIds[row]}`;
}

/** Broker ids of a row of `replicas` (the model's own, or a plan's). */
export function replicaIds(model: Model, replicas: Int32Array, row: number): number[] {
  const ids: number[] = [];
  for (let column = 0; column < model.width; column++) {
    const broker = replicas[row * model.width + column]!;
    if (broker !== nobody) ids.push(model.brokerIds[broker]!);
  }
  return ids;
}
