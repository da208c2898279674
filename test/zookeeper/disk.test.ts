import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SessionId } from '../../src/protocol/zookeeper/index.ts';
import { openAcl, zxid } from '../../src/protocol/zookeeper/index.ts';
import { adler32 } from '../../src/zookeeper/disk/adler32.ts';
import { dataFolders, prune, recover } from '../../src/zookeeper/disk/data-folder.ts';
import { LogWriter } from '../../src/zookeeper/disk/log-writer.ts';
import { readSnapshot, SnapshotReader } from '../../src/zookeeper/disk/snapshot-reader.ts';
import { snapshotPieces, writeSnapshot, writeSnapshotNow } from '../../src/zookeeper/disk/snapshot-writer.ts';
import { DataTree, imageOf } from '../../src/zookeeper/tree/data-tree.ts';
import type { LoggedTxn, Txn } from '../../src/zookeeper/tree/txn.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { platform } from '../support/zookeeper/own-server.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zookeeper-disk-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = { extendedTypes: true, trustEmpty: false };
const logged = (at: number, txn: Txn): LoggedTxn => ({
  header: { sessionId: 5n as SessionId, cxid: at, zxid: zxid(at), timeMs: 1_700_000_000_000 + at },
  txn,
});
const create = (at: number, path: string, data = `data of ${at}`): LoggedTxn =>
  logged(at, { type: 'create', path, data: Buffer.from(data), acl: openAcl, ephemeral: false, parentCversion: -1 });

function contentOf(tree: DataTree): Record<string, unknown> {
  return Object.fromEntries(
    [...tree.nodes()].map((node) => [node.path, { ...imageOf(node), children: node.childNames().sort() }]),
  );
}

async function writeLog(txns: readonly LoggedTxn[], rollAfter?: number): Promise<void> {
  const folders = dataFolders(folder, folder);
  recover(folders, options, platform);
  const failures: Error[] = [];
  const log = new LogWriter({ folder: folders.logs, padBytes: 65_536, bytesMax: undefined, sync: true }, platform, {
    durable() {},
    failed: (error) => failures.push(error),
    synced() {},
  });
  for (const [index, txn] of txns.entries()) {
    log.append(txn);
    if (index + 1 === rollAfter) {
      await log.flushed();
      log.roll();
    }
  }
  await log.flushed();
  log.close();
  expect(failures).toEqual([]);
}

const recovered = (): ReturnType<typeof recover> => recover(dataFolders(folder, folder), options, platform);
const logFiles = (): string[] => readdirSync(join(folder, 'version-2')).filter((name) => name.startsWith('log.'));
const logPath = (name = logFiles()[0]!): string => join(folder, 'version-2', name);

test('adler32 is that of RFC 1950', () => {
  expect(adler32(Buffer.from('Wikipedia'))).toBe(0x11e60398);
  expect(adler32(Buffer.alloc(100_000, 0xff))).toBe(
    adler32(Buffer.alloc(50_000, 0xff), adler32(Buffer.alloc(50_000, 0xff))),
  );
});

test('what was written to the log is there after a restart, sessions included', async () => {
  const txns = [
    logged(1, { type: 'createSession', timeoutMs: 6_000 }),
    create(2, '/a'),
    create(3, '/a/b'),
    logged(4, { type: 'setData', path: '/a', data: undefined, version: 1 }),
    logged(5, { type: 'error', code: -101 }),
    logged(6, {
      type: 'multi',
      txns: [
        { type: 'delete', path: '/a/b' },
        { type: 'check', path: '/a', version: 1 },
      ],
    }),
    logged(7, { type: 'setAcl', path: '/a', acl: [{ perms: 1, scheme: 'world', id: 'anyone' }], version: 1 }),
    logged(8, { type: 'createTtl', path: '/t', data: Buffer.alloc(0), acl: openAcl, parentCversion: 2, ttlMs: 99 }),
    logged(9, { type: 'createContainer', path: '/c', data: undefined, acl: openAcl, parentCversion: 3 }),
  ];
  const tree = new DataTree(options);
  for (const { header, txn } of txns) tree.apply(header, txn);
  await writeLog(txns);
  const result = recovered();
  if (!result.ok) throw new Error(result.problem);
  expect(contentOf(result.value.tree)).toEqual(contentOf(tree));
  expect(result.value.tree.lastZxid).toBe(9);
  expect([...result.value.sessions]).toEqual([[5n, 6_000]]);
});

