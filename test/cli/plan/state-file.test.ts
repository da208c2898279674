import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type KeptPlan, readState, writeState } from '../../../src/cli/plan/state-file.ts';
import { digestOf } from '../../../src/placement/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'hikube-state-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'plan.json');

const undigested = {
  version: 1 as const,
  operation: { kind: 'remove' as const, brokers: [4] },
  seed: 1,
  inputHash: 'a'.repeat(64),
  hash: 'b'.repeat(64),
  cost: { bytes: 10, crossZoneBytes: 0, copies: 1, leaderChanges: 0, partitions: 1, seconds: 1 },
  bounds: { bytes: 10, seconds: 1 },
  problems: [],
  batches: [[{ topic: 'orders', partition: 0, bytes: 10, from: [4, 1], to: [2, 1] }]],
  diskMoves: [{ topic: 'orders', partition: 1, broker: 1, from: '/a', to: '/b', bytes: 5 }],
  manner: { throttle: 1e6, movesPerBroker: 3, batchPartitions: 10 },
} satisfies Omit<KeptPlan, 'digest'>;
const plan: KeptPlan = { ...undigested, digest: digestOf(undigested) };

test('a plan is read as it was kept, with the way in which it is carried out', async () => {
  await writeState(path, plan);
  expect(await readState(path)).toEqual(plan);
  expect(readdirSync(folder)).toEqual(['plan.json']);
});

test('a file that is not a plan is refused with the place that is wrong', async () => {
  const wrong: [unknown, string][] = [
    [{ ...plan, hash: 'x' }, 'hash'],
    [{ ...plan, batches: [[{ topic: 'orders' }]] }, 'batches[0][0].partition'],
    [{ ...plan, diskMoves: [{ topic: 'orders', partition: 1, broker: 1, from: '/a' }] }, 'diskMoves[0].to'],
    [{ ...plan, diskMoves: 3 }, 'diskMoves'],
    [{ ...plan, manner: { throttle: 'fast' } }, 'manner.throttle'],
    [{ ...plan, digest: digestOf({ ...plan, batches: [] }) }, 'digest'],
    [{ ...plan, operation: { kind: 'remove', brokers: [3] } }, 'digest'],
    [{ ...plan, diskMoves: [{ ...plan.diskMoves[0], to: '/c' }] }, 'digest'],
    [undigested, 'digest'],
  ];
  for (const [value, field] of wrong) {
    writeFileSync(path, JSON.stringify(value));
    await expect(readState(path)).rejects.toMatchObject({ field: `${path}: ${field}` });
  }
  await expect(readState(join(folder, 'none'))).rejects.toMatchObject({ field: '--state' });
  await expect(writeState(join(folder, 'none', 'plan.json'), plan)).rejects.toMatchObject({ field: '--state' });
});
