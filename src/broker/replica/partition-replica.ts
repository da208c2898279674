import { failure, type Result, success } from '../../base/index.ts';
import { type Appended, type AppendProblem, type BatchWriter, endOfEpoch, type PartitionLog } from '../../log/index.ts';
import type { Uuid } from '../../protocol/kafka/index.ts';
import type { FetchWait } from './fetch-wait.ts';

/** What the controller said of this partition. */
export type Leadership = {
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
};

export type LeaderProblem =
  | { readonly kind: 'notLeader' }
  /** The client's epoch is older than ours: it has stale metadata. */
  | { readonly kind: 'fencedLeaderEpoch' }
  /** The client's epoch is newer than ours: our metadata is stale. */
  | { readonly kind: 'unknownLeaderEpoch' };

/**
 * One partition as this broker holds it: its log, and whether it leads it, since which epoch.
 *
 * With a single replica the in-sync set is this broker, so the high watermark is the end of what is written.
 */
export class PartitionReplica {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: Uuid;
  readonly log: PartitionLog;
  /** Long polls that wait for something to happen here. */
  readonly waits = new Set<FetchWait>();
  private leadership: Leadership;
  private isOurs = false;

  constructor(topic: string, partition: number, topicId: Uuid, log: PartitionLog, leadership: Leadership) {
    this.topic = topic;
    this.partition = partition;
    this.topicId = topicId;
    this.log = log;
    this.leadership = leadership;
    log.onWritten = () => this.wakeAll();
    log.onStorageProblem = () => this.wakeAll();
  }

  get current(): Leadership {
    return this.leadership;
  }

  get isLeader(): boolean {
    return this.isOurs;
  }

  get leaderEpoch(): number {
    return this.leadership.leaderEpoch;
  }

  /** Fewer replicas are in sync than `min.insync.replicas` wants: acks=all is refused. */
  get isUnderMinimum(): boolean {
    return this.leadership.inSyncReplicas.length < this.log.config.minInSyncReplicas;
  }

  /** Offset below which every in-sync replica has everything: readers may see it. */
  get highWatermark(): number {
    return this.log.writtenEndOffset;
  }

  /** Readers of committed data stop at the oldest open transaction. */
  get lastStableOffset(): number {
    return Math.min(this.log.producerState.firstUnstableOffset() ?? Number.MAX_SAFE_INTEGER, this.highWatermark);
  }

  become(leadership: Leadership, isLeader: boolean): void {
    this.leadership = leadership;
    this.isOurs = isLeader;
    if (isLeader) this.log.beginEpoch(leadership.leaderEpoch);
    this.wakeAll();
  }

  /** @param clientEpoch  -1: the client does not say */
  checkLeader(clientEpoch: number): LeaderProblem | undefined {
    if (clientEpoch >= 0 && clientEpoch !== this.leadership.leaderEpoch) {
      return { kind: clientEpoch < this.leadership.leaderEpoch ? 'fencedLeaderEpoch' : 'unknownLeaderEpoch' };
    }
    return this.isOurs ? undefined : { kind: 'notLeader' };
  }

  append(batch: Buffer, writer: BatchWriter): Result<Appended, AppendProblem | LeaderProblem> {
    if (!this.isOurs) return failure({ kind: 'notLeader' });
    const outcome = this.log.append(batch, this.leadership.leaderEpoch, writer);
    return outcome.ok ? success(outcome.value) : outcome;
  }

  /** The greatest epoch at or below the asked one, and where it ends; undefined if nothing is known of it. */
  endOffsetOf(epoch: number): { readonly epoch: number; readonly endOffset: number } | undefined {
    return endOfEpoch(this.log.leaderEpochs, epoch, this.log.writtenEndOffset);
  }

  wakeAll(): void {
    if (this.waits.size === 0) return;
    for (const wait of [...this.waits]) wait.wake();
  }

  /** The partition leaves this broker. */
  retire(): void {
    this.isOurs = false;
    this.wakeAll();
  }
}
