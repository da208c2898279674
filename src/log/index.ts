/**
 * The append-only segmented log in Apache Kafka's on-disk format, from the first byte: an Apache broker can start on the
 * same folder, and its `kafka-dump-log` reads it.
 *
 * - `LogFolder` is one of `log.dirs`: loads, creates, deletes and checkpoints the logs of its partitions.
 * - `PartitionLog` is one partition: append, read, wait for durability, retention, lookups. A record batch stays opaque
 *   bytes: its header and checksum are checked, base offset and leader epoch patched, never more.
 * - Writes of a turn of the event loop go to disk in one call (`TurnEnd`), waiters for the device share a sync
 *   (`SyncQueue`). No batch is kept in memory: what was just written is read back from the page cache, which measured
 *   faster than the garbage collection of a cache of received buffers, and takes a third of the memory.
 *
 * Not here: replication, high watermarks (the caller says how far readers may see), topics' settings, the network.
 *
 * Invariants: offsets are given out in order and never again; written <= appended and synced <= written; nothing that
 * was synced is cut off by recovery; a log that met a storage error takes nothing until it was loaded again.
 */
export { type BatchHeader, baseOffsetAt, batchHeaderAt, batchHeaderBytes, batchSizeAt, lastOffsetAt } from './batch.ts';
export { defaultLogConfig, type LogConfig } from './config.ts';
export { decompress } from './decompress.ts';
export { endOfEpoch, type LeaderEpochs } from './leader-epoch-cache.ts';
export { LogFolder, type OfflineLog, type TopicPartition } from './log-folder.ts';
export { type Appended, type BatchWriter, type LogDeps, PartitionLog } from './partition-log.ts';
export { type AppendProblem, LogDamage, type StorageProblem } from './problems.ts';
export type { MetaProperties } from './properties-files.ts';
export { SyncQueue } from './sync-queue.ts';
export type { OffsetAtTime } from './time-lookup.ts';
export { TurnEnd } from './turn.ts';
