/**
 * The log on disk: segments `log-<first offset>.log`, each a header (magic, and what holds just below its first entry:
 * epoch and voters) followed by records. Only the last segment is written to, and only its tail can be torn: a segment
 * is synced before the next is begun. The last segment is longer than what it holds, by zeros: a sync of a file that
 * grows commits its length each time as well.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile, Epoch, Logger, Offset } from '../../base/index.ts';
import { assert, epoch, offset } from '../../base/index.ts';
import { type Entry, LogIndex, type SnapshotId, type Voter, type VoterSetAt } from '../../quorum/index.ts';
import { ByteReader, ByteWriter } from './byte-stream.ts';
import { decodeRecord, encodeMark, readVoters, recordHeaderBytes, type Stored, writeVoters } from './record-codec.ts';

const magic = Buffer.from('HKQLOG01');
const segmentName = /^log-(\d{20})\.log$/;
const nameOf = (first: number): string => `log-${String(first).padStart(20, '0')}.log`;
/** How far apart the places are that a segment remembers; reading scans at most so much for its first entry. */
const placeEveryBytes = 32 * 1024;
/** By how much the last segment's file is made longer when its end is reached, at most. */
const padBytesMax = 1024 * 1024;

export type LogStoreSettings = {
  readonly segmentBytes: number;
  /** Newest entries that are kept in memory for followers and for applying. */
  readonly recentBytes: number;
};

type Segment = {
  readonly file: DiskFile;
  readonly path: string;
  readonly first: number;
  sizeBytes: number;
  /** The file's length: zeros follow what it holds. */
  paddedBytes: number;
  /** Offsets of some entries, rising, and where each begins in the file. */
  readonly places: { readonly offset: number; readonly position: number }[];
};

type Below = { readonly epoch: number; readonly voters: readonly Voter[] };

function encodeHeader(first: number, below: Below): Buffer {
  const writer = new ByteWriter();
  writer.uint48(first);
  writer.uint32(below.epoch);
  writeVoters(writer, below.voters);
  const body = writer.finish();
  const sums = Buffer.alloc(8);
  sums.writeUInt32BE(body.length, 0);
  sums.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([magic, sums, body]);
}

