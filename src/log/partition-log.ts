import { dirname } from 'node:path';
import { type Clock, type Disk, failure, type Logger, type Result, success } from '../base/index.ts';
import { errorCode, validateProduced } from '../protocol/kafka/index.ts';
import { type BatchHeader, batchHeaderAt, checkBatch, lastOffsetAt, placeBatch, stampLogAppendTime } from './batch.ts';
import type { LogConfig } from './config.ts';
import { decompress } from './decompress.ts';
import { epochAt, formatLeaderEpochs, type LeaderEpochs, truncatedFromStart, withEpoch } from './leader-epoch-cache.ts';
import { type LoadHints, loadLog } from './log-loading.ts';
import { type ReadBatches, readAsync, readSync, type Wanted } from './log-reading.ts';
import { OffsetWaiters, type Reached } from './offset-waiters.ts';
import { type AppendProblem, type StorageProblem, storageProblem } from './problems.ts';
import type { ProducerState } from './producer-state.ts';
import { deletableSegments } from './retention.ts';
import { Segment, segmentName } from './segment.ts';
import type { SyncQueue } from './sync-queue.ts';
import { type OffsetAtTime, offsetOfGreatestTime, offsetOfTime } from './time-lookup.ts';
import type { TurnEnd } from './turn.ts';

/** What all logs of a broker share. */
export type LogDeps = {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly turnEnd: TurnEnd;
  readonly syncQueue: SyncQueue;
};

/** Who hands in a batch: a client's is held to the rules for producers, our own coordinators' need only be whole. */
export type BatchWriter =
  | { readonly origin: 'client' /** Produce 7 and later. */; readonly isZstdAllowed: boolean }
  | { readonly origin: 'coordinator' };

export type Appended = {
  readonly baseOffset: number;
  /** Exclusive: wait for this end with `whenWritten` or `whenSynced`. */
  readonly endOffset: number;
  /** The broker's time if the topic uses LogAppendTime, else -1. */
  readonly logAppendTimeMs: number;
  /** The batch was there already: nothing was written, the offsets are the first copy's. */
  readonly isDuplicate: boolean;
};

/** A turn's bytes up to this are written on the loop: cheaper than a hop to the thread pool. */
const inlineWriteBytes = 64 * 1024;

/** The end of the active segment that is read on the loop. */
const warmBytes = 32 * 1024 * 1024;
/** Readers of one log whose places are remembered. */
const marksMax = 16;

type ReadMark = { readonly segment: Segment; readonly position: number };
type Pending = {
  readonly segment: Segment;
  readonly position: number;
  readonly batch: Buffer;
  readonly endOffset: number;
};

/**
 * One partition's log.
 *
 * ```
 * append ─(offset given, in memory)─▶ end of turn: one write ─▶ writtenEndOffset ─▶ fdatasync ─▶ syncedEndOffset
 * ```
 * `append` is synchronous and in order; the three ends only grow. Readers may see up to `writtenEndOffset`. A failed
 * write or sync takes the log offline: waiters get the problem, `append` refuses, what was written stays readable,
 * and `reload` brings it back as after a crash.
 *
 * Mutable on purpose: it lies on the produce and fetch paths and one event loop owns it.
 */
export class PartitionLog {
  readonly folder: string;
  readonly topic: string;
  readonly partition: number;
  /** Told when `writtenEndOffset` has grown. */
  onWritten: () => void = () => undefined;
  /** Told when the log went offline. */
  onStorageProblem: (problem: StorageProblem) => void = () => undefined;

  private readonly deps: LogDeps;
  private logConfig: LogConfig;
  private segments: Segment[] = [];
  private producers!: ProducerState;
  private epochs: LeaderEpochs = [];
  private startOffset = 0;
  private endOffset = 0;
  private written = 0;
  private synced = 0;
  private pending: Pending[] = [];
  private askedForTurnEnd = false;
  private isWriting = false;
  private unsyncedSinceMs = 0;
  private isSyncQueued = false;
  private isClosed = false;
  private folderIsDirty = true;
  private problem: StorageProblem | undefined;
  /** Where the next batch of each of the last readers begins, by its offset. */
  private readonly marks = new Map<number, ReadMark>();
  private readonly writeWaiters = new OffsetWaiters();
  private readonly syncWaiters = new OffsetWaiters();
  private coldSegment: Segment | undefined;

