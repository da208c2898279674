/**
 * Volumes as servers leave them, and what may come of reading them again: exactly some state that the server has been in,
 * or a refusal to start. The end of the log may be missing where nothing after it vouches for it; nothing else may.
 */
import { createHash } from 'node:crypto';
import { epoch, offset, type Random } from '../../../src/base/index.ts';
import { openAcl, type SessionId, zxid } from '../../../src/protocol/zookeeper/index.ts';
import type { Entry, SnapshotId } from '../../../src/quorum/index.ts';
import { LogStore } from '../../../src/zookeeper/agreement/log-store.ts';
import { encodeEntry } from '../../../src/zookeeper/agreement/record-codec.ts';
import { SnapshotStore } from '../../../src/zookeeper/agreement/snapshot-store.ts';
import { dataFolders, recover } from '../../../src/zookeeper/disk/data-folder.ts';
import { LogWriter } from '../../../src/zookeeper/disk/log-writer.ts';
import { writeSnapshotNow } from '../../../src/zookeeper/disk/snapshot-writer.ts';
import { DataTree, imageOf } from '../../../src/zookeeper/tree/data-tree.ts';
import type { Txn } from '../../../src/zookeeper/tree/txn.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';
import { platform, silentLogger } from '../../support/zookeeper/own-server.ts';

export const folder = '/data';

export type Outcome =
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'same' }
  /** The state of a moment before: the end of the log is missing. */
  | { readonly kind: 'earlier' }
  /** No state that there ever was. */
  | { readonly kind: 'corrupt'; readonly what: string };

export type Specimen = { readonly disk: MemoryDisk; read(disk: MemoryDisk): Promise<Outcome> };

export function copyOf(disk: MemoryDisk): MemoryDisk {
  const copy = new MemoryDisk();
  for (const [path, bytes] of disk.files) copy.replace(path, Buffer.from(bytes));
  return copy;
}

const options = { extendedTypes: true, trustEmpty: false };

function hashOf(tree: DataTree): string {
  const hash = createHash('sha256');
  const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value);
  const lines = [...tree.nodes()].map((node) => `${node.path} ${JSON.stringify(imageOf(node), text)}`);
  for (const line of lines.sort()) hash.update(line);
  return hash.digest('hex');
}

function randomTxn(tree: DataTree, at: number, random: Random): Txn {
  const path = `/n${random.below(60)}`;
  const node = tree.get(path);
  const data = Buffer.from(`value ${at} ${'x'.repeat(random.below(200))}`);
  if (node === undefined) return { type: 'create', path, data, acl: openAcl, ephemeral: false, parentCversion: -1 };
  if (random.next() < 0.2) return { type: 'delete', path };
  return { type: 'setData', path, data, version: node.version + 1 };
}

/** A server alone: snapshots and logs in Apache's formats. */
export async function aloneSpecimen(random: Random, txnCount: number): Promise<Specimen> {
  const disk = new MemoryDisk();
  const deps = { ...platform, disk };
  const folders = dataFolders(folder, folder);
  recover(folders, options, deps);
  const tree = new DataTree(options);
  const hashes = new Map<number, string>([[0, hashOf(tree)]]);
  const log = new LogWriter({ folder: folders.logs, padBytes: 4096, bytesMax: 20_000, sync: true }, deps, {
    durable() {},
    failed(error) {
      throw error;
    },
    synced() {},
  });
  for (let at = 1; at <= txnCount; at++) {
    const header = { sessionId: 5n as SessionId, cxid: at, zxid: zxid(at), timeMs: 1_700_000_000_000 + at };
    const txn = randomTxn(tree, at, random);
    tree.apply(header, txn);
    hashes.set(at, hashOf(tree));
    log.append({ header, txn });
    if (random.next() < 0.4) await log.flushed();
    if (at % Math.floor(txnCount * 0.4) === 0) {
      await log.flushed();
      writeSnapshotNow(folders.snapshots, tree, new Map(), disk);
      log.roll();
    }
  }
  await log.flushed();
  log.close();
  return {
    disk,
    async read(spoilt) {
      const recovered = recover(folders, options, { ...platform, disk: spoilt });
      if (!recovered.ok) return { kind: 'refused', why: recovered.problem };
      const { lastZxid } = recovered.value.tree;
      const expected = hashes.get(lastZxid);
      if (expected === undefined) return { kind: 'corrupt', what: `it ends at ${lastZxid}, which never was` };
      if (expected !== hashOf(recovered.value.tree)) return { kind: 'corrupt', what: `another state at ${lastZxid}` };
      return { kind: lastZxid === txnCount ? 'same' : 'earlier' };
    },
  };
}

