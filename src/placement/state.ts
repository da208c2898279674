import type { BrokerCondition } from './new-topics.ts';

/**
 * The plain form of a cluster, as it is written to files and sent between processes: JSON, `version` first. The
 * module `placement/json/` checks it at the border; everything here trusts it.
 */
export type ClusterState = {
  readonly version: 1;
  readonly brokers: readonly BrokerState[];
  readonly topics: readonly TopicState[];
};

export type BrokerState = {
  readonly id: number;
  /** Failure domain that must not hold more of a partition than the others; brokers without one share a zone ''. */
  readonly zone?: string | undefined;
  /** The machine below the zone; only shown. */
  readonly node?: string | undefined;
  /** Brokers of a set hold the topics of that set only; brokers without one hold the topics without one. */
  readonly brokerSet?: string | undefined;
  /**
   * `active` receives and keeps; `cordoned` keeps; `draining` must lose everything; `dead` must lose everything and
   * cannot be read; `away` is dead, but not for long enough to act. Left out: `active`.
   */
  readonly state?: BrokerCondition | undefined;
  /** Milliseconds since the broker was last seen, when `away`. */
  readonly awayForMs?: number | undefined;
  /** Whether it may be the preferred leader of a partition; true when left out. */
  readonly mayLead?: boolean | undefined;
  readonly capacity?: BrokerCapacity | undefined;
  /** Log folders (JBOD). A broker with one disk may leave it out. */
  readonly disks?: readonly DiskState[] | undefined;
};

/** What is left out is unlimited, and counts as equal on all brokers. */
export type BrokerCapacity = {
  readonly diskBytes?: number | undefined;
  readonly inBytesPerSecond?: number | undefined;
  readonly outBytesPerSecond?: number | undefined;
  readonly cpuCores?: number | undefined;
  readonly replicas?: number | undefined;
};

export type DiskState = {
  readonly path: string;
  readonly sizeBytes?: number | undefined;
  /** `draining` and `dead` disks must lose their replicas. */
  readonly state?: 'active' | 'draining' | 'dead' | undefined;
};

export type TopicState = {
  readonly name: string;
  /** 1 when left out. */
  readonly minInSyncReplicas?: number | undefined;
  readonly brokerSet?: string | undefined;
  /** Its replicas are never moved. */
  readonly pinned?: boolean | undefined;
  readonly partitions: readonly PartitionState[];
};

export type PartitionState = {
  readonly id: number;
  /** Broker ids in order; the first is the preferred leader. */
  readonly replicas: readonly number[];
  /** The leader now; the first replica when left out, -1 for none. */
  readonly leader?: number | undefined;
  /** All replicas when left out. */
  readonly inSync?: readonly number[] | undefined;
  readonly sizeBytes?: number | undefined;
  /** Produced to the leader; every follower receives the same. */
  readonly inBytesPerSecond?: number | undefined;
  /** Read by consumers from the leader, without replication. */
  readonly outBytesPerSecond?: number | undefined;
  readonly growthBytesPerSecond?: number | undefined;
  /** Of the leader; estimated from the rates when left out. */
  readonly cpuCores?: number | undefined;
  /** Log folder of each replica, in order of `replicas`; '' for unknown. */
  readonly disks?: readonly string[] | undefined;
};
