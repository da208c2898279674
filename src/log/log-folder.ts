import { randomUUID } from 'node:crypto';
import { failure, type Result, success } from '../base/index.ts';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import type { LogConfig } from './config.ts';
import { lockFolder, unlockFolder } from './folder-lock.ts';
import { type LogDeps, PartitionLog } from './partition-log.ts';
import { type StorageProblem, storageProblem } from './problems.ts';
import {
  formatCleanShutdown,
  formatMetaProperties,
  formatPartitionMetadata,
  type MetaProperties,
  parseMetaProperties,
  parsePartitionMetadata,
} from './properties-files.ts';

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** A partition whose folder cannot be read now. Nothing of it was touched. */
export type OfflineLog = TopicPartition & { readonly problem: StorageProblem };

const partitionKey = (topic: string, partition: number): string => `${topic}-${partition}`;
const longestNameBytes = 255;

/** `my-topic-3` -> topic and partition. Deleted, future and stray folders have names that do not fit. */
export function topicPartitionOf(folderName: string): TopicPartition | undefined {
  const match = /^([\w.-]{1,249})-(\d+)$/.exec(folderName);
  if (match === null) return undefined;
  return { topic: match[1] as string, partition: Number(match[2]) };
}

/** `<topic>-<partition>.<uuid>-delete`, shortened so that a file system takes it. Source: LocalLog.logDeleteDirName. */
function deletedFolderName(topic: string, partition: number): string {
  const suffix = `-${partition}.${randomUUID().replaceAll('-', '')}-delete`;
  return `${topic.slice(0, longestNameBytes - suffix.length)}${suffix}`;
}

/**
 * A broker's log folder (one of `log.dirs`): the partitions' folders, the checkpoint files over all of them and whose
 * folder it is.
 *
 * ```
 * open: meta.properties ─▶ was the stop clean? (then forget that it was) ─▶ load every partition
 * checkpoint, now and then: recovery points, log starts, high watermarks
 * close: flush all ─▶ close all ─▶ checkpoint ─▶ .kafka_cleanshutdown
 * ```
 */
export class LogFolder {
  readonly path: string;
  readonly wasClean: boolean;
  readonly meta: MetaProperties | undefined;
  /** Partitions that could not be loaded. */
  readonly offline = new Map<string, OfflineLog>();
  private readonly deps: LogDeps;
  private readonly logs = new Map<string, PartitionLog>();
  private readonly highWatermarks = new Map<string, number>();
  /** Folders and files that were renamed away, to be removed when their delay is over. */
  private readonly leftovers: { readonly dueMs: number; readonly erase: () => void }[] = [];

  private constructor(path: string, wasClean: boolean, meta: MetaProperties | undefined, deps: LogDeps) {
    this.path = path;
    this.wasClean = wasClean;
    this.meta = meta;
    this.deps = deps;
  }

  /**
   * @param configOf  a topic's settings as far as they are known; `configure` gives better ones later
   * @returns a sentence if the folder is not usable (not writable, not a broker's)
   */
  static open(path: string, deps: LogDeps, configOf: (topic: string) => LogConfig): Result<LogFolder, string> {
    const { disk, logger, clock } = deps;
    try {
      disk.makeFolder(path);
      const holder = lockFolder(disk, path);
      if (holder !== undefined) {
        return failure(
          `the log folder ${path} is in use by process ${holder}: stop that broker, or give this one another folder in log.dirs`,
        );
      }
      const metaText = disk.read(`${path}/meta.properties`)?.toString('utf8');
      const meta = metaText === undefined ? undefined : parseMetaProperties(metaText);
      if (meta !== undefined && !meta.ok) return failure(`${path}/meta.properties: ${meta.problem}`);
      const wasClean = disk.sizeBytes(`${path}/.kafka_cleanshutdown`) !== undefined;
      disk.remove(`${path}/.kafka_cleanshutdown`);
      disk.syncFolder(path);
      const folder = new LogFolder(path, wasClean, meta?.value, deps);
      const startedMs = clock.monotonicMs();
      folder.loadAll(configOf);
      logger.info(
        {
          path,
          partitions: folder.logs.size,
          offline: folder.offline.size,
          wasClean,
          tookMs: Math.round(clock.monotonicMs() - startedMs),
        },
        'loaded the log folder',
      );
      return success(folder);
    } catch (error) {
      return failure(storageProblem(error, `opening the log folder ${path}`).detail);
    }
  }