function decodeHeader(
  bytes: Buffer,
): { readonly first: number; readonly below: Below; readonly endAt: number } | undefined {
  if (bytes.length < magic.length + 8 || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const length = bytes.readUInt32BE(magic.length);
  const endAt = magic.length + 8 + length;
  if (endAt > bytes.length) return undefined;
  const body = bytes.subarray(magic.length + 8, endAt);
  if (crc32(body) !== bytes.readUInt32BE(magic.length + 4)) return undefined;
  const reader = new ByteReader(body);
  const first = reader.uint48();
  const below = { epoch: reader.uint32(), voters: readVoters(reader) };
  return reader.failed ? undefined : { first, below, endAt };
}

/** One owner's log: calls must not overlap, but that `sync` may run while others are made. */
export class LogStore {
  readonly index: LogIndex;
  /** As stated by the log, and by what lies below it. Empty at first if nothing was ever stated. */
  voterSets: VoterSetAt[] = [];
  /** Bytes appended since the process began. */
  appendedBytes = 0;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #settings: LogStoreSettings;
  readonly #segments: Segment[] = [];
  /** The newest entries, without a gap, ending at the log's end. */
  #recent: Stored[] = [];
  #recentHead = 0;
  #recentBytes = 0;
  #markedBelow = -1;

  /**
   * Reads the log back, cuts off a torn tail, and syncs what is left.
   *
   * @param snapshot  the newest good one
   * @throws if something that had been promised is damaged or missing
   */
  constructor(
    { disk, folder, logger, settings }: { disk: Disk; folder: string; logger: Logger; settings: LogStoreSettings },
    snapshot: { readonly id: SnapshotId; readonly voters: readonly Voter[] } | undefined,
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.#settings = settings;
    const names = disk.list(folder).filter((name) => segmentName.test(name));
    const loaded: { below: Below; entries: Pick<Entry, 'offset' | 'count' | 'epoch'>[] }[] = [];
    for (const [place, name] of names.entries()) {
      const last = place === names.length - 1;
      const segment = this.#load(join(folder, name), last, logger);
      if (segment !== undefined) loaded.push(segment);
    }
    const first = this.#segments[0];
    const below = loaded[0]?.below;
    if (first !== undefined && below !== undefined) {
      this.index = new LogIndex(
        first.first === 0 ? undefined : { offset: offset(first.first), epoch: epoch(below.epoch) },
      );
      if (below.voters.length > 0) this.voterSets.unshift({ offset: first.first - 1, voters: below.voters });
      for (const { entries } of loaded) for (const entry of entries) this.index.append(entry);
      for (const segment of this.#segments) segment.file.syncNow();
      this.index.markFlushed(this.index.flushMark());
    } else {
      this.index = new LogIndex(undefined);
    }
    if (snapshot !== undefined) this.#join(snapshot);
    else if (this.index.startOffset > 0) {
      throw new Error(
        `the log in ${folder} begins at offset ${this.index.startOffset}, but no snapshot that covers what is below can be read. Restore the volume, or remove this member from the ensemble and add it again with an empty volume.`,
      );
    }
    if (this.#segments.length === 0) this.#begin();
  }

  /** Puts the snapshot and the log together. The log may be older: then the process ended while it installed the snapshot. */
  #join(snapshot: { readonly id: SnapshotId; readonly voters: readonly Voter[] }): void {
    const { index } = this;
    const { id } = snapshot;
    if (id.offset < index.startOffset) {
      throw new Error(
        `the log in ${this.#folder} begins at offset ${index.startOffset}, but the newest snapshot that can be read ends at ${id.offset}. Restore the volume, or remove this member from the ensemble and add it again with an empty volume.`,
      );
    }
    if (id.offset <= index.endOffset && index.epochBefore(id.offset) === id.epoch) index.setSnapshot(id);
    else this.replaceBy(id, snapshot.voters);
  }

  /** Undefined: the last segment was only being created when the process ended. */
  #load(
    path: string,
    last: boolean,
    logger: Logger,
  ): { below: Below; entries: Pick<Entry, 'offset' | 'count' | 'epoch'>[] } | undefined {
    const file = this.#disk.open(path, 'update');
    const bytes = Buffer.allocUnsafe(file.sizeBytes);
    const held = bytes.subarray(0, file.readSync(bytes, 0));
    const header = decodeHeader(held);
    const before = this.#segments.at(-1);
    if (header === undefined) {
      file.close();
      if (!last || syncedBelowAfter(held, 0) !== undefined) throw damaged(path, 0);
      this.#disk.remove(path);
      return undefined;
    }
    const segment: Segment = { file, path, first: header.first, sizeBytes: header.endAt, paddedBytes: 0, places: [] };
    let next = header.first;
    if (before !== undefined && this.#loadedEnd !== next) {
      throw new Error(
        `${path} begins at offset ${next}, but the segment before it ends at ${this.#loadedEnd}: a file is missing. Restore the volume.`,
      );
    }
    const entries: Pick<Entry, 'offset' | 'count' | 'epoch'>[] = [];
    let at = header.endAt;
    while (at < held.length) {
      const decoded = decodeRecord(held, at);
      const fits = decoded.kind !== 'entry' || decoded.stored.entry.offset === next;
      if (decoded.kind === 'short' || decoded.kind === 'damaged' || !fits) {
        this.#cutTail({ segment, held, at, next, last, logger });
        break;
      }
      if (decoded.kind === 'entry') {
        const { entry } = decoded.stored;
        this.#notePlace(segment, entry.offset, at);
        entries.push({ offset: entry.offset, count: 1, epoch: entry.epoch });
        if (entry.body.kind === 'voters') this.voterSets.push({ offset: entry.offset, voters: entry.body.voters });
        next = offset(next + 1);
      }
      at = decoded.endAt;
      segment.sizeBytes = at;
    }
    segment.paddedBytes = segment.sizeBytes;
    this.#loadedEnd = next;
    this.#segments.push(segment);
    return { below: header.below, entries };
  }
  #loadedEnd = 0;

  /** A write that was under way when the process ended may be torn; anything else is damage, and we do not start on it. */
  #cutTail({
    segment,
    held,
    at,
    next,
    last,
    logger,
  }: {
    segment: Segment;
    held: Buffer;
    at: number;
    next: number;
    last: boolean;
    logger: Logger;
  }): void {
    const isPadding = last && isZero(held, at);
    const promised = last ? syncedBelowAfter(held, at) : Number.POSITIVE_INFINITY;
    if (promised !== undefined && promised > next) throw damaged(segment.path, next);
    const bytes = held.length - at;
    if (!isPadding) logger.warn({ path: segment.path, offset: next, bytes }, 'cut a torn tail off the log');
    segment.file.truncate(at);
  }

  #notePlace(segment: Segment, at: number, position: number): void {
    const place = segment.places.at(-1);
    if (place === undefined || position - place.position >= placeEveryBytes)
      segment.places.push({ offset: at, position });
  }

  #votersNow(): readonly Voter[] {
    return this.voterSets.at(-1)?.voters ?? [];
  }

  /** A new last segment at the log's end. */
  #begin(): void {
    const { index } = this;
    const path = join(this.#folder, nameOf(index.endOffset));
    const file = this.#disk.open(path, 'create');
    const header = encodeHeader(index.endOffset, { epoch: index.lastEpoch, voters: this.#votersNow() });
    file.writeSync([header], 0);
    file.syncNow();
    this.#disk.syncFolder(this.#folder);
    const sizeBytes = header.length;
    this.#segments.push({ file, path, first: index.endOffset, sizeBytes, paddedBytes: sizeBytes, places: [] });
    // Each segment opens with a mark, so that damage to its header cannot be taken for a file that was being created.
    this.#markedBelow = -1;
  }

  /** Written when it returns, durable after the next `sync`. */
  append(records: readonly Stored[]): void {
    let segment = this.#segments.at(-1) as Segment;
    if (segment.sizeBytes >= this.#settings.segmentBytes) {
      segment.file.truncate(segment.sizeBytes);
      segment.file.syncNow();
      this.index.markFlushed(this.index.flushMark());
      this.#begin();
      segment = this.#segments.at(-1) as Segment;
    }
    const pieces: Buffer[] = [];
    let position = segment.sizeBytes;
    if (this.#markedBelow !== this.index.flushedOffset) {
      this.#markedBelow = this.index.flushedOffset;
      const mark = encodeMark(this.#markedBelow);
      pieces.push(mark);
      position += mark.length;
    }
    for (const record of records) {
      const { entry, bytes } = record;
      this.index.append(entry);
      this.#notePlace(segment, entry.offset, position);
      if (entry.body.kind === 'voters') this.voterSets.push({ offset: entry.offset, voters: entry.body.voters });
      pieces.push(bytes);
      position += bytes.length;
      this.#recent.push(record);
      this.#recentBytes += bytes.length;
    }
    if (position > segment.paddedBytes) {
      segment.paddedBytes = position + Math.min(padBytesMax, this.#settings.segmentBytes / 4);
      segment.file.truncate(segment.paddedBytes);
    }
    segment.file.writeSync(pieces, segment.sizeBytes);
    this.appendedBytes += position - segment.sizeBytes;
    segment.sizeBytes = position;
    this.#trimRecent();
  }

  #trimRecent(): void {
    while (this.#recentBytes > this.#settings.recentBytes && this.#recentHead < this.#recent.length - 1) {
      this.#recentBytes -= (this.#recent[this.#recentHead] as Stored).bytes.length;
      this.#recentHead++;
    }
    if (this.#recentHead > 1024 && this.#recentHead * 2 > this.#recent.length) {
      this.#recent = this.#recent.slice(this.#recentHead);
      this.#recentHead = 0;
    }
  }

  /** Resolves when all that was appended before the call is durable and `index.flushedOffset` says so. */
  async sync(): Promise<void> {
    const mark = this.index.flushMark();
    this.#syncs++;
    try {
      await (this.#segments.at(-1) as Segment).file.sync();
    } finally {
      this.#syncs--;
      if (this.#syncs === 0) for (const file of this.#leaving.splice(0)) file.close();
    }
    this.index.markFlushed(mark);
  }
  #syncs = 0;
  /** Closed when no sync runs any more: it may be one of theirs. */
  readonly #leaving: DiskFile[] = [];

  #remove(segment: Segment): void {
    if (this.#syncs > 0) this.#leaving.push(segment.file);
    else segment.file.close();
    this.#disk.remove(segment.path);
  }

  /** Durable when it returns: what was cut cannot come back. */
  truncate(to: Offset): void {
    // Found before anything goes, as a segment's end is known by the one after it.
    const kept = Math.max(
      0,
      this.#segments.findLastIndex((each) => each.first < to),
    );
    const segment = this.#segments[kept] as Segment;
    const position = this.#positionOf(segment, to);
    const leaving = this.#segments.splice(kept + 1).reverse();
    for (const each of leaving) this.#remove(each);
    if (leaving.length > 0) this.#disk.syncFolder(this.#folder);
    while ((segment.places.at(-1)?.offset ?? -1) >= to) segment.places.pop();
    segment.file.truncate(position);
    segment.file.syncNow();
    segment.sizeBytes = position;
    segment.paddedBytes = position;
    this.index.truncate(to);
    this.voterSets = this.voterSets.filter((set) => set.offset < to);
    const recent = Math.max(this.#recentHead, this.#recent.length - Math.max(0, this.#recentEnd() - to));
    for (const { bytes } of this.#recent.splice(recent)) this.#recentBytes -= bytes.length;
    this.#markedBelow = -1;
  }

  #recentEnd(): number {
    const last = this.#recent.at(-1);
    return last === undefined ? 0 : last.entry.offset + 1;
  }

  /** Where the entry at `wanted` begins, or the end of the file if it would be the next. */
  #positionOf(segment: Segment, wanted: number): number {
    if (wanted >= this.#endOf(segment)) return segment.sizeBytes;
    const place = segment.places.findLast((each) => each.offset <= wanted);
    assert(place !== undefined, 'a segment knows where its first entry begins');
    let position = place.position;
    const bytes = this.#bytesAt(segment, position, placeEveryBytes * 2 + recordHeaderBytes);
    for (let at = 0; ; ) {
      const decoded = decodeRecord(bytes, at);
      if (decoded.kind === 'short') {
        // A long entry lies in between: go on from it with more bytes.
        return this.#scanFrom(segment, position + at, wanted);
      }
      assert(decoded.kind !== 'damaged', `the log can be read back at ${segment.path}:${position + at}`);
      if (decoded.kind === 'entry' && decoded.stored.entry.offset === wanted) return position + at;
      at = decoded.endAt;
      if (at >= bytes.length) {
        position += at;
        return this.#scanFrom(segment, position, wanted);
      }
    }
  }

  #scanFrom(segment: Segment, from: number, wanted: number): number {
    const bytes = this.#bytesAt(segment, from, segment.sizeBytes - from);
    for (let at = 0; at < bytes.length; ) {
      const decoded = decodeRecord(bytes, at);
      if (decoded.kind === 'short' || decoded.kind === 'damaged') break;
      if (decoded.kind === 'entry' && decoded.stored.entry.offset === wanted) return from + at;
      at = decoded.endAt;
    }
    throw new Error(`broken assumption: offset ${wanted} can be found in ${segment.path}`);
  }

  #endOf(segment: Segment): number {
    const next = this.#segments[this.#segments.indexOf(segment) + 1];
    return next?.first ?? this.index.endOffset;
  }

  #bytesAt(segment: Segment, position: number, count: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(count, segment.sizeBytes - position));
    return bytes.subarray(0, segment.file.readSync(bytes, position));
  }

  /** Entries from `from` on: at least one if there is one, at most `maxBytes` of them beyond the first. */
  read(from: Offset, maxBytes: number): Stored[] {
    if (from >= this.index.endOffset) return [];
    const recentFirst = this.#recent[this.#recentHead]?.entry.offset;
    return recentFirst !== undefined && from >= recentFirst
      ? this.#readRecent(this.#recentHead + (from - recentFirst), maxBytes)
      : this.#readSegment(from, maxBytes);
  }

  #readRecent(first: number, maxBytes: number): Stored[] {
    let size = 0;
    let end = first;
    while (end < this.#recent.length) {
      size += (this.#recent[end] as Stored).bytes.length;
      if (size > maxBytes && end > first) break;
      end++;
    }
    return this.#recent.slice(first, end);
  }

  #readSegment(from: Offset, maxBytes: number): Stored[] {
    const segment = this.#segments.findLast((each) => each.first <= from);
    assert(segment !== undefined, `offset ${from} is in the log`);
    const position = this.#positionOf(segment, from);
    let bytes = this.#bytesAt(segment, position, maxBytes + recordHeaderBytes);
    if (bytes.length >= 4) {
      // One entry at least, however long it is; a mark may stand before it.
      const needed = 2 * recordHeaderBytes + 8 + bytes.readUInt32BE(0);
      if (needed > bytes.length) bytes = this.#bytesAt(segment, position, needed);
    }
    const records: Stored[] = [];
    for (let at = 0; at < bytes.length; ) {
      const decoded = decodeRecord(bytes, at);
      if (decoded.kind === 'short') break;
      if (decoded.kind === 'damaged') throw damaged(segment.path, from + records.length);
      if (decoded.kind === 'entry') records.push(decoded.stored);
      at = decoded.endAt;
    }
    return records;
  }

  /** A snapshot of our own is durable. */
  setSnapshot(snapshot: SnapshotId): void {
    this.index.setSnapshot(snapshot);
  }

  /** Forgets whole segments that lie below `to`. */
  dropBelow(to: Offset): void {
    let removed = false;
    while (this.#segments.length > 1 && (this.#segments[1] as Segment).first <= to) {
      const segment = this.#segments.shift() as Segment;
      this.#remove(segment);
      removed = true;
    }
    if (!removed) return;
    const start = (this.#segments[0] as Segment).first;
    this.index.dropBelow(offset(start));
    const inForce = this.voterSets.findLastIndex((set) => set.offset < start);
    if (inForce > 0) this.voterSets.splice(0, inForce);
  }

  /** Throws the whole log away; it goes on at the snapshot, which is durable already. */
  replaceBy(snapshot: SnapshotId, voters: readonly Voter[]): void {
    for (const segment of this.#segments.splice(0).reverse()) {
      this.#remove(segment);
    }
    this.#disk.syncFolder(this.#folder);
    this.index.replaceBy(snapshot);
    this.voterSets = voters.length === 0 ? [] : [{ offset: snapshot.offset - 1, voters }];
    this.#recent = [];
    this.#recentHead = 0;
    this.#recentBytes = 0;
    this.#begin();
  }

  epochBefore(at: Offset): Epoch {
    return this.index.epochBefore(at);
  }

  close(): void {
    for (const segment of this.#segments) segment.file.close();
  }
}

/** What the marks in whole records somewhere after `from` say to have been synced; undefined: there is none. */
function syncedBelowAfter(bytes: Buffer, from: number): number | undefined {
  let synced: number | undefined;
  for (let at = from; at + recordHeaderBytes <= bytes.length; at++) {
    // Cheap test first: a record's length has at most 26 bits.
    if ((bytes[at] as number) > 4) continue;
    const decoded = decodeRecord(bytes, at);
    if (decoded.kind === 'mark') synced = Math.max(synced ?? 0, decoded.syncedBelow);
    if (decoded.kind === 'entry' || decoded.kind === 'mark') at = decoded.endAt - 1;
  }
  return synced;
}

/** Whether nothing but zeros follows. */
function isZero(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

const damaged = (path: string, at: number): Error =>
  new Error(
    `${path} is damaged at offset ${at}: entries that were synced cannot be read. Restore the volume, or remove this member from the ensemble and add it again with an empty volume.`,
  );
