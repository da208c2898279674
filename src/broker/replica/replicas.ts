import type { Logger } from '../../base/index.ts';
import type { LogConfig, LogFolder, PartitionLog, StorageProblem } from '../../log/index.ts';
import {
  type apis,
  errorCode,
  type RequestOf,
  type ResponseInputOf,
  type Uuid,
  zeroUuid,
} from '../../protocol/kafka/index.ts';
import { PartitionReplica } from './partition-replica.ts';

type LeaderAndIsrRequest = RequestOf<typeof apis.leaderAndIsr>;
type StopReplicaRequest = RequestOf<typeof apis.stopReplica>;
type PartitionStateRequest = LeaderAndIsrRequest['topicStates'][number]['partitionStates'][number];

/** Told after the controller has changed what this broker leads. */
export type LeadershipListener = {
  leads(replica: PartitionReplica): void;
  /** The partition is led elsewhere, by nobody, or gone. */
  leadsNoMore(topic: string, partition: number): void;
};

export type ReplicasDeps = {
  readonly brokerId: number;
  readonly folders: readonly LogFolder[];
  readonly logger: Logger;
  readonly configOf: (topic: string) => LogConfig;
  /** `file.delete.delay.ms`, for folders of deleted partitions */
  readonly deleteDelayMs: number;
};