  private loadAll(configOf: (topic: string) => LogConfig): void {
    const { disk, clock } = this.deps;
    const recoveryPoints = this.readCheckpoint('recovery-point-offset-checkpoint');
    const logStarts = this.readCheckpoint('log-start-offset-checkpoint');
    for (const [key, offset] of this.readCheckpoint('replication-offset-checkpoint'))
      this.highWatermarks.set(key, offset);
    for (const name of disk.list(this.path)) {
      const path = `${this.path}/${name}`;
      if (!disk.isFolder(path)) continue;
      if (name.endsWith('-delete')) {
        this.leftovers.push({ dueMs: clock.monotonicMs(), erase: () => disk.removeFolder(path) });
        continue;
      }
      const place = topicPartitionOf(name);
      if (place === undefined) continue;
      const hints = {
        wasClean: this.wasClean,
        recoveryPoint: recoveryPoints.get(name) ?? 0,
        logStartOffset: logStarts.get(name),
      };
      try {
        this.logs.set(name, PartitionLog.load({ folder: path, ...place }, configOf(place.topic), hints, this.deps));
      } catch (error) {
        const problem = storageProblem(error, `loading ${path}`);
        this.offline.set(name, { ...place, problem });
        this.deps.logger.error(
          { topic: place.topic, partition: place.partition, problem: problem.detail },
          'a partition is offline: its log cannot be loaded',
        );
      }
    }
  }

  private readCheckpoint(name: string): ReadonlyMap<string, number> {
    const content = this.deps.disk.read(`${this.path}/${name}`);
    if (content === undefined || content.length === 0) return new Map();
    const parsed = parseCheckpoint(content.toString('utf8'));
    if (!parsed.ok) {
      this.deps.logger.warn(
        { file: `${this.path}/${name}`, problem: parsed.problem },
        'a checkpoint file is damaged and was left out',
      );
      return new Map();
    }
    return new Map(parsed.value.map((each) => [partitionKey(each.topic, each.partition), each.offset]));
  }

  /** Says whose folder it is; `open` reads it back. */
  writeMeta(meta: MetaProperties): void {
    this.deps.disk.replace(`${this.path}/meta.properties`, formatMetaProperties(meta));
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    return this.logs.get(partitionKey(topic, partition));
  }

  all(): IterableIterator<PartitionLog> {
    return this.logs.values();
  }

  get size(): number {
    return this.logs.size;
  }

  /** The high watermark that the last checkpoint had. */
  checkpointedHighWatermark(topic: string, partition: number): number | undefined {
    return this.highWatermarks.get(partitionKey(topic, partition));
  }

  /** The id in the partition's `partition.metadata`, if there is one. */
  topicIdOf(topic: string, partition: number): string | undefined {
    const content = this.deps.disk.read(`${this.path}/${partitionKey(topic, partition)}/partition.metadata`);
    return content === undefined ? undefined : parsePartitionMetadata(content.toString('utf8'));
  }

  writeTopicId(topic: string, partition: number, topicId: string): void {
    this.deps.disk.replace(
      `${this.path}/${partitionKey(topic, partition)}/partition.metadata`,
      formatPartitionMetadata(topicId),
    );
  }

  /** @returns the log, which is there already or is made now, or why it cannot be */
  create(
    topic: string,
    partition: number,
    config: LogConfig,
    topicId: string | undefined,
  ): Result<PartitionLog, StorageProblem> {
    const key = partitionKey(topic, partition);
    const existing = this.logs.get(key);
    if (existing !== undefined) return success(existing);
    const offline = this.offline.get(key);
    if (offline !== undefined) return failure(offline.problem);
    const folder = `${this.path}/${key}`;
    try {
      this.deps.disk.makeFolder(folder);
      const hints = { wasClean: false, recoveryPoint: 0, logStartOffset: undefined };
      const log = PartitionLog.load({ folder, topic, partition }, config, hints, this.deps);
      if (topicId !== undefined) this.writeTopicId(topic, partition, topicId);
      this.logs.set(key, log);
      return success(log);
    } catch (error) {
      return failure(storageProblem(error, `creating ${folder}`));
    }
  }

