import type { Uuid } from '../../protocol/kafka/index.ts';

export type ClusterDescription = {
  readonly clusterId: string;
  /** -1: nobody is known to be it. */
  readonly controllerId: number;
  readonly brokers: readonly {
    readonly id: number;
    readonly host: string;
    readonly port: number;
    readonly rack: string | null;
  }[];
};

export type TopicDescription = {
  readonly name: string;
  readonly topicId: Uuid;
  readonly isInternal: boolean;
  /** 0, or why the rest is empty: `UNKNOWN_TOPIC_OR_PARTITION`, ... */
  readonly errorCode: number;
  readonly partitions: readonly PartitionDescription[];
};

export type PartitionDescription = {
  readonly partition: number;
  /** -1: none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  /** The first is the preferred leader. */
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
  readonly offlineReplicas: readonly number[];
};

export type NewTopic = {
  readonly name: string;
  /** Replicas of each partition, the first preferred as leader; or counts, and the cluster chooses (-1: its default). */
  readonly replicas:
    | { readonly assignment: ReadonlyMap<number, readonly number[]> }
    | { readonly partitions: number; readonly replicationFactor: number };
  readonly config?: Readonly<Record<string, string>>;
};

/** One topic's or resource's outcome: code 0, or what the cluster had to say. */
export type Outcome = { readonly name: string; readonly errorCode: number; readonly errorMessage: string | null };

export const resourceTypes = { topic: 2, broker: 4 } as const;
export type ConfigResource = { readonly type: 'topic' | 'broker'; readonly name: string };

/** Where a value comes from, by the number on the wire. */
export const configSources = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
  dynamicBrokerLogger: 6,
} as const;

export type ConfigEntry = {
  readonly name: string;
  /** Null: sensitive, or not set. */
  readonly value: string | null;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
  /** One of `configSources`. */
  readonly source: number;
};

export type ConfigChange =
  | { readonly name: string; readonly operation: 'set' | 'append' | 'subtract'; readonly value: string }
  | { readonly name: string; readonly operation: 'delete' };

/** Numbers of the operations on the wire. */
export const configOperations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export type LogDirectory = {
  readonly broker: number;
  readonly path: string;
  readonly errorCode: number;
  /** -1: the broker does not say. */
  readonly totalBytes: number;
  readonly usableBytes: number;
  readonly replicas: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly sizeBytes: number;
    readonly offsetLag: number;
    readonly isFuture: boolean;
  }[];
};

/** A replica that is to live in another log folder of its broker. */
export type LogDirMove = {
  readonly broker: number;
  readonly topic: string;
  readonly partition: number;
  /** The folder, as the broker names it. */
  readonly path: string;
};

/** Special timestamps of ListOffsets. */
export const offsetTimestamps = { latest: -1, earliest: -2, maxTimestamp: -3 } as const;

export type OffsetAtTimestamp = {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** -1: no record is that young. */
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
};

export type Reassignment = {
  readonly topic: string;
  readonly partition: number;
  /** Null cancels the move that is under way. */
  readonly replicas: readonly number[] | null;
};

export type PartitionOutcome = {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
};

export type OngoingReassignment = {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
};
