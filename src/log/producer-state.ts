import { crc32c } from '@node-rs/crc32';
import { failure, type Result, success } from '../base/index.ts';
import { type BatchHeader, readInt64, writeInt64 } from './batch.ts';

/**
 * What a partition remembers of each idempotent producer, so that a batch that is sent again is answered and not
 * written again, and a gap is refused.
 *
 * ```
 * check(batch) -> fresh | duplicate of an earlier batch | refused        (changes nothing)
 * update(batch)   after the log took it, live or while it recovers
 * ```
 * It is mutable because it lies on the produce path; only the partition's log touches it.
 * The last five batches of a producer are kept, in memory as in the snapshot file (Apache's has only the last).
 *
 * Source: ProducerStateManager.java, ProducerAppendInfo.java; KIP-98, KIP-360.
 */
export const rememberedBatches = 5;
const maxSequence = 0x7fffffff;
const snapshotVersion = 1;
const snapshotHeaderBytes = 10;
const snapshotEntryBytes = 46;
/**
 * After Apache's entries, which hold the last batch of each producer, we write those before it: a producer that sends
 * again what was on its way when the broker died may mean any of five. Apache's reader stops after its entries (the
 * checksum covers everything). `u32 magic, i32 count, {i64 producer, i32 first, i32 last sequence, i64 base, i64 last
 * offset, i64 timestamp}*`, oldest first.
 */
const earlierMagic = 0x484b4231;
const earlierHeaderBytes = 8;
const earlierEntryBytes = 40;

type SeenBatch = {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly timestamp: number;
};

type Producer = {
  epoch: number;
  /** Oldest first, at most `rememberedBatches`, all of `epoch`. Empty after a transaction marker of a new epoch. */
  batches: SeenBatch[];
  /** Of the last batch; for expiry. */
  lastTimestamp: number;
  /** Epoch of the transaction coordinator that wrote the last marker; -1: none. */
  coordinatorEpoch: number;
  /** -1: no transaction is open. */
  currentTransactionFirstOffset: number;
};

export type SequenceProblem =
  | { readonly kind: 'invalidProducerEpoch'; readonly expected: number; readonly received: number }
  | { readonly kind: 'outOfOrderSequence'; readonly expected: number; readonly received: number }
  | { readonly kind: 'invalidTransactionState' };

export type SequenceVerdict =
  | { readonly kind: 'fresh' }
  | {
      readonly kind: 'duplicate';
      readonly baseOffset: number;
      readonly lastOffset: number;
      readonly timestamp: number;
    };

const fresh: SequenceVerdict = { kind: 'fresh' };

/** Sequences count records and wrap from 2^31 - 1 to 0. */
export function sequenceAfter(sequence: number, records: number): number {
  const next = sequence + records;
  return next > maxSequence ? next - maxSequence - 1 : next;
}

export class ProducerState {
  private readonly producers = new Map<number, Producer>();

  get size(): number {
    return this.producers.size;
  }

  check(batch: BatchHeader): Result<SequenceVerdict, SequenceProblem> {
    const producer = this.producers.get(batch.producerId);
    if (producer === undefined) return success(fresh);
    if (batch.producerEpoch < producer.epoch) {
      return failure({ kind: 'invalidProducerEpoch', expected: producer.epoch, received: batch.producerEpoch });
    }
    const first = batch.baseSequence;
    if (batch.producerEpoch > producer.epoch) {
      if (first === 0) return success(fresh);
      return failure({ kind: 'outOfOrderSequence', expected: 0, received: first });
    }
    const last = sequenceAfter(first, batch.recordCount - 1);
    for (const seen of producer.batches) {
      if (seen.firstSequence === first && seen.lastSequence === last) {
        return success({
          kind: 'duplicate',
          baseOffset: seen.baseOffset,
          lastOffset: seen.lastOffset,
          timestamp: seen.timestamp,
        });
      }
    }
    if (producer.currentTransactionFirstOffset >= 0 && !batch.isTransactional) {
      return failure({ kind: 'invalidTransactionState' });
    }
    const newest = producer.batches.at(-1);
    if (newest === undefined) return success(fresh);
    const expected = sequenceAfter(newest.lastSequence, 1);
    if (first !== expected) return failure({ kind: 'outOfOrderSequence', expected, received: first });
    return success(fresh);
  }