  /** Renames the partition's folder at once and removes it later; a log with the same name may be made right away. */
  delete(topic: string, partition: number, delayMs: number): void {
    const key = partitionKey(topic, partition);
    const { disk, clock } = this.deps;
    const log = this.logs.get(key);
    if (log === undefined && !this.offline.has(key)) return;
    log?.close();
    this.logs.delete(key);
    this.offline.delete(key);
    this.highWatermarks.delete(key);
    const renamed = `${this.path}/${deletedFolderName(topic, partition)}`;
    disk.rename(`${this.path}/${key}`, renamed);
    this.leftovers.push({ dueMs: clock.monotonicMs() + delayMs, erase: () => disk.removeFolder(renamed) });
  }

  /**
   * Retention over all partitions.
   *
   * @param limitOf  up to which offset a log may be deleted: its high watermark
   */
  deleteOld(limitOf: (log: PartitionLog) => number, delayMs: number): void {
    const dueMs = this.deps.clock.monotonicMs() + delayMs;
    for (const log of this.logs.values()) {
      for (const erase of log.deleteOld(limitOf(log))) this.leftovers.push({ dueMs, erase });
    }
  }

  /** Removes what was renamed away long enough ago. */
  eraseLeftovers(nowMonotonicMs: number): void {
    for (let index = this.leftovers.length - 1; index >= 0; index--) {
      const { dueMs, erase } = this.leftovers[index] as (typeof this.leftovers)[number];
      if (dueMs > nowMonotonicMs) continue;
      this.leftovers.splice(index, 1);
      try {
        erase();
      } catch (error) {
        this.deps.logger.warn({ err: error }, 'could not remove deleted files');
      }
    }
  }

  /**
   * Writes the checkpoint files. Recovery points are only what was synced.
   *
   * @param highWatermarkOf  of the partitions that this broker leads or follows
   */
  checkpoint(highWatermarkOf: (log: PartitionLog) => number | undefined): void {
    const logs = [...this.logs.values()];
    const at = ({ topic, partition }: PartitionLog, offset: number) => ({ topic, partition, offset });
    this.writeCheckpoint(
      'recovery-point-offset-checkpoint',
      logs.map((log) => at(log, log.syncedEndOffset)),
    );
    this.writeCheckpoint(
      'log-start-offset-checkpoint',
      logs.filter((log) => log.needsStartCheckpoint).map((log) => at(log, log.logStartOffset)),
    );
    this.writeCheckpoint(
      'replication-offset-checkpoint',
      logs.map((log) => at(log, highWatermarkOf(log) ?? log.writtenEndOffset)),
    );
  }

  private writeCheckpoint(name: string, entries: Parameters<typeof formatCheckpoint>[0]): void {
    this.deps.disk.replace(`${this.path}/${name}`, formatCheckpoint(entries));
  }

  /**
   * The orderly end. A log that cannot be flushed leaves the folder without the mark of a clean stop, so that the next
   * start recovers all of it.
   */
  async close(brokerEpoch: number, highWatermarkOf: (log: PartitionLog) => number | undefined): Promise<void> {
    const logs = [...this.logs.values()];
    const outcomes = await Promise.all(logs.map((log) => log.flush()));
    const isClean = outcomes.every((each) => each.ok);
    for (const log of logs) log.closeCleanly();
    this.eraseLeftovers(Number.MAX_SAFE_INTEGER);
    this.checkpoint(highWatermarkOf);
    if (isClean) this.deps.disk.replace(`${this.path}/.kafka_cleanshutdown`, formatCleanShutdown(brokerEpoch));
    this.logs.clear();
    unlockFolder(this.deps.disk, this.path);
  }
}
