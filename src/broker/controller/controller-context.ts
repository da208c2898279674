import type { Uuid } from '../../protocol/kafka/index.ts';
import type { BrokerRegistration, LeaderAndIsr } from './znodes.ts';

export type LiveBroker = {
  readonly registration: BrokerRegistration;
  /** czxid of its node. */
  readonly epoch: number;
};

export type ControlledState = LeaderAndIsr & {
  /** zkVersion of the state's node. */
  readonly partitionEpoch: number;
  /** zxid at which the state was written; `MAX_SAFE_INTEGER`: by this controller. */
  readonly writtenAt: number;
};

export type ControlledPartition = {
  readonly replicas: readonly number[];
  /** Undefined: it was never initialised. */
  readonly state: ControlledState | undefined;
};

export type ControlledTopic = { readonly topicId: Uuid; readonly partitions: Map<number, ControlledPartition> };

/** What the elected controller knows: what is in ZooKeeper, and who lives. One owner, the controller's event queue. */
export type ControllerContext = {
  readonly epoch: number;
  /** zkVersion of `/controller_epoch`: every write of ours checks it, so a deposed controller changes nothing. */
  readonly epochVersion: number;
  readonly brokers: Map<number, LiveBroker>;
  readonly topics: Map<string, ControlledTopic>;
  /** Brokers that have said that they are about to stop. */
  readonly shuttingDown: Set<number>;
  /** Replicas (`topic-partition`) that their broker cannot serve because of its disk. */
  readonly offlineReplicas: Set<string>;
  /** Topics that are being deleted; for each the replicas whose brokers have not confirmed yet (`partition-broker`). */
  readonly deleting: Map<string, Set<string>>;
};

export const leaderlessNow = -1;
/** Leader that UpdateMetadata carries for a partition whose topic is being deleted. Source: LeaderAndIsr.LeaderDuringDelete. */
export const leaderDuringDelete = -2;
/** Leader epoch that StopReplica carries then. Source: LeaderAndIsr.EpochDuringDelete. */
export const epochDuringDelete = -2;

/**
 * Who leads a partition next: the first replica in order that is in sync and whose broker lives.
 * With one replica the in-sync set never changes: its last member stays in it while it is away. A leader that has
 * registered since its leadership was written down begins a new one: its log may have lost what was never synced.
 *
 * @param brokerEpochOf  the epoch of a broker that lives and can serve the replica, else undefined
 * @returns undefined if the present leadership goes on
 *
 * Source: PartitionLeaderElectionAlgorithms.offlinePartitionLeaderElection.
 */
export function electedLeader(
  partition: ControlledPartition,
  brokerEpochOf: (brokerId: number) => number | undefined,
): number | undefined {
  const { state, replicas } = partition;
  const present = state === undefined || state.leader < 0 ? undefined : brokerEpochOf(state.leader);
  if (state !== undefined && present !== undefined && present <= state.writtenAt) return undefined;
  const inSync = state?.inSyncReplicas ?? replicas;
  const next = replicas.find((id) => inSync.includes(id) && brokerEpochOf(id) !== undefined) ?? leaderlessNow;
  return state !== undefined && next === leaderlessNow && state.leader === leaderlessNow ? undefined : next;
}
