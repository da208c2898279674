import type { Clock, Disk, DiskFile } from '../../base/index.ts';
import type { SessionId } from '../../protocol/zookeeper/index.ts';
import { JuteWriter, writeAcls } from '../../protocol/zookeeper/index.ts';
import type { DataTree, NodeImage } from '../tree/data-tree.ts';
import { imageOf } from '../tree/data-tree.ts';
import type { Znode } from '../tree/znode.ts';
import { adler32 } from './adler32.ts';
import { snapshotName, unfinishedSnapshotName } from './file-names.ts';
import { SNAPSHOT_MAGIC, SNAPSHOT_VERSION } from './snapshot-reader.ts';

/** The loop is held no longer than this at a time. */
const SLICE_MS = 4;
/** Nodes between two looks at the clock. */
const NODES_PER_LOOK = 64;
const CHUNK_BYTES = 256 * 1024;
/** Between two slices the loop serves clients at least this long. */
const REST_MS = 1;

let snapshotNumber = 0;

/**
 * Writes the tree as it is at the call, in slices, while transactions go on: before a node changes for the first time
 * the tree tells, and the node's image is kept until the walk comes by. So the file holds exactly the state at one
 * zxid, and costs memory only for what changes meanwhile.
 *
 * The walk follows the tree's own order, parents first. Nodes that are deleted before it reaches them come at the end,
 * in the reverse order of their deletion, which again puts parents first.
 *
 * @returns the file's size in bytes
 */
export async function writeSnapshot(
  folder: string,
  tree: DataTree,
  sessions: ReadonlyMap<SessionId, number>,
  deps: { readonly disk: Disk; readonly clock: Clock },
): Promise<number> {
  const lastZxid = tree.lastZxid;
  const number = ++snapshotNumber;
  const kept = new Map<string, NodeImage>();
  const removed = new Map<string, NodeImage>();
  const walk = tree.entries();
  tree.observer = {
    beforeChange(path: string, node: Znode, gone: boolean): void {
      if (node.snapshotNumber === number || node.czxid > lastZxid) return;
      const image = kept.get(path) ?? imageOf(node);
      if (gone) {
        kept.delete(path);
        removed.set(path, image);
        node.snapshotNumber = number;
      } else kept.set(path, image);
    },
  };
  const name = unfinishedSnapshotName(lastZxid);
  const { disk, clock } = deps;
  disk.remove(`${folder}/${name}`);
  const out = new SealedFile(disk.open(`${folder}/${name}`, 'create'));
  try {
    writeHead(out.writer, tree, sessions);
    let looked = 0;
    let sliceEndMs = clock.monotonicMs() + SLICE_MS;
    for (const [path, node] of walk) {
      if (node.snapshotNumber !== number && node.czxid <= lastZxid) {
        writeNode(out.writer, path, kept.get(path) ?? imageOf(node));
        kept.delete(path);
        node.snapshotNumber = number;
      }
      if (++looked % NODES_PER_LOOK !== 0) continue;
      if (out.writer.length < CHUNK_BYTES && clock.monotonicMs() < sliceEndMs) continue;
      await out.flush();
      await new Promise<void>((resolve) => void clock.after(REST_MS, resolve));
      sliceEndMs = clock.monotonicMs() + SLICE_MS;
    }
    // From here to the seal nothing of the tree is read any more.
    tree.observer = undefined;
    for (const [path, image] of [...removed].reverse()) {
      writeNode(out.writer, path, image);
      if (out.writer.length >= CHUNK_BYTES) await out.flush();
    }
    out.writer.string('/');
    await out.seal();
  } catch (error) {
    tree.observer = undefined;
    out.close();
    disk.remove(`${folder}/${name}`);
    throw error;
  }
  out.close();
  disk.rename(`${folder}/${name}`, `${folder}/${snapshotName(lastZxid)}`);
  disk.syncFolder(folder);
  return out.sizeBytes;
}

/** Writes the tree at once, for a server that does nothing else: at the first start, and for tools. */
export function writeSnapshotNow(
  folder: string,
  tree: DataTree,
  sessions: ReadonlyMap<SessionId, number>,
  disk: Disk,
): void {
  const name = unfinishedSnapshotName(tree.lastZxid);
  disk.remove(`${folder}/${name}`);
  const out = new SealedFile(disk.open(`${folder}/${name}`, 'create'));
  writeHead(out.writer, tree, sessions);
  for (const [path, node] of tree.entries()) {
    writeNode(out.writer, path, imageOf(node));
    if (out.writer.length >= CHUNK_BYTES) out.flushNow();
  }
  out.writer.string('/');
  out.sealNow();
  out.close();
  disk.rename(`${folder}/${name}`, `${folder}/${snapshotName(tree.lastZxid)}`);
  disk.syncFolder(folder);
}

function writeHead(writer: JuteWriter, tree: DataTree, sessions: ReadonlyMap<SessionId, number>): void {
  writer.int(SNAPSHOT_MAGIC);
  writer.int(SNAPSHOT_VERSION);
  writer.bigLong(-1n);
  writer.int(sessions.size);
  for (const [id, timeoutMs] of sessions) {
    writer.bigLong(id);
    writer.int(timeoutMs);
  }
  const lists = [...tree.acls.lists];
  writer.int(lists.length);
  for (const { id, entries } of lists) {
    writer.long(id);
    writeAcls(writer, entries);
  }
}

function writeNode(writer: JuteWriter, path: string, image: NodeImage): void {
  writer.string(path === '/' ? '' : path);
  writer.buffer(image.data);
  writer.long(image.aclId);
  writer.long(image.czxid);
  writer.long(image.mzxid);
  writer.long(image.ctime);
  writer.long(image.mtime);
  writer.int(image.version);
  writer.int(image.cversion);
  writer.int(image.aversion);
  writer.bigLong(image.owner);
  writer.long(image.pzxid);
}

/** A file that ends in the checksum of everything before it. */
class SealedFile {
  readonly writer = new JuteWriter(CHUNK_BYTES);
  #file: DiskFile;
  #position = 0;
  #checksum = 1;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  get sizeBytes(): number {
    return this.#position;
  }

  async flush(): Promise<void> {
    const bytes = this.#take();
    await this.#file.write([bytes], this.#position);
    this.#position += bytes.length;
  }

  flushNow(): void {
    const bytes = this.#take();
    this.#file.writeSync([bytes], this.#position);
    this.#position += bytes.length;
  }

  async seal(): Promise<void> {
    await this.flush();
    this.#writeSeal();
    await this.flush();
    await this.#file.sync();
  }

  sealNow(): void {
    this.flushNow();
    this.#writeSeal();
    this.flushNow();
    this.#file.syncNow();
  }

  close(): void {
    this.#file.close();
  }

  #writeSeal(): void {
    this.writer.long(this.#checksum);
    this.writer.string('/');
  }

  #take(): Buffer {
    const bytes = this.writer.take();
    this.#checksum = adler32(bytes, this.#checksum);
    return bytes;
  }
}