/** A server of an ensemble: snapshots and the log that it agrees on. */
export async function ensembleSpecimen(random: Random, entryCount: number): Promise<Specimen> {
  const disk = new MemoryDisk();
  disk.makeFolder(folder);
  const settings = { segmentBytes: 8_000, recentBytes: 1_000 };
  const openLog = (on: MemoryDisk, snapshot?: { id: SnapshotId; voters: [] }): LogStore =>
    new LogStore({ disk: on, folder, logger: silentLogger, settings }, snapshot);
  const log = openLog(disk);
  const snapshots = new SnapshotStore({ disk, folder, logger: silentLogger });
  const values: string[] = [];
  const states = new Map<number, string>();
  while (values.length < entryCount) {
    const batch = Array.from({ length: 1 + random.below(8) }, () => {
      const at = values.length;
      const value = `value ${at} ${'x'.repeat(random.below(150))}`;
      values.push(value);
      const entry: Entry = {
        offset: offset(at),
        count: 1,
        epoch: epoch(1 + Math.floor(at / 100)),
        body: { kind: 'data', value: Buffer.from(value) },
      };
      return { entry, bytes: encodeEntry(entry) };
    });
    log.append(batch);
    await log.sync();
    if (values.length % 90 >= batch.length) continue;
    const at = offset(values.length);
    const id = { offset: at, epoch: log.epochBefore(at) };
    const state = createHash('sha256').update(values.join('\n')).digest('hex').repeat(20);
    states.set(at, state);
    await snapshots.write({ id, voters: [] }, [Buffer.from(state)]);
    log.setSnapshot(id);
    log.dropBelow((snapshots.oldest() as SnapshotId).offset);
  }
  log.close();
  return {
    disk,
    async read(spoilt) {
      try {
        const store = new SnapshotStore({ disk: spoilt, folder, logger: silentLogger });
        const good = store.newestGood();
        if (good !== undefined) {
          const pieces: Uint8Array[] = [];
          for await (const piece of store.pieces(good.id)) pieces.push(Buffer.from(piece));
          if (Buffer.concat(pieces).toString() !== states.get(good.id.offset)) {
            return { kind: 'corrupt', what: `another state in the snapshot at ${good.id.offset}` };
          }
        }
        const again = openLog(spoilt, good === undefined ? undefined : { id: good.id, voters: [] });
        const { startOffset, endOffset } = again.index;
        if (startOffset > (good?.id.offset ?? 0)) return { kind: 'corrupt', what: 'a gap behind the snapshot' };
        for (let at = startOffset as number; at < endOffset; ) {
          const records = again.read(offset(at), 100_000);
          for (const { entry } of records) {
            const value = entry.body.kind === 'data' ? Buffer.from(entry.body.value).toString() : '';
            if (value !== values[entry.offset]) return { kind: 'corrupt', what: `another entry at ${entry.offset}` };
          }
          at += records.length;
        }
        const end = Math.max(endOffset, good?.id.offset ?? 0);
        return { kind: end === values.length ? 'same' : 'earlier' };
      } catch (error) {
        const why = (error as Error).message;
        return why.startsWith('broken assumption') ? { kind: 'corrupt', what: why } : { kind: 'refused', why };
      }
    },
  };
}