test('what a server has read after a crash and shown to clients does not go with the next power cut', async () => {
  const disk = new MemoryDisk();
  const folders = dataFolders('/data', '/data');
  const deps = { ...platform, disk };
  recover(folders, options, deps);
  const log = new LogWriter({ folder: folders.logs, padBytes: 0, bytesMax: undefined, sync: false }, deps, {
    durable() {},
    failed() {},
    synced() {},
  });
  // Written, and not synced yet when the process is killed.
  for (let at = 1; at <= 20; at++) log.append(create(at, `/n${at}`));
  await log.flushed();
  const shown = recover(folders, options, deps);
  disk.cutPower((_, syncedBytes) => syncedBytes);
  const again = recover(folders, options, deps);
  expect(shown).toMatchObject({ ok: true, value: { replayedCount: 20 } });
  expect(again).toMatchObject({ ok: true, value: { replayedCount: 20 } });
});

test('log files are no larger than they should be, and all of them are read', async () => {
  const txns = Array.from({ length: 40 }, (_, at) => create(at + 1, `/n${at}`, 'x'.repeat(500)));
  const folders = dataFolders(folder, folder);
  recover(folders, options, platform);
  const log = new LogWriter({ folder: folders.logs, padBytes: 0, bytesMax: 2_000, sync: true }, platform, {
    durable() {},
    failed() {},
    synced() {},
  });
  for (const txn of txns) {
    log.append(txn);
    await log.flushed();
  }
  log.close();
  expect(logFiles().length).toBeGreaterThan(8);
  for (const name of logFiles()) expect(readFileSync(logPath(name)).length).toBeLessThan(3_000);
  expect(recovered()).toMatchObject({ ok: true, value: { replayedCount: 40 } });
});

test('a log cut off anywhere in its last write gives every transaction before it', async () => {
  const txns = [create(1, '/a'), create(2, '/b'), create(3, '/c', 'x'.repeat(2_000))];
  await writeLog(txns);
  const whole = readFileSync(logPath());
  const end = whole.findLastIndex((byte) => byte !== 0) + 1;
  const lastBytes = 2_000 + 100;
  const copy = mkdtempSync(join(tmpdir(), 'zookeeper-torn-'));
  for (let cut = end - lastBytes; cut < end; cut += 37) {
    rmSync(copy, { recursive: true, force: true });
    cpSync(folder, copy, { recursive: true });
    // A crash leaves zeros of the padding behind what was written, or the end of the file.
    const torn = Buffer.from(whole);
    torn.fill(0, cut);
    writeFileSync(join(copy, 'version-2', logFiles()[0]!), cut % 2 === 0 ? torn : torn.subarray(0, cut));
    const result = recover(dataFolders(copy, copy), options, platform);
    if (!result.ok) throw new Error(`cut at ${cut}: ${result.problem}`);
    expect(result.value.tree.lastZxid).toBeGreaterThanOrEqual(cut >= end - 2_000 ? 2 : 1);
    expect(result.value.tree.get('/a')?.data?.toString()).toBe('data of 1');
    // What was cut off is gone from the file too, so that the original can read it.
    const again = recover(dataFolders(copy, copy), options, platform);
    expect(again.ok && again.value.tree.lastZxid).toBe(result.value.tree.lastZxid);
  }
  rmSync(copy, { recursive: true, force: true });
});

test('a log of many pieces, and of records longer than a piece, is read as it was written, and cut off at its end', async () => {
  const MEBI = 1 << 20;
  const sizes = [
    10,
    3 * MEBI,
    20_000,
    MEBI - 50,
    MEBI,
    5,
    2 * MEBI + 7,
    ...new Array<number>(300).fill(9_999),
    2 * MEBI,
  ];
  const txns = sizes.map((bytes, index) =>
    create(index + 1, `/n${index}`, String.fromCharCode(97 + (index % 26)).repeat(bytes)),
  );
  const tree = new DataTree(options);
  for (const { header, txn } of txns) tree.apply(header, txn);
  await writeLog(txns);
  const whole = recovered();
  if (!whole.ok) throw new Error(whole.problem);
  expect(whole.value.replayedCount).toBe(txns.length);
  for (const node of tree.nodes()) {
    const same = whole.value.tree.get(node.path);
    expect(same?.mzxid).toBe(node.mzxid);
    expect(same?.data?.equals(node.data!)).toBe(true);
  }
  const bytes = readFileSync(logPath());
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  for (const lost of [1, 2 * MEBI - 1, MEBI]) {
    writeFileSync(logPath(), bytes.subarray(0, end - lost));
    const cut = recovered();
    if (!cut.ok) throw new Error(cut.problem);
    expect(cut.value.replayedCount).toBe(txns.length - 1);
    expect(readFileSync(logPath()).length).toBeLessThan(end - 2 * MEBI);
  }
});

