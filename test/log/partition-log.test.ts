import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorCode, wholeBatches } from '../../src/protocol/kafka/index.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { appended, batchOf, client, depsOn, folder, offsetsRead, openLog } from './suite.ts';

describe('appending', () => {
  test('batches of one turn get growing offsets, the current epoch, and go to disk in one write', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    expect([
      appended(log, batchOf({ records: 3 }), 5),
      appended(log, batchOf({ records: 2 }), 5),
      appended(log, batchOf(), 5),
    ]).toEqual([0, 3, 5]);
    expect(log.logEndOffset).toBe(6);
    expect(log.writtenEndOffset).toBe(0);
    const writes = disk.writeCount;
    deps.endTurn();
    expect(disk.writeCount - writes).toBe(1);
    expect(log.writtenEndOffset).toBe(6);
    const batches = [...wholeBatches(disk.files.get(`${folder}/00000000000000000000.log`) as Buffer)];
    expect(batches.map((each) => [each.baseOffset, each.partitionLeaderEpoch, each.isCrcValid])).toEqual([
      [0, 5, true],
      [3, 5, true],
      [5, 5, true],
    ]);
    expect(disk.files.get(`${folder}/leader-epoch-checkpoint`)?.toString()).toBe('0\n1\n5 0\n');
  });

  test('all that wait for the device share one sync, and late comers share the next', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    const told: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      appended(log, batchOf());
      log.whenSynced(log.logEndOffset, () => told.push(name));
    }
    deps.endTurn();
    expect(told).toEqual([]);
    appended(log, batchOf());
    log.whenSynced(log.logEndOffset, () => told.push('d'));
    deps.endTurn();
    await log.flush();
    expect(told).toEqual(['a', 'b', 'c', 'd']);
    expect(disk.syncCount).toBe(2);
    expect(log.syncedEndOffset).toBe(4);
  });

  test('a large turn is written off the loop, and what comes meanwhile follows in order', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    appended(log, batchOf({ valueBytes: 200_000 }));
    deps.endTurn();
    appended(log, batchOf());
    deps.endTurn();
    expect(log.writtenEndOffset).toBe(0);
    expect((await log.flush()).ok).toBe(true);
    expect(log.writtenEndOffset).toBe(2);
    expect(await offsetsRead(log, 0)).toEqual([0, 1]);
  });

  test.each([
    ['no bytes', () => Buffer.alloc(0), errorCode.CORRUPT_MESSAGE],
    ['a flipped bit', () => flip(batchOf(), 70), errorCode.CORRUPT_MESSAGE],
    ['two batches', () => Buffer.concat([batchOf(), batchOf()]), errorCode.INVALID_RECORD],
    ['more bytes than allowed', () => batchOf({ valueBytes: 2_000_000 }), errorCode.MESSAGE_TOO_LARGE],
  ])('%s is refused and leaves the log as it was', (_, batch, code) => {
    const log = openLog(depsOn(new MemoryDisk()));
    expect(log.append(batch(), 0, client)).toMatchObject({ ok: false, problem: { kind: 'invalidBatch', code } });
    expect(log.logEndOffset).toBe(0);
  });

  test('with LogAppendTime the batch carries the time of the broker and a new checksum', async () => {
    const deps = depsOn(new MemoryDisk());
    const log = openLog(deps, { timestampType: 'LogAppendTime' });
    const outcome = log.append(batchOf({ timestampMs: 5 }), 0, client);
    expect(outcome).toMatchObject({ ok: true, value: { logAppendTimeMs: deps.clock.now } });
    deps.endTurn();
    const [batch] = [...wholeBatches((await log.read(0, 1, 1))[0] as Buffer)];
    expect([batch?.isLogAppendTime, batch?.maxTimestamp, batch?.isCrcValid]).toEqual([true, deps.clock.now, true]);
  });
});