  private constructor(folder: string, topic: string, partition: number, config: LogConfig, deps: LogDeps) {
    this.folder = folder;
    this.topic = topic;
    this.partition = partition;
    this.logConfig = config;
    this.deps = { ...deps, logger: deps.logger.child({ topic, partition }) };
  }

  /** @throws LogDamage or the disk's error; nothing was destroyed then */
  static load(
    place: { readonly folder: string; readonly topic: string; readonly partition: number },
    config: LogConfig,
    hints: LoadHints,
    deps: LogDeps,
  ): PartitionLog {
    const log = new PartitionLog(place.folder, place.topic, place.partition, config, deps);
    log.take(hints);
    return log;
  }

  private take(hints: LoadHints): void {
    const loaded = loadLog(this.folder, this.logConfig, hints, this.deps);
    this.segments = loaded.segments;
    this.producers = loaded.producers;
    this.epochs = loaded.leaderEpochs;
    this.startOffset = loaded.logStartOffset;
    this.endOffset = loaded.logEndOffset;
    this.written = loaded.logEndOffset;
    this.synced = hints.wasClean ? loaded.logEndOffset : Math.min(hints.recoveryPoint, loaded.logEndOffset);
    this.problem = undefined;
    if (loaded.truncatedBytes > 0) {
      this.deps.logger.warn(
        { truncatedBytes: loaded.truncatedBytes, logEndOffset: this.endOffset },
        'cut off what a crash had left unfinished at the end of the log',
      );
    }
  }

  get config(): LogConfig {
    return this.logConfig;
  }

  configure(config: LogConfig): void {
    this.logConfig = config;
  }

  /** First offset that may be read. */
  get logStartOffset(): number {
    return this.startOffset;
  }

  /** The next offset to be given out. */
  get logEndOffset(): number {
    return this.endOffset;
  }

  get writtenEndOffset(): number {
    return this.written;
  }

  get syncedEndOffset(): number {
    return this.synced;
  }

  /** How long the oldest bytes that were never synced have been waiting; 0: everything is synced. */
  get unsyncedForMs(): number {
    return this.synced >= this.written ? 0 : this.deps.clock.monotonicMs() - this.unsyncedSinceMs;
  }

  get leaderEpochs(): LeaderEpochs {
    return this.epochs;
  }

  get storageProblem(): StorageProblem | undefined {
    return this.problem;
  }

  /** Bytes of all segments, written or about to be. */
  get sizeBytes(): number {
    return this.segments.reduce((sum, each) => sum + each.sizeBytes, 0);
  }

  get segmentCount(): number {
    return this.segments.length;
  }

  get producerState(): ProducerState {
    return this.producers;
  }

  leaderEpochAt(offset: number): number | undefined {
    return epochAt(this.epochs, offset);
  }

  /** A leadership begins here; the next batches carry its epoch. */
  beginEpoch(epoch: number): void {
    const epochs = withEpoch(this.epochs, { epoch, startOffset: this.endOffset });
    if (epochs === this.epochs) return;
    this.epochs = epochs;
    this.saveEpochs();
  }

  private saveEpochs(): void {
    this.deps.disk.replace(`${this.folder}/leader-epoch-checkpoint`, formatLeaderEpochs(this.epochs));
  }

