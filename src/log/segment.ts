import type { Disk, DiskFile } from '../base/index.ts';
import type { BatchHeader } from './batch.ts';
import { type WalkEnd, walkBatches } from './batch-walk.ts';
import type { LogConfig } from './config.ts';
import { OffsetIndex, offsetIndexEntryBytes } from './offset-index.ts';
import { TimeIndex, timeIndexEntryBytes } from './time-index.ts';

const nameDigits = 20;
export const segmentName = (baseOffset: number): string => String(baseOffset).padStart(nameDigits, '0');

/** The base offset in `00000000000000000042.log`, or undefined for other names. */
export function baseOffsetOfName(name: string, suffix: string): number | undefined {
  if (name.length !== nameDigits + suffix.length || !name.endsWith(suffix)) return undefined;
  const digits = name.slice(0, nameDigits);
  return /^\d+$/.test(digits) ? Number(digits) : undefined;
}

/**
 * A stretch of a log in one file, with its two indexes. Only the last segment of a log is written to; the indexes of
 * the others are in memory only while somebody reads there.
 *
 * Positions are given out when a batch is appended (`sizeBytes`), bytes are in the file later (`writtenBytes`), the
 * indexes are saved when the segment is sealed or at a checkpoint: after a crash both are rebuilt from the batches.
 */
export class Segment {
  readonly baseOffset: number;
  readonly createdMs: number;
  /** With everything appended, written or not. */
  sizeBytes = 0;
  writtenBytes = 0;
  /** Greatest timestamp of its batches; -1: none. */
  maxTimestamp = -1;
  /** Last offset of the batch that has the greatest timestamp. */
  maxTimestampOffset: number;
  /** Of the first batch: time-based rolling counts from here. */
  firstTimestamp: number | undefined;
  /** Has bytes or index entries that were never synced. */
  isDirty = false;

  private readonly disk: Disk;
  private readonly folder: string;
  private file: DiskFile | undefined;
  private offsetIndex: OffsetIndex | undefined;
  private timeIndex: TimeIndex | undefined;
  private savedOffsetEntries = 0;
  private savedTimeEntries = 0;
  private bytesSinceIndexEntry = 0;
  private readers = 0;
  private closeWhenRead = false;

  private constructor(disk: Disk, folder: string, baseOffset: number, createdMs: number) {
    this.disk = disk;
    this.folder = folder;
    this.baseOffset = baseOffset;
    this.createdMs = createdMs;
    this.maxTimestampOffset = baseOffset;
  }

  static create(disk: Disk, folder: string, baseOffset: number, nowMs: number): Segment {
    const segment = new Segment(disk, folder, baseOffset, nowMs);
    // A crash between the three may have left the log's file, empty.
    for (const suffix of ['.log', '.index', '.timeindex']) disk.remove(segment.pathOf(suffix));
    segment.file = disk.open(segment.pathOf('.log'), 'create');
    disk.open(segment.pathOf('.index'), 'create').close();
    disk.open(segment.pathOf('.timeindex'), 'create').close();
    segment.offsetIndex = new OffsetIndex(baseOffset);
    segment.timeIndex = new TimeIndex(baseOffset);
    segment.isDirty = true;
    return segment;
  }

  /** A segment that is there; call `trust` or `recover` next. */
  static existing(disk: Disk, folder: string, baseOffset: number, nowMs: number): Segment {
    const segment = new Segment(disk, folder, baseOffset, nowMs);
    segment.sizeBytes = disk.sizeBytes(segment.pathOf('.log')) ?? 0;
    segment.writtenBytes = segment.sizeBytes;
    return segment;
  }

  pathOf(suffix: string): string {
    return `${this.folder}/${segmentName(this.baseOffset)}${suffix}`;
  }

  /** The log's file, opened when it is first needed. */
  open(): DiskFile {
    this.file ??= this.disk.open(this.pathOf('.log'), 'update');
    return this.file;
  }

  // ── loading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes the indexes from disk as they are; a missing or damaged one is rebuilt from the batches' headers.
   *
   * @returns how the rebuilding ended, or undefined if there was nothing to rebuild
   */
  trust(config: LogConfig): WalkEnd | undefined {
    const offsets = this.disk.read(this.pathOf('.index'));
    const times = this.disk.read(this.pathOf('.timeindex'));
    const offsetIndex = offsets === undefined ? undefined : OffsetIndex.parse(this.baseOffset, offsets, this.sizeBytes);
    const timeIndex = times === undefined ? undefined : TimeIndex.parse(this.baseOffset, times);
    if (offsetIndex === undefined || timeIndex === undefined) return this.recover(config, 'headers', () => undefined);
    this.offsetIndex = offsetIndex;
    this.timeIndex = timeIndex;
    this.savedOffsetEntries = offsetIndex.entries;
    this.savedTimeEntries = timeIndex.entries;
    const last = timeIndex.last();
    if (last !== undefined) {
      this.maxTimestamp = last.timestamp;
      this.maxTimestampOffset = last.offset;
    }
    return undefined;
  }