  update(batch: BatchHeader): void {
    if (batch.producerId < 0) return;
    let producer = this.producers.get(batch.producerId);
    if (producer === undefined || batch.producerEpoch > producer.epoch) {
      producer = {
        epoch: batch.producerEpoch,
        batches: [],
        lastTimestamp: batch.maxTimestamp,
        coordinatorEpoch: producer?.coordinatorEpoch ?? -1,
        currentTransactionFirstOffset: producer?.currentTransactionFirstOffset ?? -1,
      };
      this.producers.set(batch.producerId, producer);
    }
    producer.lastTimestamp = batch.maxTimestamp;
    if (batch.isControl) {
      producer.currentTransactionFirstOffset = -1;
      return;
    }
    if (producer.batches.length === rememberedBatches) producer.batches.shift();
    producer.batches.push({
      firstSequence: batch.baseSequence,
      lastSequence: sequenceAfter(batch.baseSequence, batch.lastOffset - batch.baseOffset),
      baseOffset: batch.baseOffset,
      lastOffset: batch.lastOffset,
      timestamp: batch.maxTimestamp,
    });
    if (batch.isTransactional && producer.currentTransactionFirstOffset < 0) {
      producer.currentTransactionFirstOffset = batch.baseOffset;
    }
  }

  /** First offset of the oldest open transaction: readers of committed data stop there. */
  firstUnstableOffset(): number | undefined {
    let first: number | undefined;
    for (const { currentTransactionFirstOffset: open } of this.producers.values()) {
      if (open >= 0 && (first === undefined || open < first)) first = open;
    }
    return first;
  }

  /** Forgets producers without an open transaction that have been silent for longer than `expirationMs`. */
  expire(nowMs: number, expirationMs: number): void {
    for (const [id, producer] of this.producers) {
      if (producer.currentTransactionFirstOffset < 0 && nowMs - producer.lastTimestamp > expirationMs)
        this.producers.delete(id);
    }
  }

  clear(): void {
    this.producers.clear();
  }

  /** For DescribeProducers and tests. */
  describe(): readonly {
    readonly producerId: number;
    readonly epoch: number;
    readonly lastSequence: number;
    readonly lastTimestamp: number;
    readonly coordinatorEpoch: number;
    readonly currentTransactionFirstOffset: number;
  }[] {
    return [...this.producers].map(([producerId, each]) => ({
      producerId,
      epoch: each.epoch,
      lastSequence: each.batches.at(-1)?.lastSequence ?? -1,
      lastTimestamp: each.lastTimestamp,
      coordinatorEpoch: each.coordinatorEpoch,
      currentTransactionFirstOffset: each.currentTransactionFirstOffset,
    }));
  }

