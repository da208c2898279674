import type { Clock, Disk } from '../../base/index.ts';
import type { SessionId } from '../../protocol/zookeeper/index.ts';
import { JuteWriter, writeAcls } from '../../protocol/zookeeper/index.ts';
import type { DataTree, NodeImage } from '../tree/data-tree.ts';
import { imageOf } from '../tree/data-tree.ts';
import type { Znode } from '../tree/znode.ts';
import { adler32 } from './adler32.ts';
import { snapshotName, unfinishedSnapshotName } from './file-names.ts';
import { SNAPSHOT_MAGIC, SNAPSHOT_VERSION } from './snapshot-reader.ts';

/**
 * The loop is held no longer than this at a time, and serves every client that has asked something before it is held
 * again: a write needs several turns of the loop, and each may have to wait for a slice.
 */
const SLICE_MS = 0.5;
/** Nodes between two looks at the clock. */
const NODES_PER_LOOK = 32;
const CHUNK_BYTES = 256 * 1024;

let snapshotNumber = 0;

/**
 * The tree as it is at the call, as pieces of a snapshot file. Transactions go on while the pieces are taken: before a
 * node changes for the first time the tree tells, and the node's image is kept until the walk comes by. So the pieces
 * hold exactly the state at one zxid, and cost memory only for what changes meanwhile.
 *
 * The walk follows the tree's own order, parents first. Nodes that are deleted before it reaches them come at the end,
 * in the reverse order of their deletion, which again puts parents first.
 *
 * One at a time: the tree has one observer. Take all pieces, or end the iteration. A piece is valid until the next is
 * asked for: all of them are written into the same memory, because buffers are outside of the heap, and every few dozen
 * megabytes of new ones make the garbage collector look at the whole tree.
 */
export function snapshotPieces(
  tree: DataTree,
  sessions: ReadonlyMap<SessionId, number>,
  clock: Clock,
): AsyncGenerator<Buffer, void> {
  const lastZxid = tree.lastZxid;
  const number = ++snapshotNumber;
  const kept = new Map<string, NodeImage>();
  const removed = new Map<string, NodeImage>();
  const walk = tree.beginWalk();
  const observer = {
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
  tree.observer = observer;
  const writer = new JuteWriter(CHUNK_BYTES);
  writeHead(writer, tree, sessions);
  async function* pieces(): AsyncGenerator<Buffer, void> {
    let checksum = 1;
    const view = (): Buffer => {
      const piece = writer.view();
      checksum = adler32(piece, checksum);
      return piece;
    };
    try {
      let looked = 0;
      let sliceEndMs = clock.monotonicMs() + SLICE_MS;
      for (const node of walk) {
        const { path } = node;
        if (node.snapshotNumber !== number && node.czxid <= lastZxid) {
          writeNode(writer, path, kept.get(path) ?? imageOf(node));
          kept.delete(path);
          node.snapshotNumber = number;
        }
        if (++looked % NODES_PER_LOOK !== 0) continue;
        const full = writer.length >= CHUNK_BYTES;
        if (!full && clock.monotonicMs() < sliceEndMs) continue;
        if (full) {
          yield view();
          writer.rewind(0);
        }
        await new Promise<void>((resolve) => setImmediate(resolve));
        sliceEndMs = clock.monotonicMs() + SLICE_MS;
      }
    } finally {
      // From here to the seal nothing of the tree is read any more.
      if (tree.observer === observer) tree.observer = undefined;
      tree.endWalk(walk);
    }
    for (const [path, image] of [...removed].reverse()) {
      writeNode(writer, path, image);
      if (writer.length < CHUNK_BYTES) continue;
      yield view();
      writer.rewind(0);
    }
    writer.string('/');
    yield view();
    writer.rewind(0);
    writer.long(checksum);
    writer.string('/');
    yield writer.view();
  }
  return pieces();
}

/**
 * Writes a snapshot file of the tree as it is at the call.
 *
 * @returns the file's size in bytes
 */
export async function writeSnapshot(
  folder: string,
  tree: DataTree,
  sessions: ReadonlyMap<SessionId, number>,
  deps: { readonly disk: Disk; readonly clock: Clock },
): Promise<number> {
  const { disk, clock } = deps;
  const { lastZxid } = tree;
  const path = `${folder}/${unfinishedSnapshotName(lastZxid)}`;
  disk.remove(path);
  const file = disk.open(path, 'create');
  let sizeBytes = 0;
  try {
    for await (const piece of snapshotPieces(tree, sessions, clock)) {
      await file.write([piece], sizeBytes);
      sizeBytes += piece.length;
    }
    await file.sync();
  } catch (error) {
    file.close();
    disk.remove(path);
    throw error;
  }
  file.close();
  disk.rename(path, `${folder}/${snapshotName(lastZxid)}`);
  await disk.syncFolderAsync(folder);
  return sizeBytes;
}

/** Writes the tree at once, for a server that does nothing else: at the first start, and for tools. */
export function writeSnapshotNow(
  folder: string,
  tree: DataTree,
  sessions: ReadonlyMap<SessionId, number>,
  disk: Disk,
): void {
  const path = `${folder}/${unfinishedSnapshotName(tree.lastZxid)}`;
  disk.remove(path);
  const file = disk.open(path, 'create');
  const writer = new JuteWriter(CHUNK_BYTES);
  let sizeBytes = 0;
  let checksum = 1;
  const flush = (): void => {
    const piece = writer.take();
    checksum = adler32(piece, checksum);
    file.writeSync([piece], sizeBytes);
    sizeBytes += piece.length;
  };
  writeHead(writer, tree, sessions);
  for (const node of tree.nodes()) {
    writeNode(writer, node.path, imageOf(node));
    if (writer.length >= CHUNK_BYTES) flush();
  }
  writer.string('/');
  flush();
  writer.long(checksum);
  writer.string('/');
  flush();
  file.syncNow();
  file.close();
  disk.rename(path, `${folder}/${snapshotName(tree.lastZxid)}`);
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
  if (typeof image.data === 'string') writer.latin1(image.data);
  else writer.buffer(image.data);
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