test('a flipped bit in the middle of the log is not passed over: the server does not start', async () => {
  await writeLog([create(1, '/a'), create(2, '/b'), create(3, '/c')]);
  const bytes = readFileSync(logPath());
  const at = bytes.indexOf('data of 2');
  bytes[at]! ^= 0x04;
  writeFileSync(logPath(), bytes);
  const result = recovered();
  expect(result.ok).toBe(false);
  if (!result.ok) expect(result.problem).toMatch(/does not fit its checksum.*backup/s);
});

test('a missing log between two others is noticed', async () => {
  await writeLog([create(1, '/a'), create(2, '/b')], 1);
  const [first] = logFiles();
  rmSync(logPath(first));
  const result = recovered();
  expect(result.ok).toBe(false);
});

test('a damaged snapshot is passed over for the one before, and the logs bring back the rest', async () => {
  await writeLog([create(1, '/a'), create(2, '/b'), create(3, '/c')], 2);
  const before = recovered();
  if (!before.ok) throw new Error(before.problem);
  writeSnapshotNow(join(folder, 'version-2'), before.value.tree, before.value.sessions, platform.disk);
  const newest = join(folder, 'version-2', 'snapshot.3');
  const bytes = readFileSync(newest);
  bytes[bytes.length - 40]! ^= 1;
  writeFileSync(newest, bytes);
  const result = recovered();
  if (!result.ok) throw new Error(result.problem);
  expect(result.value.passedOver).toEqual(['snapshot.3']);
  expect(contentOf(result.value.tree)).toEqual(contentOf(before.value.tree));
});

test('when every snapshot is damaged the server does not start from nothing', async () => {
  await writeLog([create(1, '/a')]);
  writeFileSync(join(folder, 'version-2', 'snapshot.0'), 'nonsense');
  const result = recovered();
  expect(result.ok).toBe(false);
});

test('a snapshot holds the tree as it was at its beginning, whatever changes while it is written', async () => {
  const tree = new DataTree(options);
  let at = 0;
  const apply = (txn: Txn): void => {
    const next = logged(++at, txn);
    tree.apply(next.header, next.txn);
  };
  for (let index = 0; index < 3_000; index++) {
    apply({
      type: 'create',
      path: `/n${index}`,
      data: Buffer.from(`${index}`),
      acl: openAcl,
      ephemeral: index % 7 === 0,
      parentCversion: -1,
    });
    if (index % 7 !== 0) {
      apply({
        type: 'create',
        path: `/n${index}/child`,
        data: undefined,
        acl: openAcl,
        ephemeral: false,
        parentCversion: -1,
      });
    }
  }
  const expected = contentOf(tree);
  const lastZxid = tree.lastZxid;
  let writing = true;
  const written = writeSnapshot(folder, tree, new Map([[5n as SessionId, 6_000]]), platform).then(() => {
    writing = false;
  });
  for (let index = 0; writing; index = (index + 1) % 3_000) {
    if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    const path = `/n${(index * 7) % 3_000}`;
    const node = tree.get(path);
    if (node === undefined) {
      apply({ type: 'create', path, data: Buffer.from('new'), acl: openAcl, ephemeral: false, parentCversion: -1 });
    } else if (node.childCount > 0) apply({ type: 'delete', path: `${path}/child` });
    else if (index % 3 === 0) apply({ type: 'delete', path });
    else apply({ type: 'setData', path, data: Buffer.from(`changed ${at}`), version: node.version + 1 });
  }
  await written;
  const name = `snapshot.${lastZxid.toString(16)}`;
  const loaded = readSnapshot(readFileSync(join(folder, name)), name, lastZxid, options);
  if (!loaded.ok) throw new Error(loaded.problem);
  expect(contentOf(loaded.value.tree)).toEqual(expected);
  expect([...loaded.value.sessions]).toEqual([[5n, 6_000]]);
  expect(tree.lastZxid).toBeGreaterThan(lastZxid);
});