const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`;

/** Epoch that StopReplica carries when the topic is being deleted: it is newer than any. */
const deletionEpoch = -2;
const noEpoch = -1;

/**
 * The partitions of this broker, as the elected controller hands them out: LeaderAndIsr makes replicas, StopReplica takes
 * them away. Requests of an older controller epoch, or meant for an earlier life of this broker, are refused.
 *
 * Only leaders of partitions with this one replica are served for now; being a follower is refused per partition.
 *
 * Source: ReplicaManager.becomeLeaderOrFollower, stopReplicas; KIP-380 (broker epochs), KIP-516 (topic ids).
 */
export class Replicas {
  private readonly deps: ReplicasDeps;
  private readonly replicas = new Map<string, PartitionReplica>();
  private readonly listeners: LeadershipListener[] = [];
  private knownControllerEpoch = 0;
  /** Changes with every registration in ZooKeeper; -1 until the first. */
  brokerEpoch = -1;

  constructor(deps: ReplicasDeps) {
    this.deps = deps;
  }

  get controllerEpoch(): number {
    return this.knownControllerEpoch;
  }

  get(topic: string, partition: number): PartitionReplica | undefined {
    return this.replicas.get(keyOf(topic, partition));
  }

  all(): IterableIterator<PartitionReplica> {
    return this.replicas.values();
  }

  get leaderCount(): number {
    let count = 0;
    for (const replica of this.replicas.values()) if (replica.isLeader) count++;
    return count;
  }

  get count(): number {
    return this.replicas.size;
  }

  listen(listener: LeadershipListener): void {
    this.listeners.push(listener);
  }

  /**
   * An error for the whole request if it is stale; else the controller's epoch is taken over.
   *
   * @param brokerEpoch  of the registration that is meant, -1 if the request does not say. A later one than ours is taken:
   *   the controller may hear of a registration before the broker that made it (KafkaApis.isBrokerEpochStale)
   */
  admit(controllerEpoch: number, brokerEpoch: number): number {
    if (controllerEpoch < this.knownControllerEpoch) return errorCode.STALE_CONTROLLER_EPOCH;
    if (brokerEpoch >= 0 && brokerEpoch < this.brokerEpoch) return errorCode.STALE_BROKER_EPOCH;
    this.knownControllerEpoch = controllerEpoch;
    return errorCode.NONE;
  }

  becomeLeaderOrFollower(request: LeaderAndIsrRequest): ResponseInputOf<typeof apis.leaderAndIsr> {
    const stale = this.admit(request.controllerEpoch, request.brokerEpoch);
    if (stale !== errorCode.NONE) {
      this.deps.logger.info(
        { controllerId: request.controllerId, controllerEpoch: request.controllerEpoch, errorCode: stale },
        'ignored a stale LeaderAndIsr request',
      );
      return { errorCode: stale, partitionErrors: [], topics: [] };
    }
    const topics = request.topicStates.map(({ topicName, topicId, partitionStates }) => ({
      topicId,
      partitionErrors: partitionStates.map((state) => ({
        topicName,
        partitionIndex: state.partitionIndex,
        errorCode: this.become(topicName, topicId, state),
      })),
    }));
    const partitionErrors = topics.flatMap((each) => each.partitionErrors);
    return { errorCode: errorCode.NONE, partitionErrors, topics };
  }

  private become(topic: string, topicId: Uuid, state: PartitionStateRequest): number {
    const { brokerId, logger } = this.deps;
    const partition = state.partitionIndex;
    if (!state.replicas.includes(brokerId)) return errorCode.UNKNOWN_TOPIC_OR_PARTITION;
    const existing = this.replicas.get(keyOf(topic, partition));
    if (existing !== undefined) {
      if (topicId !== zeroUuid && existing.topicId !== zeroUuid && existing.topicId !== topicId)
        return errorCode.INCONSISTENT_TOPIC_ID;
      if (state.leaderEpoch < existing.leaderEpoch) return errorCode.STALE_CONTROLLER_EPOCH;
    }
    const isLeader = state.leader === brokerId;
    if (state.replicas.length > 1) {
      logger.error(
        { topic, partition, replicas: state.replicas },
        'refused a partition with several replicas: this broker does not replicate yet',
      );
      return errorCode.KAFKA_STORAGE_ERROR;
    }
    const log = this.logOf(topic, partition, topicId);
    if ('kind' in log) {
      logger.error({ topic, partition, problem: log.detail }, 'a partition cannot be served: its log is offline');
      return errorCode.KAFKA_STORAGE_ERROR;
    }
    const leadership = {
      leader: state.leader,
      leaderEpoch: state.leaderEpoch,
      partitionEpoch: state.partitionEpoch,
      replicas: state.replicas,
      inSyncReplicas: state.isr,
    };
    let replica = existing;
    if (replica === undefined) {
      replica = new PartitionReplica(topic, partition, topicId, log, leadership);
      this.replicas.set(keyOf(topic, partition), replica);
    }
    const wasLeader = existing?.isLeader ?? false;
    try {
      replica.become(leadership, isLeader);
    } catch (error) {
      logger.error({ err: error, topic, partition }, 'could not begin a leader epoch');
      return errorCode.KAFKA_STORAGE_ERROR;
    }
    if (isLeader && !wasLeader) for (const listener of this.listeners) listener.leads(replica);
    if (!isLeader && wasLeader) for (const listener of this.listeners) listener.leadsNoMore(topic, partition);
    logger.debug(
      { topic, partition, leader: state.leader, leaderEpoch: state.leaderEpoch },
      isLeader ? 'became leader' : 'is led elsewhere',
    );
    return errorCode.NONE;
  }

  /** The partition's log in whichever folder has it, or a new one where there are fewest. */
  private logOf(topic: string, partition: number, topicId: Uuid): PartitionLog | StorageProblem {
    const { folders, logger } = this.deps;
    const config = this.deps.configOf(topic);
    let folder: LogFolder | undefined;
    for (const each of folders) {
      const offline = each.offline.get(keyOf(topic, partition));
      if (offline !== undefined) return offline.problem;
      if (each.get(topic, partition) !== undefined) folder = each;
    }
    if (folder !== undefined) {
      const onDisk = folder.topicIdOf(topic, partition);
      if (onDisk === undefined && topicId !== zeroUuid) folder.writeTopicId(topic, partition, topicId);
      else if (onDisk !== undefined && topicId !== zeroUuid && onDisk !== topicId) {
        // The topic was deleted and made again while this broker was away: what is here belongs to the old one.
        logger.warn({ topic, partition, onDisk, topicId }, 'removed the log of an older topic of the same name');
        folder.delete(topic, partition, this.deps.deleteDelayMs);
        folder = undefined;
      }
    }
    folder ??= folders.reduce((least, each) => (each.size < least.size ? each : least));
    const log = folder.create(topic, partition, config, topicId === zeroUuid ? undefined : topicId);
    if (!log.ok) return log.problem;
    log.value.configure(config);
    return log.value;
  }

  stop(request: StopReplicaRequest): ResponseInputOf<typeof apis.stopReplica> {
    const stale = this.admit(request.controllerEpoch, request.brokerEpoch);
    if (stale !== errorCode.NONE) return { errorCode: stale, partitionErrors: [] };
    const partitionErrors = request.topicStates.flatMap(({ topicName, partitionStates }) =>
      partitionStates.map(({ partitionIndex, leaderEpoch, deletePartition }) => ({
        topicName,
        partitionIndex,
        errorCode: this.stopOne(topicName, partitionIndex, leaderEpoch, deletePartition),
      })),
    );
    return { errorCode: errorCode.NONE, partitionErrors };
  }

  private stopOne(topic: string, partition: number, leaderEpoch: number, deletes: boolean): number {
    const key = keyOf(topic, partition);
    const replica = this.replicas.get(key);
    if (
      replica !== undefined &&
      leaderEpoch !== deletionEpoch &&
      leaderEpoch !== noEpoch &&
      leaderEpoch < replica.leaderEpoch
    ) {
      return errorCode.FENCED_LEADER_EPOCH;
    }
    if (replica !== undefined) {
      this.replicas.delete(key);
      replica.retire();
      for (const listener of this.listeners) listener.leadsNoMore(topic, partition);
    }
    if (!deletes) return errorCode.NONE;
    try {
      for (const folder of this.deps.folders) folder.delete(topic, partition, this.deps.deleteDelayMs);
      return errorCode.NONE;
    } catch (error) {
      this.deps.logger.error({ err: error, topic, partition }, 'could not delete a partition');
      return errorCode.KAFKA_STORAGE_ERROR;
    }
  }
}