  /** Rebuilds the indexes from the batches. The caller truncates where the walk ended. */
  recover(
    config: LogConfig,
    checks: 'whole' | 'headers',
    visit: (header: BatchHeader) => boolean | undefined,
    forgive?: (header: BatchHeader) => boolean,
  ): WalkEnd {
    this.offsetIndex = new OffsetIndex(this.baseOffset);
    this.timeIndex = new TimeIndex(this.baseOffset);
    this.savedOffsetEntries = -1;
    this.savedTimeEntries = -1;
    this.bytesSinceIndexEntry = 0;
    this.maxTimestamp = -1;
    this.isDirty = true;
    const end = walkBatches(
      this.open(),
      { from: 0, end: this.sizeBytes },
      checks,
      (header, position) => {
        if (visit(header) === false) return false;
        this.note(header, position, config);
        return undefined;
      },
      forgive,
    );
    return end;
  }

  /** Visits headers from near the offset to the end; for what the indexes do not say. */
  walkFrom(
    offset: number,
    visit: (header: BatchHeader, position: number, slab: Buffer, at: number) => boolean | undefined,
  ): WalkEnd {
    const from = this.indexes().offsets.positionFor(offset);
    return walkBatches(this.open(), { from, end: this.writtenBytes }, 'headers', visit);
  }

  /** After `trust`: the last batch that the indexes may not know. */
  noteTail(header: BatchHeader, position: number): void {
    if (position === 0) this.firstTimestamp = header.maxTimestamp;
    if (header.maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = header.maxTimestamp;
      this.maxTimestampOffset = header.lastOffset;
    }
    this.bytesSinceIndexEntry += header.sizeBytes;
  }

  readFirstTimestamp(): void {
    if (this.firstTimestamp !== undefined || this.writtenBytes === 0) return;
    walkBatches(this.open(), { from: 0, end: this.writtenBytes }, 'headers', (header) => {
      this.firstTimestamp = header.maxTimestamp;
      return false;
    });
  }

  /** Cuts the file; the indexes were built only up to there. */
  truncate(position: number): void {
    this.open().truncate(position);
    this.sizeBytes = position;
    this.writtenBytes = position;
    this.indexes().offsets.truncateToPosition(position);
    this.isDirty = true;
  }

  // ── appending ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Accounts for a batch at the end. @returns the batch's position in the file */
  append(header: BatchHeader, config: LogConfig): number {
    const position = this.sizeBytes;
    this.sizeBytes += header.sizeBytes;
    this.isDirty = true;
    this.note(header, position, config);
    return position;
  }

  private note(header: BatchHeader, position: number, config: LogConfig): void {
    this.firstTimestamp ??= header.maxTimestamp;
    if (header.maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = header.maxTimestamp;
      this.maxTimestampOffset = header.lastOffset;
    }
    if (this.bytesSinceIndexEntry > config.indexIntervalBytes) {
      const { offsets, times } = this.indexes();
      offsets.append(header.lastOffset, position);
      times.append(this.maxTimestamp, this.maxTimestampOffset);
      this.bytesSinceIndexEntry = 0;
    }
    this.bytesSinceIndexEntry += header.sizeBytes;
  }

  /** Whether the next batch must go to a new segment. Source: LogSegment.shouldRoll. */
  shouldRoll(header: BatchHeader, lastOffset: number, config: LogConfig, nowMs: number): boolean {
    if (this.sizeBytes > config.segmentBytes - header.sizeBytes && this.sizeBytes > 0) return true;
    if (this.sizeBytes > 0 && this.ageMs(header.maxTimestamp, nowMs) > config.segmentMs) return true;
    if (lastOffset - this.baseOffset > 0x7fffffff) return true;
    if (this.sizeBytes > 0x7fffffff - header.sizeBytes) return true;
    const { offsets, times } = this.indexes();
    return (
      (offsets.entries + 1) * offsetIndexEntryBytes > config.segmentIndexBytes ||
      // The last place of a time index is kept for the entry that sealing writes.
      (times.entries + 2) * timeIndexEntryBytes > config.segmentIndexBytes
    );
  }

