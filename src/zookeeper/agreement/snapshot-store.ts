/**
 * Snapshots `snapshot-<offset>-<epoch>.state`: magic, identity (offset, epoch, voters), then chunks
 * `u32 length | u32 CRC-32 | bytes`, closed by a chunk of length 0. Each checksum goes on from the one before, so a chunk
 * that is missing, moved or altered is found. A file has its name only when it is whole and durable.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { assert, type Clock, type Disk, type DiskFile, epoch, type Logger, offset } from '../../base/index.ts';
import type { SnapshotId, Voter } from '../../quorum/index.ts';
import { atOnce, inSlices, type Steps } from '../slices.ts';
import { ByteReader, ByteWriter } from './byte-stream.ts';
import { readVoters, writeVoters } from './record-codec.ts';

const magic = Buffer.from('HKQSNP01');
const chunkBytes = 256 * 1024;
const chunkBytesMax = 64 * 1024 * 1024;
const headerBytesMax = 64 * 1024;
/** So that a damaged newest snapshot has one to fall back to. */
const snapshotsKept = 2;
const snapshotName = /^snapshot-(\d{20})-(\d{10})\.state$/;

const nameOf = ({ offset, epoch }: SnapshotId): string =>
  `snapshot-${String(offset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.state`;
const same = (left: SnapshotId, right: SnapshotId): boolean =>
  left.offset === right.offset && left.epoch === right.epoch;

export type CheckedSnapshot = { readonly id: SnapshotId; readonly voters: readonly Voter[] };

function framed(bytes: Uint8Array, sum: number): { readonly head: Buffer; readonly sum: number } {
  const head = Buffer.allocUnsafe(8);
  const next = crc32(bytes, sum);
  head.writeUInt32BE(bytes.length, 0);
  head.writeUInt32BE(next, 4);
  return { head, sum: next };
}

