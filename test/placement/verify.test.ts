import { expect, test } from 'vitest';
import { defaultOptions, modelOf, type PlanOptions, verify } from '../../src/placement/index.ts';

const GB = 1e9;

/** Broker 2 is small; partition 0 (6 GB) goes from broker 0 to 2, partition 1 (6 GB) from 2 to 0, partition 2 stays. */
const model = modelOf({
  version: 1,
  brokers: [0, 1, 2].map((id) => ({ id, zone: 'a', capacity: { diskBytes: (id === 2 ? 10 : 100) * GB } })),
  topics: [
    {
      name: 't',
      partitions: [[0], [2], [1]].map((replicas, id) => ({ id, replicas, sizeBytes: 6 * GB })),
    },
  ],
});
const target = Int32Array.of(2, 0, 1);

const found = (batches: readonly (readonly number[])[], options: Partial<PlanOptions> = {}) => {
  const first = Int32Array.from([0, ...batches.map((_, at) => batches.slice(0, at + 1).flat().length)]);
  const claim = { model, target, rows: Int32Array.from(batches.flat()), first };
  return verify(claim, { ...defaultOptions, ...options }).map(({ goal, batch, subject, kind }) => ({
    goal,
    batch,
    subject,
    kind,
  }));
};
const introduced = (goal: string, batch: number, subject: string) => [{ goal, batch, subject, kind: 'introduced' }];

test('a disk that has the old and the new side by side must have room for both', () => {
  expect(found([[1], [0]])).toEqual([]);
  expect(found([[0], [1]])).toEqual(introduced('H6', 0, 'broker 2'));
  expect(found([[0, 1]])).toEqual(introduced('H6', 0, 'broker 2'));
  expect(found([[0, 1]], { transientDiskUse: 1.2 })).toEqual([]);
});

test('a batch has no more partitions than its limit', () => {
  const batch = { ...defaultOptions.batch, partitions: 1 };
  expect(found([[1], [0]], { batch })).toEqual([]);
  expect(found([[1, 0]], { batch, transientDiskUse: 2 })).toEqual(introduced('H12', 0, 'batch 0'));
});

test('bytes and replicas that are copied keep their budgets', () => {
  expect(found([[1], [0]], { maxBytes: 12 * GB, maxMoves: 2 })).toEqual([]);
  expect(found([[1], [0]], { maxBytes: 11 * GB })).toEqual(introduced('H12', -1, 'plan'));
  expect(found([[1], [0]], { maxMoves: 1 })).toEqual(introduced('H12', -1, 'plan'));
});

test('what changes is in one batch, and nothing else is', () => {
  expect(found([[1]])).toEqual(introduced('S8', -1, 't-0'));
  expect(found([[1], [0], [0]], { transientDiskUse: 2 })).toEqual(introduced('S8', -1, 't-0'));
  expect(found([[1], [0], [2]])).toEqual(introduced('S8', -1, 't-2'));
});