  // ── appending ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes one batch: checks it, gives it its offsets and hands it to this turn's write. The log keeps the buffer.
   *
   * @param batch  exactly one batch, and nobody else's bytes any more: it is patched in place
   */
  append(batch: Buffer, leaderEpoch: number, writer: BatchWriter): Result<Appended, AppendProblem> {
    if (this.problem !== undefined) return failure(this.problem);
    if (this.isClosed) return failure({ kind: 'storage', code: 'ECLOSED', detail: 'the log is closed' });
    const config = this.logConfig;
    const nowMs = this.deps.clock.nowMs();
    const checked = checkForAppend(batch, config, writer, nowMs);
    if (!checked.ok) return checked;
    let header = checked.value;
    if (header.producerId >= 0 && writer.origin === 'client') {
      const verdict = this.producers.check(header);
      if (!verdict.ok) return verdict;
      if (verdict.value.kind === 'duplicate') {
        const { baseOffset, lastOffset, timestamp } = verdict.value;
        const logAppendTimeMs = config.timestampType === 'LogAppendTime' ? timestamp : -1;
        return success({ baseOffset, endOffset: lastOffset + 1, logAppendTimeMs, isDuplicate: true });
      }
    }
    const baseOffset = this.endOffset;
    const lastOffset = baseOffset + (header.lastOffset - header.baseOffset);
    let active = this.segments.at(-1) as Segment;
    if (active.shouldRoll(header, lastOffset, config, nowMs)) {
      try {
        active = this.roll(nowMs);
      } catch (error) {
        this.goOffline(storageProblem(error, `starting a new segment in ${this.folder}`));
        return failure(this.problem as unknown as StorageProblem);
      }
    }
    placeBatch(batch, baseOffset, leaderEpoch);
    const logAppendTimeMs = config.timestampType === 'LogAppendTime' ? nowMs : -1;
    if (logAppendTimeMs >= 0) stampLogAppendTime(batch, nowMs);
    header = {
      ...header,
      baseOffset,
      lastOffset,
      leaderEpoch,
      maxTimestamp: logAppendTimeMs >= 0 ? nowMs : header.maxTimestamp,
    };
    if (leaderEpoch > (this.epochs.at(-1)?.epoch ?? -1)) this.beginEpoch(leaderEpoch);
    const position = active.append(header, config);
    this.producers.update(header);
    this.endOffset = lastOffset + 1;
    this.pending.push({ segment: active, position, batch, endOffset: this.endOffset });
    this.askForTurnEnd();
    return success({ baseOffset, endOffset: this.endOffset, logAppendTimeMs, isDuplicate: false });
  }

  /** Calls back once everything below `endOffset` is in the file (and would survive the end of this process). */
  whenWritten(endOffset: number, call: Reached): void {
    if (this.problem !== undefined && endOffset > this.written) call(this.problem);
    else if (endOffset <= this.written) call();
    else this.writeWaiters.add(endOffset, call);
  }

  /** Calls back once everything below `endOffset` is on the device. All that wait together share one sync. */
  whenSynced(endOffset: number, call: Reached): void {
    if (this.problem !== undefined && endOffset > this.synced) call(this.problem);
    else if (endOffset <= this.synced) call();
    else {
      this.syncWaiters.add(endOffset, call);
      if (!this.isWriting && this.pending.length === 0) this.requestSync();
    }
  }

  private askForTurnEnd(): void {
    if (this.askedForTurnEnd || this.isWriting) return;
    this.askedForTurnEnd = true;
    this.deps.turnEnd.add(this);
  }

  /** @internal for `TurnEnd` */
  runAtTurnEnd(): void {
    this.askedForTurnEnd = false;
    if (!this.isWriting) this.writePending();
  }

  private writePending(): void {
    while (this.pending.length > 0 && this.problem === undefined) {
      const { segment, position } = this.pending[0] as Pending;
      const buffers: Buffer[] = [];
      let bytes = 0;
      let end = this.written;
      for (const each of this.pending) {
        if (each.segment !== segment) break;
        buffers.push(each.batch);
        bytes += each.batch.length;
        end = each.endOffset;
      }
      this.pending = buffers.length === this.pending.length ? [] : this.pending.slice(buffers.length);
      if (bytes > inlineWriteBytes) {
        this.isWriting = true;
        segment
          .open()
          .write(buffers, position)
          .then(
            () => {
              this.isWriting = false;
              this.wrote(segment, position + bytes, end);
              this.writePending();
            },
            (error: unknown) => {
              this.isWriting = false;
              this.goOffline(storageProblem(error, `writing to ${segment.pathOf('.log')}`));
            },
          );
        return;
      }
      try {
        segment.open().writeSync(buffers, position);
      } catch (error) {
        this.goOffline(storageProblem(error, `writing to ${segment.pathOf('.log')}`));
        return;
      }
      this.wrote(segment, position + bytes, end);
    }
  }

  private wrote(segment: Segment, positionEnd: number, endOffset: number): void {
    if (this.problem !== undefined) return;
    segment.writtenBytes = positionEnd;
    if (this.synced >= this.written) this.unsyncedSinceMs = this.deps.clock.monotonicMs();
    this.written = endOffset;
    this.writeWaiters.release(endOffset);
    if (this.syncWaiters.count > 0 || this.written - this.synced >= this.logConfig.flushMessages) this.requestSync();
    this.onWritten();
  }

