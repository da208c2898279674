import type { Disk, Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import { JuteReader, readAcls, readZxid } from '../../protocol/zookeeper/index.ts';
import type { NodeImage } from '../tree/data-tree.ts';
import { DataTree } from '../tree/data-tree.ts';
import { SMALL_BYTES } from '../tree/znode.ts';
import { adler32 } from './adler32.ts';

/** 'ZKSN' */
export const SNAPSHOT_MAGIC = 0x5a4b534e;
export const SNAPSHOT_VERSION = 2;
const PIECE_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);

export type LoadedSnapshot = {
  readonly tree: DataTree;
  readonly sessions: ReadonlyMap<SessionId, number>;
  readonly lastZxid: Zxid;
};

type Options = { readonly extendedTypes: boolean };

/**
 * Reads a snapshot into a new tree from pieces of any size, so that a file of gigabytes never lies in memory: what is
 * kept of a piece is the node that it ends in. What Apache 3.9 may write behind the tree's own seal (a digest, the last
 * zxid) is not needed.
 *
 * Problems are sentences; the caller falls back to the snapshot before.
 *
 * Source: FileSnap, SerializeUtils, ReferenceCountedACLCache.
 */
export class SnapshotReader {
  #name: string;
  #options: Options;
  #tree: DataTree;
  #sessions = new Map<SessionId, number>();
  #stage: 'head' | 'nodes' | 'seal' | 'done' = 'head';
  #problem: string | undefined;
  #checksum = 1;
  /** Bytes before what is looked at now. */
  #usedBytes = 0;
  /** The beginning of a record whose end has not come yet. */
  #held = NOTHING;
  #heldBytes = 0;
  /** It is looked at again when there is so much of it: twice as much each time, so that a long one costs no square. */
  #wantedBytes = 0;

  constructor(name: string, options: Options) {
    this.#name = name;
    this.#options = options;
    this.#tree = new DataTree(options);
  }