test('all pieces of a snapshot lie in the same memory, so that it leaves none outside of the heap to be collected', async () => {
  const tree = new DataTree(options);
  for (let at = 1; at <= 5_000; at++) {
    const { header, txn } = create(at, `/n${at}`, 'x'.repeat(200));
    tree.apply(header, txn);
  }
  const memory = new Set<ArrayBufferLike>();
  const sizes: number[] = [];
  for await (const piece of snapshotPieces(tree, new Map(), platform.clock)) {
    // The first is still short of a whole one when its memory is taken.
    memory.add(piece.buffer);
    sizes.push(piece.length);
  }
  expect(sizes.length).toBeGreaterThan(4);
  expect(memory.size).toBeLessThanOrEqual(2);
});

test('a snapshot is read alike however it is cut into pieces, and a shortened one is damaged', () => {
  const tree = new DataTree(options);
  const sizes = [0, 3, 1_024, 1_025, 5_000];
  for (let at = 1; at <= 60; at++) {
    const { header, txn } = create(at, `/n${at}`, 'x'.repeat(sizes[at % sizes.length]!));
    tree.apply(header, txn);
  }
  writeSnapshotNow(folder, tree, new Map([[5n as SessionId, 6_000]]), platform.disk);
  const bytes = readFileSync(join(folder, 'snapshot.3c'));
  const read = (cut: Buffer, pieceBytes: number): ReturnType<typeof readSnapshot> => {
    const reader = new SnapshotReader('snapshot.3c', options);
    const piece = Buffer.alloc(pieceBytes);
    for (let at = 0; at < cut.length; at += pieceBytes) {
      const count = cut.copy(piece, 0, at);
      if (reader.push(piece.subarray(0, count)) !== undefined) break;
      // Whoever reads a file uses the same memory again.
      piece.fill(0x5a);
    }
    return reader.finish(zxid(60));
  };
  for (const pieceBytes of [1, 7, 100, 4_096, 65_536, bytes.length]) {
    const loaded = read(bytes, pieceBytes);
    if (!loaded.ok) throw new Error(loaded.problem);
    expect(contentOf(loaded.value.tree)).toEqual(contentOf(tree));
    expect([...loaded.value.sessions]).toEqual([[5n, 6_000]]);
  }
  for (let length = 0; length < bytes.length; length += 1_999) {
    expect(read(bytes.subarray(0, length), 4_096)).toMatchObject({ ok: false });
  }
  for (const at of [9, 14, 40, 5_000, 50_000, bytes.length - 8]) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 0x10;
    expect(read(flipped, 1_000)).toMatchObject({ ok: false });
  }
});

test('pruning keeps what the oldest kept snapshot needs', async () => {
  for (let round = 0; round < 6; round++) {
    const before = recovered();
    if (!before.ok) throw new Error(before.problem);
    const { tree, sessions } = before.value;
    const next = tree.lastZxid + 1;
    await writeLog([create(next, `/r${round}`), create(next + 1, `/r${round}/x`)]);
    const after = recovered();
    if (!after.ok) throw new Error(after.problem);
    writeSnapshotNow(join(folder, 'version-2'), after.value.tree, sessions, platform.disk);
  }
  const removed = prune(dataFolders(folder, folder), 3, platform.disk);
  expect(removed.length).toBeGreaterThan(0);
  // Only the oldest of the three is left whole: its logs must reach to the end.
  const snapshots = readdirSync(join(folder, 'version-2')).filter((name) => name.startsWith('snapshot.'));
  expect(snapshots).toHaveLength(3);
  for (const name of snapshots.sort().slice(1)) writeFileSync(join(folder, 'version-2', name), 'nonsense');
  const result = recovered();
  if (!result.ok) throw new Error(result.problem);
  expect(result.value.tree.lastZxid).toBe(12);
});

test('random bytes in place of a log or a snapshot are an answer, never an exception', () => {
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.from(Array.from({ length: round * 3 }, () => platform.random.below(256)));
    readSnapshot(bytes, 'snapshot.1', zxid(1), options);
    readSnapshot(Buffer.concat([Buffer.from('ZKSN\u0000\u0000\u0000\u0002'), bytes]), 'snapshot.1', zxid(1), options);
  }
});