  /**
   * Begins a new segment at the end, so that all before it can be deleted.
   *
   * @returns whether the log could
   */
  startSegment(): boolean {
    if (this.problem !== undefined || this.isClosed) return false;
    if ((this.segments.at(-1) as Segment).sizeBytes === 0) return true;
    try {
      this.roll(this.deps.clock.nowMs());
      return true;
    } catch (error) {
      this.goOffline(storageProblem(error, `starting a new segment in ${this.folder}`));
      return false;
    }
  }

  private roll(nowMs: number): Segment {
    const { disk, logger } = this.deps;
    (this.segments.at(-1) as Segment).seal();
    this.saveProducers(this.endOffset);
    const segment = Segment.create(disk, this.folder, this.endOffset, nowMs);
    const sealed = this.segments.at(-1) as Segment;
    this.segments.push(segment);
    this.folderIsDirty = true;
    // Its indexes are read again when somebody reads there; the sync in the background moves the recovery point on.
    sealed.forgetIndexes();
    this.whenSynced(this.endOffset, () => undefined);
    logger.debug({ baseOffset: this.endOffset }, 'rolled a new segment');
    return segment;
  }

  private saveProducers(at: number): void {
    this.deps.disk.replace(`${this.folder}/${segmentName(at)}.snapshot`, this.producers.snapshot());
  }

  // ── durability ─────────────────────────────────────────────────────────────────────────────────────────────────

  private requestSync(): void {
    if (this.isSyncQueued || this.problem !== undefined || this.isClosed) return;
    this.isSyncQueued = true;
    this.deps.syncQueue.add(this);
  }

  /** @internal for `SyncQueue` */
  async syncNow(): Promise<void> {
    const target = this.written;
    const active = this.segments.at(-1);
    const dirty = this.segments.filter((each) => each.isDirty);
    // A segment with bytes that are on their way to the file needs another sync after this one.
    for (const segment of dirty) segment.isDirty = segment.writtenBytes < segment.sizeBytes;
    try {
      if (this.folderIsDirty) {
        this.folderIsDirty = false;
        this.deps.disk.syncFolder(this.folder);
        this.deps.disk.syncFolder(dirname(this.folder));
      }
      if (dirty.length === 1) await (dirty[0] as Segment).sync(dirty[0] !== active);
      else await Promise.all(dirty.map((segment) => segment.sync(segment !== active)));
    } catch (error) {
      this.isSyncQueued = false;
      // The pages may be lost and marked clean: nothing that was not synced before can be called durable by trying again.
      if (!this.isClosed) this.goOffline(storageProblem(error, `syncing ${this.folder}`));
      return;
    }
    this.isSyncQueued = false;
    if (this.isClosed || this.problem !== undefined) return;
    if (target > this.synced) this.synced = target;
    this.syncWaiters.release(this.synced);
    // Whoever came while this sync ran shares the next one, unless its bytes are not even written yet.
    if (this.syncWaiters.count > 0 && this.written > this.synced) this.requestSync();
  }

  /** Everything that was appended is on the device when this resolves. */
  flush(): Promise<Result<undefined, StorageProblem>> {
    return new Promise((resolve) => {
      this.whenSynced(this.endOffset, (problem) =>
        resolve(problem === undefined ? success(undefined) : failure(problem)),
      );
    });
  }

  private goOffline(problem: StorageProblem): void {
    if (this.problem !== undefined) return;
    this.problem = problem;
    this.pending = [];
    this.deps.logger.error(
      { problem: problem.detail, code: problem.code },
      'the log is offline: nothing is appended until it was loaded again',
    );
    this.writeWaiters.failAll(problem);
    this.syncWaiters.failAll(problem);
    this.onStorageProblem(problem);
  }

