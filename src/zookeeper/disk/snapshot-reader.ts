import type { Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import { JuteReader, readAcls, readZxid } from '../../protocol/zookeeper/index.ts';
import { atOnce, type Steps } from '../slices.ts';
import type { NodeImage } from '../tree/data-tree.ts';
import { DataTree } from '../tree/data-tree.ts';
import { adler32 } from './adler32.ts';

/** 'ZKSN' */
export const SNAPSHOT_MAGIC = 0x5a4b534e;
export const SNAPSHOT_VERSION = 2;
const NODES_PER_STEP = 256;

export type LoadedSnapshot = {
  readonly tree: DataTree;
  readonly sessions: ReadonlyMap<SessionId, number>;
  readonly lastZxid: Zxid;
};

/**
 * Reads a whole snapshot file into a new tree. What Apache 3.9 may write behind the tree's own seal (a digest, the last
 * zxid) is not needed.
 *
 * @returns  a sentence that says what is wrong; the caller falls back to the snapshot before
 *
 * Source: FileSnap, SerializeUtils, ReferenceCountedACLCache.
 */
export const readSnapshot = (
  bytes: Buffer,
  name: string,
  lastZxid: Zxid,
  options: { readonly extendedTypes: boolean },
): Result<LoadedSnapshot, string> => atOnce(readingSnapshot(bytes, name, lastZxid, options));

/** The same as work that may rest. */
export function* readingSnapshot(
  bytes: Buffer,
  name: string,
  lastZxid: Zxid,
  options: { readonly extendedTypes: boolean },
): Steps<Result<LoadedSnapshot, string>> {
  const reader = new JuteReader(bytes);
  if (reader.int() !== SNAPSHOT_MAGIC || reader.int() !== SNAPSHOT_VERSION) {
    return failure(`${name} is not a snapshot: it does not begin with ZKSN and version ${SNAPSHOT_VERSION}`);
  }
  reader.bigLong(); // dbid
  const sessions = new Map<SessionId, number>();
  const sessionCount = reader.int();
  for (let index = 0; index < sessionCount && reader.problem === undefined; index++) {
    const id = reader.bigLong() as SessionId;
    sessions.set(id, reader.int());
  }
  const tree = new DataTree(options);
  const aclCount = reader.int();
  for (let index = 0; index < aclCount && reader.problem === undefined; index++) {
    const id = Number(reader.bigLong());
    tree.acls.restore(id, readAcls(reader));
  }
  let checksum = 1;
  let summed = 0;
  for (let count = 1; ; count++) {
    if (count % NODES_PER_STEP === 0) {
      checksum = adler32(bytes.subarray(summed, reader.position), checksum);
      summed = reader.position;
      yield;
    }
    const path = reader.string();
    if (path === '/') break;
    const image = readImage(reader);
    const problem = reader.problem;
    if (problem !== undefined) return failure(`${name} is damaged: ${problem.sentence}`);
    // The root's path is empty in the file.
    if (path === undefined || !tree.load(path === '' ? '/' : path, image)) {
      return failure(`${name} is damaged: node ${path} comes before its parent or has an ACL that is not there`);
    }
  }
  const sealed = reader.position;
  const expected = reader.bigLong();
  if (reader.string() !== '/' || reader.problem !== undefined) return failure(`${name} is damaged: it has no seal`);
  if (expected !== BigInt(adler32(bytes.subarray(summed, sealed), checksum))) {
    return failure(`${name} is damaged: its content does not fit its checksum`);
  }
  tree.lastZxid = lastZxid;
  tree.loaded();
  return success({ tree, sessions, lastZxid });
}

function readImage(reader: JuteReader): NodeImage {
  return {
    data: reader.buffer(),
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