describe('idempotent producers', () => {
  const producer = { producerId: 7, producerEpoch: 0 };

  test('a batch that is sent again is answered with its first offsets, a gap is refused', () => {
    const log = openLog(depsOn(new MemoryDisk()));
    expect(appended(log, batchOf({ ...producer, baseSequence: 0, records: 2 }))).toBe(0);
    expect(appended(log, batchOf({ ...producer, baseSequence: 2 }))).toBe(2);
    expect(log.append(batchOf({ ...producer, baseSequence: 0, records: 2 }), 0, client)).toMatchObject({
      ok: true,
      value: { baseOffset: 0, endOffset: 2, isDuplicate: true },
    });
    expect(log.append(batchOf({ ...producer, baseSequence: 9 }), 0, client)).toMatchObject({
      ok: false,
      problem: { kind: 'outOfOrderSequence', expected: 3, received: 9 },
    });
    expect(log.logEndOffset).toBe(3);
  });

  test('the last five batches are remembered, an older one is out of order', () => {
    const log = openLog(depsOn(new MemoryDisk()));
    for (let sequence = 0; sequence < 7; sequence++) appended(log, batchOf({ ...producer, baseSequence: sequence }));
    expect(log.append(batchOf({ ...producer, baseSequence: 2 }), 0, client)).toMatchObject({
      ok: true,
      value: { isDuplicate: true, baseOffset: 2 },
    });
    expect(log.append(batchOf({ ...producer, baseSequence: 1 }), 0, client)).toMatchObject({
      ok: false,
      problem: { kind: 'outOfOrderSequence' },
    });
  });

  test('an older epoch is fenced and a newer one begins at sequence 0', () => {
    const log = openLog(depsOn(new MemoryDisk()));
    appended(log, batchOf({ ...producer, producerEpoch: 1, baseSequence: 0 }));
    expect(log.append(batchOf({ ...producer, producerEpoch: 0, baseSequence: 1 }), 0, client)).toMatchObject({
      problem: { kind: 'invalidProducerEpoch', expected: 1 },
    });
    expect(log.append(batchOf({ ...producer, producerEpoch: 2, baseSequence: 4 }), 0, client)).toMatchObject({
      problem: { kind: 'outOfOrderSequence', expected: 0 },
    });
    expect(appended(log, batchOf({ ...producer, producerEpoch: 2, baseSequence: 0 }))).toBe(1);
  });

  test('an unknown producer may begin anywhere, and sequences wrap at 2^31', () => {
    const log = openLog(depsOn(new MemoryDisk()));
    appended(log, batchOf({ ...producer, baseSequence: 0x7fffffff }));
    expect(appended(log, batchOf({ ...producer, baseSequence: 0 }))).toBe(1);
  });

  test('after a crash, and after an orderly stop, a batch that is sent again is still known', async () => {
    for (const wasClean of [true, false]) {
      const disk = new MemoryDisk();
      const deps = depsOn(disk);
      const log = openLog(deps);
      for (let sequence = 0; sequence < 3; sequence++) appended(log, batchOf({ ...producer, baseSequence: sequence }));
      deps.endTurn();
      if (wasClean) log.closeCleanly();
      const again = openLog(depsOn(disk), {}, { wasClean });
      expect(again.append(batchOf({ ...producer, baseSequence: 2 }), 0, client)).toMatchObject({
        ok: true,
        value: { isDuplicate: true, baseOffset: 2 },
      });
      expect(appended(again, batchOf({ ...producer, baseSequence: 3 }))).toBe(3);
    }
  });
});

test('the last five batches are known after a restart too, though a segment began among them', async () => {
  for (const wasClean of [true, false]) {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const producer = { producerId: 7, producerEpoch: 0 };
    const log = openLog(deps, { segmentBytes: 300 });
    for (let sequence = 0; sequence < 9; sequence++) appended(log, batchOf({ ...producer, baseSequence: sequence }));
    deps.endTurn();
    await log.flush();
    expect(log.segmentCount).toBeGreaterThan(2);
    if (wasClean) log.closeCleanly();
    const again = openLog(depsOn(disk), { segmentBytes: 300 }, { wasClean });
    for (const sequence of [4, 5, 6, 7, 8]) {
      expect(again.append(batchOf({ ...producer, baseSequence: sequence }), 0, client)).toMatchObject({
        value: { isDuplicate: true, baseOffset: sequence },
      });
    }
  }
});