  private ageMs(timestamp: number, nowMs: number): number {
    if (this.firstTimestamp !== undefined && this.firstTimestamp >= 0 && timestamp >= 0)
      return timestamp - this.firstTimestamp;
    return nowMs - this.createdMs;
  }

  /** Nothing more is appended: the time index gets its last entry, both are saved. */
  seal(): void {
    this.indexes().times.append(this.maxTimestamp, this.maxTimestampOffset);
    this.saveIndexes();
  }

  /** Writes the index entries that are not in the files yet. */
  saveIndexes(): void {
    if (this.offsetIndex !== undefined && this.savedOffsetEntries !== this.offsetIndex.entries) {
      this.saveIndex('.index', offsetIndexEntryBytes, this.savedOffsetEntries, (from) =>
        (this.offsetIndex as OffsetIndex).contentFrom(from),
      );
      this.savedOffsetEntries = this.offsetIndex.entries;
    }
    if (this.timeIndex !== undefined && this.savedTimeEntries !== this.timeIndex.entries) {
      this.saveIndex('.timeindex', timeIndexEntryBytes, this.savedTimeEntries, (from) =>
        (this.timeIndex as TimeIndex).contentFrom(from),
      );
      this.savedTimeEntries = this.timeIndex.entries;
    }
  }

  private saveIndex(suffix: string, entryBytes: number, saved: number, contentFrom: (from: number) => Buffer): void {
    const path = this.pathOf(suffix);
    const file = this.disk.open(path, this.disk.sizeBytes(path) === undefined ? 'create' : 'update');
    try {
      // -1: the index was rebuilt, so what the file holds is worth nothing.
      const from = Math.max(saved, 0);
      if (file.sizeBytes !== from * entryBytes) file.truncate(from * entryBytes);
      const content = contentFrom(from);
      if (content.length > 0) file.writeSync([content], from * entryBytes);
    } finally {
      file.close();
    }
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  indexes(): { readonly offsets: OffsetIndex; readonly times: TimeIndex } {
    if (this.offsetIndex === undefined || this.timeIndex === undefined) {
      const offsets = this.disk.read(this.pathOf('.index'));
      const times = this.disk.read(this.pathOf('.timeindex'));
      this.offsetIndex =
        offsets === undefined ? undefined : OffsetIndex.parse(this.baseOffset, offsets, this.sizeBytes);
      this.timeIndex = times === undefined ? undefined : TimeIndex.parse(this.baseOffset, times);
      // Without an index every search starts at the segment's beginning: slow, but right.
      this.offsetIndex ??= new OffsetIndex(this.baseOffset);
      this.timeIndex ??= new TimeIndex(this.baseOffset);
      this.savedOffsetEntries = this.offsetIndex.entries;
      this.savedTimeEntries = this.timeIndex.entries;
    }
    return { offsets: this.offsetIndex, times: this.timeIndex };
  }

  /** A sealed segment's indexes can be read again when they are needed. */
  forgetIndexes(): void {
    this.saveIndexes();
    this.offsetIndex = undefined;
    this.timeIndex = undefined;
  }

  /** Off the loop; the file stays open until the read has ended, whatever happens to the segment. */
  async read(into: Uint8Array, position: number): Promise<number> {
    const file = this.open();
    this.readers++;
    try {
      return await file.read(into, position);
    } finally {
      this.readers--;
      if (this.closeWhenRead && this.readers === 0) this.close();
    }
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Everything written before the call is on the device when this resolves; the indexes too if the segment is sealed. */
  async sync(sealed: boolean): Promise<void> {
    await this.open().sync();
    if (!sealed) return;
    for (const suffix of ['.index', '.timeindex']) {
      const file = this.disk.open(this.pathOf(suffix), 'update');
      try {
        await file.sync();
      } finally {
        file.close();
      }
    }
  }

  close(): void {
    if (this.readers > 0) {
      this.closeWhenRead = true;
      return;
    }
    this.closeWhenRead = false;
    this.file?.close();
    this.file = undefined;
  }

  /** Renames the files so that no start takes them for data; `erase` removes them later. */
  markDeleted(): void {
    for (const suffix of ['.log', '.index', '.timeindex', '.txnindex']) {
      if (this.disk.sizeBytes(this.pathOf(suffix)) !== undefined)
        this.disk.rename(this.pathOf(suffix), `${this.pathOf(suffix)}.deleted`);
    }
  }

  erase(): void {
    this.close();
    for (const suffix of ['.log', '.index', '.timeindex', '.txnindex'])
      this.disk.remove(`${this.pathOf(suffix)}.deleted`);
  }
}
