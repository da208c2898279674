import { expect, test } from 'vitest';
import { type Epoch, epoch, offset, seededRandom } from '../../../src/base/index.ts';
import { type Entry, nodeId, type SnapshotId } from '../../../src/quorum/index.ts';
import { LogStore } from '../../../src/zookeeper/agreement/log-store.ts';
import { decodeMessage, encodeMessage } from '../../../src/zookeeper/agreement/message-codec.ts';
import { encodeEntry, type Stored } from '../../../src/zookeeper/agreement/record-codec.ts';
import { SnapshotStore } from '../../../src/zookeeper/agreement/snapshot-store.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';
import { silent } from './ensemble.ts';

const folder = '/volume';
const settings = { segmentBytes: 4000, recentBytes: 2000 };
const open = (disk: MemoryDisk, snapshot?: { id: SnapshotId; voters: [] }): LogStore =>
  new LogStore({ disk, folder, logger: silent, settings }, snapshot);

function entries(from: number, count: number, inEpoch: number): Stored[] {
  return Array.from({ length: count }, (_, at) => {
    const entry: Entry = {
      offset: offset(from + at),
      count: 1,
      epoch: epoch(inEpoch),
      body: { kind: 'data', value: Buffer.from(`value ${from + at} ${'x'.repeat((from + at) % 90)}`) },
    };
    return { entry, bytes: encodeEntry(entry) };
  });
}

async function filled(disk: MemoryDisk, count: number): Promise<LogStore> {
  disk.makeFolder(folder);
  const log = open(disk);
  for (let at = 0; at < count; at += 10) {
    log.append(entries(at, 10, 1 + Math.floor(at / 100)));
    await log.sync();
  }
  return log;
}

const valuesOf = (records: readonly Stored[]): string[] =>
  records.map(({ entry }) => (entry.body.kind === 'data' ? Buffer.from(entry.body.value).toString() : ''));

test('what was appended is read back, from memory, from segments, and after a restart', async () => {
  const disk = new MemoryDisk();
  let log = await filled(disk, 300);
  expect(disk.list(folder).length).toBeGreaterThan(3);
  for (const store of [log, open(disk)]) {
    log = store;
    expect(log.index).toMatchObject({ startOffset: 0, endOffset: 300, flushedOffset: 300, lastEpoch: 3 });
    for (let at = 0; at < 300; at += 7) {
      const records = log.read(offset(at), 500);
      expect(records[0]?.entry.offset).toBe(at);
      expect(valuesOf(records)).toEqual(valuesOf(entries(at, records.length, 1)));
    }
  }
});

test('a cut is kept over a restart, and the log goes on from it', async () => {
  const disk = new MemoryDisk();
  for (const to of [299, 250, 150, 31, 0]) {
    const log = await filled(disk, 300);
    log.truncate(offset(to));
    expect(log.index.endOffset).toBe(to);
    log.append(entries(to, 5, 9));
    await log.sync();
    const again = open(disk);
    expect(again.index).toMatchObject({ endOffset: to + 5, lastEpoch: 9 });
    expect(again.read(offset(to), 10_000).map(({ entry }) => entry.epoch as Epoch)).toEqual([9, 9, 9, 9, 9]);
    for (const name of disk.list(folder)) disk.remove(`${folder}/${name}`);
  }
});

test('a tail that was being written is cut off wherever it tears', async () => {
  const disk = new MemoryDisk();
  const log = await filled(disk, 100);
  log.append(entries(100, 20, 1));
  const path = `${folder}/${disk.list(folder).at(-1)}`;
  const padded = disk.read(path) as Buffer;
  const whole = padded.subarray(0, padded.findLastIndex((byte) => byte !== 0) + 1);
  expect(padded.length).toBeGreaterThan(whole.length);
  const tail = entries(100, 20, 1).reduce((sum, { bytes }) => sum + bytes.length, 0);
  for (let torn = 1; torn < tail; torn += 13) {
    const kept = whole.subarray(0, whole.length - torn);
    // Cut short, or never written: a file is longer than what it holds.
    for (const left of [kept, Buffer.concat([kept, Buffer.alloc(padded.length - kept.length)])]) {
      const copy = new MemoryDisk();
      for (const name of disk.list(folder)) copy.replace(`${folder}/${name}`, disk.read(`${folder}/${name}`) as Buffer);
      copy.replace(path, left);
      const log = open(copy);
      const { endOffset } = log.index;
      expect(endOffset).toBeGreaterThanOrEqual(100);
      expect(endOffset).toBeLessThan(120);
      // What follows is read back: nothing of the torn tail is left behind it.
      log.append(entries(endOffset, 3, 2));
      await log.sync();
      expect(open(copy).index.endOffset).toBe(endOffset + 3);
    }
  }
});