describe('reading', () => {
  test('the answer begins with the batch that holds the offset and has at least one batch', async () => {
    const deps = depsOn(new MemoryDisk());
    const log = openLog(deps);
    for (let index = 0; index < 10; index++) appended(log, batchOf({ records: 10 }));
    deps.endTurn();
    expect(await offsetsRead(log, 25, 1)).toEqual([20]);
    const size = batchOf({ records: 10 }).length;
    expect(await offsetsRead(log, 25, size * 3)).toEqual([20, 30, 40]);
    expect(await offsetsRead(log, 99)).toEqual([90]);
    expect(await offsetsRead(log, 100)).toEqual([]);
  });

  test('a reader at the tail gets each batch at once, over rolls too', async () => {
    const deps = depsOn(new MemoryDisk());
    const log = openLog(deps, { segmentBytes: 1000 });
    let offset = 0;
    for (let index = 0; index < 50; index++) {
      expect(await offsetsRead(log, offset)).toEqual([]);
      expect(appended(log, batchOf({ records: 1 + (index % 3), valueBytes: index * 3 }))).toBe(offset);
      deps.endTurn();
      await log.flush();
      expect(await offsetsRead(log, offset)).toEqual([offset]);
      offset = log.writtenEndOffset;
    }
    expect(log.segmentCount).toBeGreaterThan(3);
  });

  test('a batch larger than the limit and than any slab comes whole from disk', async () => {
    const deps = depsOn(new MemoryDisk());
    const log = openLog(deps, { maxMessageBytes: 10_000_000 });
    appended(log, batchOf());
    appended(log, batchOf({ valueBytes: 6_000_000 }));
    deps.endTurn();
    await log.flush();
    expect(await offsetsRead(log, 1, 1)).toEqual([1]);
  });

  test('a flipped bit in a sealed or active segment is found and never handed out', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    for (let index = 0; index < 5; index++) appended(log, batchOf());
    deps.endTurn();
    const path = `${folder}/00000000000000000000.log`;
    disk.files.set(path, flip(disk.files.get(path) as Buffer, batchOf().length * 2 + 65));
    expect(await offsetsRead(log, 0)).toEqual([0, 1]);
    await expect(async () => log.read(2, 5, 100)).rejects.toThrow(/badChecksum/);
  });

  test('any history of appends, rolls and reads gives back what went in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ records: fc.integer({ min: 1, max: 5 }), valueBytes: fc.integer({ min: 0, max: 3000 }) }),
          { minLength: 1, maxLength: 60 },
        ),
        fc.integer({ min: 500, max: 20_000 }),
        fc.nat(),
        async (shapes, segmentBytes, seed) => {
          const disk = new MemoryDisk();
          const deps = depsOn(disk);
          let log = openLog(deps, { segmentBytes });
          const bases: number[] = [];
          for (const [index, shape] of shapes.entries()) {
            bases.push(appended(log, batchOf(shape)));
            if (index % 3 === 0) deps.endTurn();
          }
          deps.endTurn();
          await log.flush();
          if (seed % 3 === 1) {
            log.closeCleanly();
            log = openLog(deps, { segmentBytes }, { wasClean: true });
          } else if (seed % 3 === 2) log = openLog(deps, { segmentBytes });
          expect(log.logEndOffset).toBe(shapes.reduce((sum, each) => sum + each.records, 0));
          const from = seed % log.logEndOffset;
          const got: number[] = [];
          for (let offset = from; offset < log.logEndOffset; ) {
            const some = await offsetsRead(log, offset, 2000);
            got.push(...some);
            const last = bases.indexOf(some.at(-1) as number);
            offset = bases[last + 1] ?? log.logEndOffset;
          }
          expect(got).toEqual(bases.slice(bases.findLastIndex((base) => base <= from)));
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('recovery', () => {
  test('a tail torn at any byte of the last two batches is cut to whole batches', () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    for (let index = 0; index < 4; index++) appended(log, batchOf({ records: 2 }));
    deps.endTurn();
    const path = `${folder}/00000000000000000000.log`;
    const whole = disk.files.get(path) as Buffer;
    const size = whole.length / 4;
    for (let length = size * 2; length <= whole.length; length++) {
      disk.files.set(path, Buffer.from(whole.subarray(0, length)));
      const recovered = openLog(depsOn(disk), {}, { recoveryPoint: 0 });
      expect(recovered.logEndOffset).toBe(Math.floor(length / size) * 2);
      expect(disk.files.get(path)?.length).toBe(Math.floor(length / size) * size);
    }
  });

  test('every flipped bit above the recovery point is found', () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    for (let index = 0; index < 3; index++) appended(log, batchOf());
    deps.endTurn();
    const path = `${folder}/00000000000000000000.log`;
    const whole = Buffer.from(disk.files.get(path) as Buffer);
    const size = whole.length / 3;
    // Base offset and leader epoch lie outside the checksum: they are checked against their neighbours.
    for (let at = size + 16; at < size * 2; at++) {
      for (let bit = 0; bit < 8; bit++) {
        disk.files.set(path, flip(whole, at, bit));
        expect(openLog(depsOn(disk)).logEndOffset).toBe(1);
      }
    }
  });

  test('zeros after the last batch, as a power cut leaves them, are cut off', () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    appended(log, batchOf());
    deps.endTurn();
    const path = `${folder}/00000000000000000000.log`;
    disk.files.set(path, Buffer.concat([disk.files.get(path) as Buffer, Buffer.alloc(5000)]));
    expect(openLog(depsOn(disk)).logEndOffset).toBe(1);
  });

  test('damage in what was synced takes the partition offline and destroys nothing', () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    for (let index = 0; index < 3; index++) appended(log, batchOf());
    deps.endTurn();
    const path = `${folder}/00000000000000000000.log`;
    const damaged = Buffer.from(disk.files.get(path) as Buffer);
    damaged.writeInt32BE(-5, batchOf().length + 8);
    disk.files.set(path, damaged);
    expect(() => openLog(depsOn(disk), {}, { recoveryPoint: 3 })).toThrow(/byte \d+: badLength at offset 1/);
    expect(disk.files.get(path)?.length).toBe(damaged.length);
  });

  test('a wrong checksum in what was synced is kept: the records after it are still there', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    for (let index = 0; index < 3; index++) appended(log, batchOf());
    deps.endTurn();
    const path = `${folder}/00000000000000000000.log`;
    disk.files.set(path, flip(disk.files.get(path) as Buffer, batchOf().length + 65));
    const recovered = openLog(depsOn(disk), {}, { recoveryPoint: 3 });
    expect(await offsetsRead(recovered, 2)).toEqual([2]);
    await expect(async () => recovered.read(1, 3, 100)).rejects.toThrow(/badChecksum/);
  });

  test('whatever a power cut leaves of the unsynced bytes, everything that was called durable is there', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ sync: fc.boolean(), records: fc.integer({ min: 1, max: 4 }), valueBytes: fc.nat({ max: 400 }) }),
          { minLength: 1, maxLength: 40 },
        ),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (steps, share) => {
          const disk = new MemoryDisk();
          const deps = depsOn(disk);
          const log = openLog(deps, { segmentBytes: 1500 });
          let durable = 0;
          for (const step of steps) {
            appended(log, batchOf(step));
            deps.endTurn();
            if (step.sync) {
              await log.flush();
              durable = log.syncedEndOffset;
              expect(durable).toBe(log.logEndOffset);
            }
          }
          disk.cutPower((_, synced, full) => synced + Math.floor((full - synced) * share));
          const recovered = openLog(depsOn(disk), { segmentBytes: 1500 });
          expect(recovered.logEndOffset).toBeGreaterThanOrEqual(durable);
          for (let offset = recovered.logStartOffset; offset < recovered.logEndOffset; offset++) {
            expect(await offsetsRead(recovered, offset, 1)).toHaveLength(1);
          }
          appended(recovered, batchOf());
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a disk that fails', () => {
  test('a full disk refuses appends, keeps reads, and the log comes back when there is room', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    appended(log, batchOf());
    deps.endTurn();
    await log.flush();
    disk.writeFailure = 'ENOSPC';
    appended(log, batchOf());
    let told: unknown;
    log.whenWritten(2, (problem) => {
      told = problem;
    });
    deps.endTurn();
    expect(told).toMatchObject({ kind: 'storage', code: 'ENOSPC' });
    expect(log.append(batchOf(), 0, client)).toMatchObject({ ok: false, problem: { kind: 'storage', code: 'ENOSPC' } });
    expect(await offsetsRead(log, 0)).toEqual([0]);
    disk.writeFailure = undefined;
    expect(log.reload()).toBeUndefined();
    expect(appended(log, batchOf())).toBe(1);
    deps.endTurn();
    expect((await log.flush()).ok).toBe(true);
  });

  test('after a failed sync nothing that waited is called durable', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps);
    appended(log, batchOf());
    disk.syncFailure = 'EIO';
    deps.endTurn();
    expect(await log.flush()).toMatchObject({ ok: false, problem: { code: 'EIO' } });
    disk.syncFailure = undefined;
    expect(await log.flush()).toMatchObject({ ok: false });
    expect(log.syncedEndOffset).toBe(0);
  });
});