  /** The content of a `.snapshot` file. */
  snapshot(): Buffer {
    const earlier = [...this.producers].filter(([, { batches }]) => batches.length > 1);
    const earlierBatches = earlier.reduce((sum, [, { batches }]) => sum + batches.length - 1, 0);
    const entriesEnd = snapshotHeaderBytes + this.producers.size * snapshotEntryBytes;
    const content = Buffer.alloc(
      entriesEnd + (earlierBatches === 0 ? 0 : earlierHeaderBytes + earlierBatches * earlierEntryBytes),
    );
    content.writeInt16BE(snapshotVersion, 0);
    content.writeInt32BE(this.producers.size, 6);
    let at = snapshotHeaderBytes;
    for (const [producerId, producer] of this.producers) {
      const last = producer.batches.at(-1);
      writeInt64(content, producerId, at);
      content.writeInt16BE(producer.epoch, at + 8);
      content.writeInt32BE(last?.lastSequence ?? -1, at + 10);
      writeInt64(content, last?.lastOffset ?? -1, at + 14);
      content.writeInt32BE(last === undefined ? 0 : last.lastOffset - last.baseOffset, at + 22);
      writeInt64(content, producer.lastTimestamp, at + 26);
      content.writeInt32BE(producer.coordinatorEpoch, at + 34);
      writeInt64(content, producer.currentTransactionFirstOffset, at + 38);
      at += snapshotEntryBytes;
    }
    if (earlierBatches > 0) {
      content.writeUInt32BE(earlierMagic, at);
      content.writeInt32BE(earlierBatches, at + 4);
      at += earlierHeaderBytes;
      for (const [producerId, { batches }] of earlier) {
        for (const batch of batches.slice(0, -1)) {
          writeInt64(content, producerId, at);
          content.writeInt32BE(batch.firstSequence, at + 8);
          content.writeInt32BE(batch.lastSequence, at + 12);
          writeInt64(content, batch.baseOffset, at + 16);
          writeInt64(content, batch.lastOffset, at + 24);
          writeInt64(content, batch.timestamp, at + 32);
          at += earlierEntryBytes;
        }
      }
    }
    content.writeUInt32BE(crc32c(content.subarray(6)), 2);
    return content;
  }

  /** Replaces the state by a snapshot's; on a failure the state is as before. */
  restore(content: Buffer): Result<undefined, string> {
    if (content.length < snapshotHeaderBytes) return failure('shorter than its header');
    const version = content.readInt16BE(0);
    if (version !== snapshotVersion) return failure(`version ${version} instead of ${snapshotVersion}`);
    if (content.readUInt32BE(2) !== crc32c(content.subarray(6))) return failure('wrong checksum');
    const count = content.readInt32BE(6);
    const entriesEnd = snapshotHeaderBytes + count * snapshotEntryBytes;
    if (count < 0 || content.length < entriesEnd) return failure(`${count} entries in ${content.length} bytes`);
    this.producers.clear();
    for (let at = snapshotHeaderBytes; at < entriesEnd; at += snapshotEntryBytes) {
      const lastSequence = content.readInt32BE(at + 10);
      const lastOffset = readInt64(content, at + 14);
      const offsetDelta = content.readInt32BE(at + 22);
      const timestamp = readInt64(content, at + 26);
      const firstSequence =
        lastSequence >= offsetDelta ? lastSequence - offsetDelta : lastSequence - offsetDelta + maxSequence + 1;
      const last = { firstSequence, lastSequence, baseOffset: lastOffset - offsetDelta, lastOffset, timestamp };
      this.producers.set(readInt64(content, at), {
        epoch: content.readInt16BE(at + 8),
        batches: lastSequence < 0 ? [] : [last],
        lastTimestamp: timestamp,
        coordinatorEpoch: content.readInt32BE(at + 34),
        currentTransactionFirstOffset: readInt64(content, at + 38),
      });
    }
    this.restoreEarlier(content.subarray(entriesEnd));
    return success(undefined);
  }

  /** The batches before the last, if a broker of ours wrote the snapshot. */
  private restoreEarlier(section: Buffer): void {
    if (section.length < earlierHeaderBytes || section.readUInt32BE(0) !== earlierMagic) return;
    const count = section.readInt32BE(4);
    if (count < 0 || section.length !== earlierHeaderBytes + count * earlierEntryBytes) return;
    const earlier = new Map<number, SeenBatch[]>();
    for (let at = earlierHeaderBytes; at < section.length; at += earlierEntryBytes) {
      const producerId = readInt64(section, at);
      const batches = earlier.get(producerId) ?? [];
      earlier.set(producerId, batches);
      batches.push({
        firstSequence: section.readInt32BE(at + 8),
        lastSequence: section.readInt32BE(at + 12),
        baseOffset: readInt64(section, at + 16),
        lastOffset: readInt64(section, at + 24),
        timestamp: readInt64(section, at + 32),
      });
    }
    for (const [producerId, batches] of earlier) {
      const producer = this.producers.get(producerId);
      if (producer !== undefined) producer.batches = [...batches, ...producer.batches].slice(-rememberedBatches);
    }
  }
}