export class SnapshotStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #logger: Logger;
  #download: { readonly id: SnapshotId; readonly file: DiskFile; position: number } | undefined;
  /** The one that is being sent to a member, open. */
  #sending: { readonly id: SnapshotId; readonly file: DiskFile } | undefined;

  constructor({ disk, folder, logger }: { disk: Disk; folder: string; logger: Logger }) {
    this.#disk = disk;
    this.#folder = folder;
    this.#logger = logger;
    for (const name of disk.list(folder)) if (name.endsWith('.part')) disk.remove(join(folder, name));
  }

  /** Newest last. */
  list(): SnapshotId[] {
    return this.#disk.list(this.#folder).flatMap((name) => {
      const match = snapshotName.exec(name);
      return match === null ? [] : [{ offset: offset(Number(match[1])), epoch: epoch(Number(match[2])) }];
    });
  }

  /** The newest that can be read from its first byte to its last; damaged ones are set aside and told of. */
  newestGood(): CheckedSnapshot | undefined {
    for (const id of this.list().reverse()) {
      const path = join(this.#folder, nameOf(id));
      try {
        return { id, voters: atOnce(this.#checking(path, id)) };
      } catch (error) {
        this.#logger.error({ path, err: error }, 'set a damaged snapshot aside, trying the one before it');
        this.#disk.rename(path, `${path}.damaged`);
      }
    }
    return undefined;
  }

  /** @throws if anything does not fit */
  *#checking(path: string, id: SnapshotId): Steps<readonly Voter[]> {
    const file = this.#disk.open(path, 'read');
    try {
      const head = readHead(file, id);
      const room = Buffer.allocUnsafeSlow(chunkBytes);
      let position = head.endAt;
      let { sum } = head;
      for (;;) {
        const chunk = readChunk(file, position, sum, room);
        if (chunk.bytes.length === 0) {
          if (chunk.endAt !== file.sizeBytes) throw new Error('bytes follow the end');
          return head.voters;
        }
        position = chunk.endAt;
        sum = chunk.sum;
        yield;
      }
    } finally {
      file.close();
    }
  }

  /** The state's pieces of a snapshot that has been checked, each valid until the next is asked for. */
  async *pieces(id: SnapshotId): AsyncIterable<Uint8Array> {
    const file = this.#disk.open(join(this.#folder, nameOf(id)), 'read');
    try {
      const head = readHead(file, id);
      const room = Buffer.allocUnsafeSlow(chunkBytes);
      let position = head.endAt;
      let { sum } = head;
      for (;;) {
        const chunk = readChunk(file, position, sum, room);
        if (chunk.bytes.length === 0) return;
        yield chunk.bytes;
        position = chunk.endAt;
        sum = chunk.sum;
      }
    } finally {
      file.close();
    }
  }

  /** Durable when it resolves. A piece is used before the next is asked for. Older ones beyond `snapshotsKept` are removed. */
  async write(
    { id, voters }: CheckedSnapshot,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    const path = join(this.#folder, nameOf(id));
    const partPath = `${path}.part`;
    this.#disk.remove(partPath);
    const file = this.#disk.open(partPath, 'create');
    try {
      const writer = new ByteWriter();
      writer.uint48(id.offset);
      writer.uint32(id.epoch);
      writeVoters(writer, voters);
      const header = writer.finish();
      let { head, sum } = framed(header, 0);
      await file.write([magic, head, header], 0);
      let position = magic.length + head.length + header.length;
      const flush = async (bytes: Buffer): Promise<void> => {
        ({ head, sum } = framed(bytes, sum));
        await file.write([head, bytes], position);
        position += head.length + bytes.length;
      };
      // One for all chunks: memory outside of the heap is given back by the garbage collector only.
      const chunk = Buffer.allocUnsafeSlow(chunkBytes);
      let filled = 0;
      for await (const piece of pieces) {
        for (let used = 0; used < piece.length; ) {
          const some = piece.subarray(used, used + chunkBytes - filled);
          chunk.set(some, filled);
          used += some.length;
          filled += some.length;
          if (filled < chunkBytes) continue;
          await flush(chunk);
          filled = 0;
        }
      }
      if (filled > 0) await flush(chunk.subarray(0, filled));
      await flush(Buffer.alloc(0));
      await file.sync();
    } finally {
      file.close();
    }
    this.#publish(partPath, path);
    this.#removeOld();
  }

  #publish(partPath: string, path: string): void {
    this.#disk.rename(partPath, path);
    this.#disk.syncFolder(this.#folder);
  }

  #removeOld(): void {
    for (const id of this.list().slice(0, -snapshotsKept)) {
      if (this.#sending !== undefined && same(this.#sending.id, id)) this.#closeSending();
      this.#disk.remove(join(this.#folder, nameOf(id)));
    }
  }

  /** The oldest that is kept: the log below it is not needed even if the newest turns out damaged. */
  oldest(): SnapshotId | undefined {
    return this.list()[0];
  }

  /** A piece of the file as it is, for a member that downloads it; undefined: there is no such snapshot any more. */
  read(
    id: SnapshotId,
    position: number,
    maxBytes: number,
  ): { readonly sizeBytes: number; readonly bytes: Buffer } | undefined {
    if (this.#sending === undefined || !same(this.#sending.id, id)) {
      this.#closeSending();
      const path = join(this.#folder, nameOf(id));
      if (this.#disk.sizeBytes(path) === undefined) return undefined;
      this.#sending = { id, file: this.#disk.open(path, 'read') };
    }
    const { file } = this.#sending;
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(maxBytes, file.sizeBytes - position)));
    return { sizeBytes: file.sizeBytes, bytes: bytes.subarray(0, file.readSync(bytes, position)) };
  }

  #closeSending(): void {
    this.#sending?.file.close();
    this.#sending = undefined;
  }

  /** A piece of a snapshot that is being downloaded. */
  store(id: SnapshotId, position: number, bytes: Uint8Array): void {
    if (position === 0) {
      this.#dropDownload();
      const partPath = join(this.#folder, `${nameOf(id)}.part`);
      this.#disk.remove(partPath);
      this.#download = { id, file: this.#disk.open(partPath, 'create'), position: 0 };
    }
    const download = this.#download;
    assert(download !== undefined && same(download.id, id) && download.position === position, 'pieces come in order');
    download.file.writeSync([bytes], position);
    download.position += bytes.length;
  }

  #dropDownload(): void {
    if (this.#download === undefined) return;
    this.#download.file.close();
    this.#disk.remove(this.#download.file.path);
    this.#download = undefined;
  }

  /** Checks what was downloaded and makes it durable; undefined: it is damaged, and gone. */
  async finishDownload(id: SnapshotId, clock: Clock): Promise<CheckedSnapshot | undefined> {
    const download = this.#download;
    assert(download !== undefined && same(download.id, id), 'the snapshot that is finished is the one that was stored');
    this.#download = undefined;
    await download.file.sync();
    download.file.close();
    const path = join(this.#folder, nameOf(id));
    try {
      const voters = await inSlices(this.#checking(download.file.path, id), clock);
      this.#publish(download.file.path, path);
      return { id, voters };
    } catch (error) {
      this.#logger.warn({ path, err: error }, 'threw a downloaded snapshot away, since it is damaged');
      this.#disk.remove(download.file.path);
      return undefined;
    }
  }

  /** After an installation: what is older cannot be joined with the log any more. */
  keepOnly(kept: SnapshotId): void {
    for (const id of this.list()) if (!same(id, kept)) this.#disk.remove(join(this.#folder, nameOf(id)));
  }

  close(): void {
    this.#closeSending();
    this.#dropDownload();
  }
}

/** @param room  for a chunk that fits in it */
function readChunk(
  file: DiskFile,
  position: number,
  sum: number,
  room: Buffer,
): { readonly bytes: Buffer; readonly sum: number; readonly endAt: number } {
  const head = Buffer.allocUnsafe(8);
  if (file.readSync(head, position) < 8) throw new Error(`it ends at ${position}, within a chunk`);
  const length = head.readUInt32BE(0);
  if (length > chunkBytesMax || position + 8 + length > file.sizeBytes)
    throw new Error(`a chunk at ${position} is damaged`);
  const bytes = length <= room.length ? room.subarray(0, length) : Buffer.allocUnsafeSlow(length);
  file.readSync(bytes, position + 8);
  const next = crc32(bytes, sum);
  if (next !== head.readUInt32BE(4)) throw new Error(`the checksum of the chunk at ${position} does not fit`);
  return { bytes, sum: next, endAt: position + 8 + length };
}

function readHead(
  file: DiskFile,
  id: SnapshotId,
): { readonly voters: readonly Voter[]; readonly sum: number; readonly endAt: number } {
  const start = Buffer.alloc(magic.length);
  file.readSync(start, 0);
  if (!start.equals(magic)) throw new Error('it does not begin like a snapshot');
  const { bytes, sum, endAt } = readChunk(file, magic.length, 0, Buffer.alloc(0));
  if (bytes.length > headerBytesMax) throw new Error('its header is too long');
  const reader = new ByteReader(bytes);
  const stated = { offset: offset(reader.uint48()), epoch: epoch(reader.uint32()) };
  const voters = readVoters(reader);
  if (reader.failed || !same(stated, id)) throw new Error('its header and its name differ');
  return { voters, sum, endAt };
}