describe('lookups by time', () => {
  test('the first record at or after a time is found inside its batch, in any segment', async () => {
    const deps = depsOn(new MemoryDisk());
    const log = openLog(deps, { segmentBytes: 2000, indexIntervalBytes: 100 });
    for (let index = 0; index < 100; index++) appended(log, batchOf({ records: 10, timestampMs: index * 100 }));
    deps.endTurn();
    await log.flush();
    for (const time of [0, 1, 105, 109, 110, 5_005, 9_909]) {
      const expected = Math.floor(time / 100) * 10 + Math.min(time % 100, 10);
      const found = await log.offsetOfTime(time, 1000);
      expect(found?.offset).toBe(expected);
    }
    expect(await log.offsetOfTime(9_910, 1000)).toBeUndefined();
    expect(await log.offsetOfGreatestTime(1000)).toEqual({ offset: 999, timestamp: 9_909 });
  });
});

describe('deleting', () => {
  test('old segments go by time and by size, never the rest, and the files are gone after a while', async () => {
    const disk = new MemoryDisk();
    const deps = depsOn(disk);
    const log = openLog(deps, { segmentBytes: 200, retentionMs: 1000 });
    for (let index = 0; index < 10; index++) appended(log, batchOf({ timestampMs: deps.clock.now + index * 100 }));
    deps.endTurn();
    await log.flush();
    deps.clock.now += 1_450;
    const before = log.segmentCount;
    const erase = log.deleteOld(log.writtenEndOffset);
    expect(erase.length).toBeGreaterThan(0);
    expect(log.segmentCount).toBe(before - erase.length);
    expect(log.logStartOffset).toBeGreaterThan(0);
    expect(disk.list(folder).some((name) => name.endsWith('.deleted'))).toBe(true);
    for (const each of erase) each();
    expect(disk.list(folder).some((name) => name.endsWith('.deleted'))).toBe(false);
    expect(await offsetsRead(log, log.logStartOffset)).toContain(log.logStartOffset);
    const again = openLog(depsOn(disk), { segmentBytes: 200 });
    expect(again.logStartOffset).toBe(log.logStartOffset);
    expect(again.logEndOffset).toBe(10);
  });

  test('when everything is too old an empty segment begins at the end', async () => {
    const deps = depsOn(new MemoryDisk());
    const log = openLog(deps, { retentionMs: 1000 });
    appended(log, batchOf());
    deps.endTurn();
    deps.clock.now += 10_000;
    expect(log.deleteOld(1)).toHaveLength(1);
    expect([log.logStartOffset, log.logEndOffset, log.sizeBytes]).toEqual([1, 1, 0]);
    expect(appended(log, batchOf())).toBe(1);
  });

  test('DeleteRecords moves the start, and its segments go with the next retention run', async () => {
    const deps = depsOn(new MemoryDisk());
    const log = openLog(deps, { segmentBytes: 200, retentionMs: -1 });
    for (let index = 0; index < 10; index++) appended(log, batchOf());
    deps.endTurn();
    await log.flush();
    log.advanceLogStart(7);
    expect(log.logStartOffset).toBe(7);
    expect(log.needsStartCheckpoint).toBe(true);
    expect(log.deleteOld(10).length).toBeGreaterThan(1);
    expect(log.logStartOffset).toBe(7);
  });
});

function flip(bytes: Buffer, at: number, bit = 0): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ (1 << bit);
  return copy;
}
