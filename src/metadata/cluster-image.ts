import type { Uuid } from '../protocol/kafka/index.ts';

export type Endpoint = { readonly host: string; readonly port: number };

export type BrokerNode = {
  readonly id: number;
  /** By listener name: clients are told the address of the listener that they came in by. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly rack: string | null;
};

export type PartitionState = {
  /** -1: nobody now. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly controllerEpoch: number;
  /** The first is the preferred leader. */
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
  readonly offlineReplicas: readonly number[];
};

export type TopicImage = {
  readonly name: string;
  /** `zeroUuid`: unknown. */
  readonly topicId: Uuid;
  /** By partition number. */
  readonly partitions: readonly (PartitionState | undefined)[];
};

export type ClusterImage = {
  /** -1: unknown. */
  readonly controllerId: number;
  /** Only brokers that live. */
  readonly brokers: ReadonlyMap<number, BrokerNode>;
  readonly topics: ReadonlyMap<string, TopicImage>;
  readonly namesById: ReadonlyMap<Uuid, string>;
};

export const emptyImage: ClusterImage = {
  controllerId: -1,
  brokers: new Map(),
  topics: new Map(),
  namesById: new Map(),
};

export type PartitionChange = {
  readonly topic: string;
  readonly topicId: Uuid;
  readonly partition: number;
  /** `deleted`: the partition is going away with its topic. */
  readonly state: PartitionState | 'deleted';
};

export type MetadataDelta = {
  readonly controllerId: number;
  /** All brokers that live. */
  readonly brokers: ReadonlyMap<number, BrokerNode>;
  readonly partitions: readonly PartitionChange[];
};

/** The next image. A topic whose id is another than before is a new topic of that name: its old partitions are forgotten. */
export function applyDelta(image: ClusterImage, delta: MetadataDelta): ClusterImage {
  const { controllerId, brokers } = delta;
  if (delta.partitions.length === 0) return { ...image, controllerId, brokers };
  const topics = new Map(image.topics);
  const namesById = new Map(image.namesById);
  const touched = new Map<string, (PartitionState | undefined)[]>();
  for (const { topic, topicId, partition, state } of delta.partitions) {
    let known = topics.get(topic);
    if (known !== undefined && known.topicId !== topicId && state !== 'deleted') {
      namesById.delete(known.topicId);
      known = undefined;
      touched.delete(topic);
    }
    if (known === undefined && state === 'deleted') continue;
    let partitions = touched.get(topic);
    if (partitions === undefined) {
      partitions = [...(known?.partitions ?? [])];
      touched.set(topic, partitions);
      topics.set(topic, { name: topic, topicId, partitions });
      namesById.set(topicId, topic);
    }
    while (partitions.length < partition) partitions.push(undefined);
    partitions[partition] = state === 'deleted' ? undefined : state;
  }
  for (const [topic, partitions] of touched) {
    if (partitions.some((each) => each !== undefined)) continue;
    const gone = topics.get(topic);
    if (gone !== undefined && namesById.get(gone.topicId) === topic) namesById.delete(gone.topicId);
    topics.delete(topic);
  }
  return { controllerId, brokers, topics, namesById };
}