  /** @param piece  may be written over afterwards. @returns what is wrong; no more pieces are needed then */
  push(piece: Uint8Array): string | undefined {
    if (this.#problem !== undefined || this.#stage === 'done') return this.#problem;
    if (this.#heldBytes === 0) {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      this.#hold(bytes, this.#use(bytes));
      return this.#problem;
    }
    this.#room(this.#heldBytes + piece.length);
    this.#held.set(piece, this.#heldBytes);
    this.#heldBytes += piece.length;
    if (this.#heldBytes >= this.#wantedBytes) this.#lookAgain();
    return this.#problem;
  }

  /** After the last piece. */
  finish(lastZxid: Zxid): Result<LoadedSnapshot, string> {
    if (this.#problem === undefined && this.#stage !== 'done' && this.#heldBytes > 0) this.#lookAgain();
    if (this.#problem !== undefined) return failure(this.#problem);
    if (this.#stage !== 'done') {
      const what = this.#stage === 'seal' ? 'it has no seal' : `it ends within the record at byte ${this.#usedBytes}`;
      return failure(`${this.#name} is damaged: ${what}`);
    }
    this.#tree.lastZxid = lastZxid;
    this.#tree.loaded();
    return success({ tree: this.#tree, sessions: this.#sessions, lastZxid });
  }

  #lookAgain(): void {
    const bytes = this.#held.subarray(0, this.#heldBytes);
    this.#hold(bytes, this.#use(bytes));
  }

  #hold(bytes: Buffer, used: number): void {
    this.#usedBytes += used;
    const rest = bytes.length - used;
    if (this.#problem !== undefined || this.#stage === 'done') {
      this.#held = NOTHING;
      return;
    }
    this.#room(rest);
    bytes.copy(this.#held, 0, used);
    this.#heldBytes = rest;
    this.#wantedBytes = rest * 2;
  }

  #room(bytes: number): void {
    if (bytes <= this.#held.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#held.length * 2));
    this.#held.copy(grown, 0, 0, this.#heldBytes);
    this.#held = grown;
  }

  /** @returns how many bytes of whole records there were */
  #use(bytes: Buffer): number {
    let used = 0;
    if (this.#stage === 'head') {
      used = this.#useHead(bytes);
      if (used === 0) return 0;
      this.#stage = 'nodes';
    }
    if (this.#stage === 'nodes') used = this.#useNodes(bytes, used);
    if (this.#problem !== undefined) return used;
    if (this.#stage !== 'seal') {
      this.#checksum = adler32(bytes.subarray(0, used), this.#checksum);
      return used;
    }
    return this.#useSeal(bytes, used);
  }

  #useHead(bytes: Buffer): number {
    const reader = new JuteReader(bytes);
    const known = reader.int() === SNAPSHOT_MAGIC && reader.int() === SNAPSHOT_VERSION;
    if (reader.problem !== undefined) return 0;
    if (!known) {
      this.#problem = `${this.#name} is not a snapshot: it does not begin with ZKSN and version ${SNAPSHOT_VERSION}`;
      return 0;
    }
    reader.bigLong(); // dbid
    const sessions = new Map<SessionId, number>();
    const sessionCount = reader.int();
    for (let index = 0; index < sessionCount && reader.problem === undefined; index++) {
      const id = reader.bigLong() as SessionId;
      sessions.set(id, reader.int());
    }
    const tree = new DataTree(this.#options);
    const aclCount = reader.int();
    for (let index = 0; index < aclCount && reader.problem === undefined; index++) {
      const id = Number(reader.bigLong());
      tree.acls.restore(id, readAcls(reader));
    }
    // A list that goes on in the next piece looks like one with a wrong length.
    if (reader.problem !== undefined) return 0;
    this.#tree = tree;
    this.#sessions = sessions;
    return reader.position;
  }

  #useNodes(bytes: Buffer, from: number): number {
    const reader = new JuteReader(bytes, from);
    for (;;) {
      const start = reader.position;
      const path = reader.string();
      if (path === '/' && reader.problem === undefined) {
        this.#stage = 'seal';
        return reader.position;
      }
      const image = readImage(reader);
      const { problem } = reader;
      if (problem?.kind === 'truncated') return start;
      if (problem !== undefined) {
        this.#problem = `${this.#name} is damaged: the node at byte ${this.#usedBytes + start} cannot be read (${problem.kind})`;
        return start;
      }
      // The root's path is empty in the file.
      if (path === undefined || !this.#tree.load(path === '' ? '/' : path, image)) {
        this.#problem = `${this.#name} is damaged: node ${path} comes before its parent or has an ACL that is not there`;
        return start;
      }
    }
  }

  #useSeal(bytes: Buffer, from: number): number {
    // The seal may come later than what it seals: that has been summed then.
    this.#checksum = adler32(bytes.subarray(0, from), this.#checksum);
    const reader = new JuteReader(bytes, from);
    const expected = reader.bigLong();
    const end = reader.string();
    if (reader.problem?.kind === 'truncated') return from;
    if (end !== '/' || reader.problem !== undefined) this.#problem = `${this.#name} is damaged: it has no seal`;
    else if (expected !== BigInt(this.#checksum)) {
      this.#problem = `${this.#name} is damaged: its content does not fit its checksum`;
    } else this.#stage = 'done';
    return reader.position;
  }
}

/** Reads a whole snapshot that lies in memory. */
export function readSnapshot(
  bytes: Uint8Array,
  name: string,
  lastZxid: Zxid,
  options: Options,
): Result<LoadedSnapshot, string> {
  const reader = new SnapshotReader(name, options);
  reader.push(bytes);
  return reader.finish(lastZxid);
}

/** Reads a snapshot's file at once, for a server that does nothing else. */
export function readSnapshotFile(
  path: string,
  lastZxid: Zxid,
  options: Options,
  disk: Disk,
): Result<LoadedSnapshot, string> {
  if (disk.sizeBytes(path) === undefined) return failure(`${path} is gone`);
  const file = disk.open(path, 'read');
  try {
    const reader = new SnapshotReader(path, options);
    const room = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (let position = 0; ; ) {
      const count = file.readSync(room, position);
      if (count === 0) break;
      position += count;
      if (reader.push(room.subarray(0, count)) !== undefined) break;
    }
    return reader.finish(lastZxid);
  } finally {
    file.close();
  }
}

function readImage(reader: JuteReader): NodeImage {
  return {
    data: reader.bufferOrLatin1(SMALL_BYTES),
    aclId: Number(reader.bigLong()),
    czxid: readZxid(reader),
    mzxid: readZxid(reader),
    ctime: reader.long(),
    mtime: reader.long(),
    version: reader.int(),
    cversion: reader.int(),
    aversion: reader.int(),
    owner: reader.bigLong(),
    pzxid: readZxid(reader),
  };
}