  /**
   * Tries to come back after a storage problem, as after a crash: what was not acknowledged may be cut off.
   *
   * @returns the problem that is still there
   */
  reload(): StorageProblem | undefined {
    if (this.problem === undefined || this.isWriting || this.isSyncQueued) return this.problem;
    const before = this.problem;
    const startOffset = this.startOffset;
    const recoveryPoint = this.synced;
    try {
      for (const segment of this.segments) segment.close();
      this.marks.clear();
      this.coldSegment = undefined;
      this.take({ wasClean: false, recoveryPoint, logStartOffset: startOffset });
      this.deps.logger.info({ logEndOffset: this.endOffset }, 'the log is back online');
    } catch (error) {
      this.problem = storageProblem(error, `loading ${this.folder} again`);
      this.deps.logger.error({ before: before.detail, problem: this.problem.detail }, 'the log is still offline');
    }
    return this.problem;
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Whole batches from the one that contains `offset`, below `endOffset`, at most `maxBytes` in all but at least one
   * batch, with their checksums verified. What was written a moment ago is in the page cache: it is read at once, on the
   * loop, which costs less than keeping it in memory twice. The rest is read off the loop.
   *
   * @param offset     from `logStartOffset` to `writtenEndOffset`
   * @param endOffset  exclusive, at most `writtenEndOffset`; batches that begin at or beyond it are left out
   * @throws (or the promise) LogDamage, or the disk's error
   */
  read(offset: number, endOffset: number, maxBytes: number): readonly Buffer[] | Promise<readonly Buffer[]> {
    if (offset >= endOffset) return [];
    const wanted = { offset, endOffset, maxBytes };
    const mark = this.marks.get(offset);
    if (mark === undefined || !this.isWarm(mark)) return this.readCold(wanted, mark);
    const found = readSync(mark.segment, wanted, mark.position, true);
    if (found.buffers.length === 0) return this.readCold(wanted, undefined);
    this.remark(offset, mark.segment, found);
    return found.buffers;
  }

  private isWarm({ segment, position }: ReadMark): boolean {
    return segment === this.segments.at(-1) && segment.writtenBytes - position <= warmBytes;
  }

  private async readCold(wanted: Wanted, mark: ReadMark | undefined): Promise<readonly Buffer[]> {
    const { offset } = wanted;
    for (let index = this.segmentIndexOf(offset); index < this.segments.length; index++) {
      const segment = this.segments[index] as Segment;
      if (segment.baseOffset >= wanted.endOffset) break;
      this.remember(segment);
      const isMarked = mark?.segment === segment;
      const position = isMarked ? mark.position : segment.indexes().offsets.positionFor(offset);
      const found = this.isWarm({ segment, position })
        ? readSync(segment, wanted, position, isMarked)
        : await readAsync(segment, wanted, position, isMarked);
      if (found.buffers.length === 0) continue;
      this.remark(offset, segment, found);
      return found.buffers;
    }
    return [];
  }

  /** Remembers where a reader's next batch lies, so that it needs no index. */
  private remark(before: number, segment: Segment, { buffers, nextPosition }: ReadBatches): void {
    const next = lastOffsetAt(buffers.at(-1) as Buffer, 0) + 1;
    this.marks.delete(before);
    this.marks.set(next, { segment, position: nextPosition });
    if (this.marks.size > marksMax) for (const oldest of this.marks.keys()) return void this.marks.delete(oldest);
  }

  /** At most one sealed segment's indexes stay in memory. */
  private remember(segment: Segment): void {
    if (segment === this.segments.at(-1) || segment === this.coldSegment) return;
    if (this.coldSegment !== undefined && this.segments.includes(this.coldSegment)) this.coldSegment.forgetIndexes();
    this.coldSegment = segment;
  }

  private segmentIndexOf(offset: number): number {
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.segments[middle] as Segment).baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * The first record at or after a time (ListOffsets), down to the record inside its batch.
   *
   * @param endOffset  exclusive: records from here on do not count
   */
  offsetOfTime(timestamp: number, endOffset: number): Promise<OffsetAtTime | undefined> {
    return offsetOfTime(this.segments, timestamp, this.startOffset, endOffset);
  }

  /** The record with the greatest timestamp, the first of them if there are several (KIP-734). */
  offsetOfGreatestTime(endOffset: number): Promise<OffsetAtTime | undefined> {
    return offsetOfGreatestTime(this.segments, this.startOffset, endOffset);
  }

  // ── deleting ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Moves the start of the log (DeleteRecords); segments that lie wholly before it go with the next retention run.
   *
   * @param offset  at most the high watermark
   */
  advanceLogStart(offset: number): void {
    if (offset <= this.startOffset) return;
    this.startOffset = offset;
    const epochs = truncatedFromStart(this.epochs, offset);
    if (epochs === this.epochs) return;
    this.epochs = epochs;
    this.saveEpochs();
  }

  /** Whether `log-start-offset-checkpoint` must name this log: its start is not where its first segment begins. */
  get needsStartCheckpoint(): boolean {
    return this.startOffset > (this.segments[0] as Segment).baseOffset;
  }

  /**
   * Removes the oldest segments that retention allows; the files are renamed now and unlinked by the caller's clock.
   *
   * @param limitOffset  only segments that end at or before it: the high watermark
   * @returns what unlinks the files; call it after `file.delete.delay.ms`
   */
  deleteOld(limitOffset: number): (() => void)[] {
    if (this.problem !== undefined || this.isClosed) return [];
    const nowMs = this.deps.clock.nowMs();
    const count = deletableSegments(this.segments, this.logConfig, {
      nowMs,
      limitOffset,
      logStartOffset: this.startOffset,
      logEndOffset: this.endOffset,
    });
    if (count === 0) return [];
    try {
      if (count === this.segments.length) {
        if (this.pending.length > 0 || this.isWriting) return [];
        this.roll(nowMs);
      }
      const deleted = this.segments.slice(0, count);
      for (const segment of deleted) segment.markDeleted();
      this.segments = this.segments.slice(count);
      this.marks.clear();
      const first = this.segments[0] as Segment;
      for (const segment of deleted) {
        if (segment === this.coldSegment) this.coldSegment = undefined;
        if (segment.baseOffset > 0) this.deps.disk.remove(`${this.folder}/${segmentName(segment.baseOffset)}.snapshot`);
      }
      this.advanceLogStart(first.baseOffset);
      this.deps.logger.info({ segments: count, logStartOffset: this.startOffset }, 'deleted old segments');
      return deleted.map((segment) => () => segment.erase());
    } catch (error) {
      this.goOffline(storageProblem(error, `deleting old segments of ${this.folder}`));
      return [];
    }
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes what the indexes know, so that a start after an orderly stop need not rebuild them. */
  saveIndexes(): void {
    for (const segment of this.segments) segment.saveIndexes();
  }

  /** After `flush`: leaves files that the next start trusts. */
  closeCleanly(): void {
    if (this.isClosed) return;
    if (this.problem === undefined) {
      (this.segments.at(-1) as Segment).seal();
      this.saveProducers(this.endOffset);
    }
    this.close();
  }

  /** Lets go of files and memory; nothing is written. Waiters are told that the log is gone. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.pending = [];
    const gone: StorageProblem = { kind: 'storage', code: 'ECLOSED', detail: 'the log is closed' };
    this.writeWaiters.failAll(gone);
    this.syncWaiters.failAll(gone);
    this.marks.clear();
    for (const segment of this.segments) segment.close();
  }
}

/** The rules for what producers may send; our own coordinators' batches are only looked at for being whole. */
function checkForAppend(
  batch: Buffer,
  config: LogConfig,
  writer: BatchWriter,
  nowMs: number,
): Result<BatchHeader, AppendProblem> {
  if (writer.origin === 'coordinator') {
    const checked = checkBatch(batch, 0, batch.length);
    if (checked.ok) return checked;
    return failure({ kind: 'invalidBatch', code: errorCode.CORRUPT_MESSAGE, detail: checked.problem });
  }
  const { timestampBeforeMaxMs: beforeMaxMs, timestampAfterMaxMs: afterMaxMs } = config;
  const anyTime =
    config.timestampType === 'LogAppendTime' ||
    (beforeMaxMs >= Number.MAX_SAFE_INTEGER && afterMaxMs >= Number.MAX_SAFE_INTEGER);
  const rules = {
    maxBatchBytes: config.maxMessageBytes,
    isZstdAllowed: writer.isZstdAllowed,
    areKeysRequired: config.compacts,
  };
  const validated = validateProduced(
    batch,
    anyTime ? rules : { ...rules, timestamps: { nowMs, beforeMaxMs, afterMaxMs } },
    decompress,
  );
  if (validated.ok) return success(batchHeaderAt(batch, 0));
  const { code, sentence, recordIndexes } = validated.problem;
  return failure({
    kind: 'invalidBatch',
    code,
    detail: sentence,
    ...(recordIndexes === undefined ? {} : { recordIndexes }),
  });
}