test('the zeros behind the newest entries are no damage, and older segments have none', async () => {
  const disk = new MemoryDisk();
  await filled(disk, 300);
  const warnings: string[] = [];
  const logger = { ...silent, warn: (_: unknown, message?: string) => void warnings.push(String(message)) };
  const log = new LogStore({ disk, folder, logger, settings }, undefined);
  expect(log.index.endOffset).toBe(300);
  expect(warnings).toEqual([]);
  for (const name of disk.list(folder).slice(0, -1)) expect(disk.read(`${folder}/${name}`)?.at(-1)).not.toBe(0);
});

test('a flipped bit in what was synced is never taken for a torn tail', async () => {
  const disk = new MemoryDisk();
  await filled(disk, 200);
  const random = seededRandom(3);
  let refused = 0;
  const names = disk.list(folder);
  for (let round = 0; round < 400; round++) {
    const copy = new MemoryDisk();
    for (const name of names) copy.replace(`${folder}/${name}`, disk.read(`${folder}/${name}`) as Buffer);
    const path = `${folder}/${names[random.below(names.length)]}`;
    const bytes = Buffer.from(disk.read(path) as Buffer);
    const at = random.below(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
    copy.replace(path, bytes);
    try {
      const log = open(copy);
      // Only the very last sync has no later write that vouches for it.
      expect(log.index.endOffset).toBeGreaterThanOrEqual(190);
    } catch (error) {
      refused++;
      expect((error as Error).message).toMatch(/damaged|missing|snapshot/);
    }
  }
  expect(refused).toBeGreaterThan(300);
});

test('a damaged snapshot is set aside for the one before it', async () => {
  const disk = new MemoryDisk();
  const log = await filled(disk, 200);
  const snapshots = new SnapshotStore({ disk, folder, logger: silent });
  for (const at of [100, 150]) {
    const id = { offset: offset(at), epoch: log.epochBefore(offset(at)) };
    await snapshots.write({ id, voters: [] }, [Buffer.from(`state at ${at}`)]);
    log.setSnapshot(id);
    log.dropBelow((snapshots.oldest() as SnapshotId).offset);
  }
  const path = `${folder}/${disk.list(folder).findLast((name) => name.endsWith('.state'))}`;
  const bytes = Buffer.from(disk.read(path) as Buffer);
  for (let at = 0; at < bytes.length; at++) {
    const copy = new MemoryDisk();
    for (const name of disk.list(folder)) copy.replace(`${folder}/${name}`, disk.read(`${folder}/${name}`) as Buffer);
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(at) ^ 0x10, at);
    copy.replace(path, flipped);
    const good = new SnapshotStore({ disk: copy, folder, logger: silent }).newestGood();
    expect(good?.id.offset).toBe(100);
    const again = open(copy, { id: (good as { id: SnapshotId }).id, voters: [] });
    expect(again.index).toMatchObject({ endOffset: 200 });
    expect(again.index.startOffset).toBeLessThanOrEqual(100);
  }
});

test('messages with any byte changed or missing are refused or read, never thrown at', () => {
  const random = seededRandom(5);
  const message = encodeMessage({
    kind: 'fetchAnswer',
    correlationId: 7,
    epoch: epoch(3),
    leader: nodeId(2),
    problem: undefined,
    ahead: false,
    highWatermark: offset(5),
    round: 1,
    diverging: undefined,
    snapshot: undefined,
    entries: entries(0, 5, 3).map(({ entry }) => entry),
  });
  const bytes = Buffer.concat(message);
  expect(decodeMessage(bytes)?.message).toMatchObject({ correlationId: 7, leader: 2, highWatermark: 5 });
  expect(decodeMessage(bytes)?.stored.length).toBe(5);
  const flushed = { kind: 'leaderFlushed', correlationId: 0, epoch: epoch(3), flushedOffset: offset(2 ** 40) } as const;
  expect(decodeMessage(Buffer.concat(encodeMessage(flushed)))?.message).toEqual(flushed);
  for (let round = 0; round < 20_000; round++) {
    const spoilt = Buffer.from(bytes.subarray(0, round % 3 === 0 ? random.below(bytes.length) : bytes.length));
    for (let flips = random.below(4); flips > 0 && spoilt.length > 0; flips--) {
      spoilt.writeUInt8(random.below(256), random.below(spoilt.length));
    }
    decodeMessage(spoilt);
    decodeMessage(Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256))));
  }
});
