import type { Logger } from '../../base/index.ts';
import { buildBatch } from '../../protocol/kafka/index.ts';
import type { PartitionReplica } from '../replica/partition-replica.ts';
import { recordsFrom } from './group-loading.ts';

/** A partition is not rewritten before it has so many bytes, nor before it is so many times larger than what it means. */
const rewriteFromBytes = 8 * 1024 * 1024;
const growthFactor = 4;
const recordsInBatch = 500;

type Latest = { readonly key: Buffer; readonly value: Buffer; readonly timestampMs: number };

/**
 * Keeps a partition of `__consumer_offsets` bounded without compacting it in place: when it has grown, the latest value of
 * every key is written once more at its end, and all before that is deleted. A reader of the log at any moment finds the
 * same groups and offsets, and what is left on disk is an ordinary log of Apache's.
 */
export class OffsetsRewrite {
  private readonly replica: PartitionReplica;
  private readonly logger: Logger;
  private isRunning = false;
  private nextAtBytes = rewriteFromBytes;

  constructor(replica: PartitionReplica, logger: Logger) {
    this.replica = replica;
    this.logger = logger;
  }

  /** After an append. */
  noticeGrowth(): void {
    if (this.isRunning || this.replica.log.sizeBytes < this.nextAtBytes) return;
    this.isRunning = true;
    void this.rewrite()
      .catch((error: unknown) =>
        this.logger.warn(
          { partition: this.replica.partition, problem: (error as Error).message },
          'could not rewrite a partition of the offsets topic',
        ),
      )
      .finally(() => {
        this.isRunning = false;
      });
  }

  private async rewrite(): Promise<void> {
    const { log } = this.replica;
    const before = log.sizeBytes;
    this.nextAtBytes = before * 2;
    const latest = new Map<string, Latest>();
    let scannedTo = log.logStartOffset;
    for (;;) {
      for await (const { records, nextOffset } of recordsFrom(this.replica, scannedTo)) {
        scannedTo = nextOffset;
        for (const { key, value, timestampMs } of records) {
          if (key === null) continue;
          const name = key.toString('latin1');
          if (value === null) latest.delete(name);
          else latest.set(name, { key: Buffer.from(key), value: Buffer.from(value), timestampMs });
        }
      }
      // From here to the appends nothing else can run, so nothing newer can be overwritten by what was scanned.
      if (scannedTo === log.logEndOffset) break;
      await new Promise<void>((resolve) => log.whenWritten(log.logEndOffset, () => resolve()));
      if (log.storageProblem !== undefined || !this.replica.isLeader) return;
    }
    if (!log.startSegment()) return;
    const newStart = log.logEndOffset;
    const all = [...latest.values()];
    for (let from = 0; from < all.length; from += recordsInBatch) {
      const outcome = this.replica.append(buildBatch({ records: all.slice(from, from + recordsInBatch) }), {
        origin: 'coordinator',
      });
      if (!outcome.ok) return;
    }
    const flushed = await log.flush();
    if (!flushed.ok) return;
    log.advanceLogStart(newStart);
    this.nextAtBytes = Math.max(rewriteFromBytes, (log.sizeBytes - before) * growthFactor);
    this.logger.info(
      { partition: this.replica.partition, keys: all.length, bytesBefore: before },
      'rewrote a partition of the offsets topic',
    );
  }
}
