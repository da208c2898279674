import { expect, test } from 'vitest';
import { hashOfPlan } from '../../src/placement/hash.ts';
import { defaultOptions, modelOf, planDocument, planOperation } from '../../src/placement/index.ts';
import { parsePlan } from '../../src/placement/json/index.ts';

test('a plan that moves a replica to another disk has another hash', () => {
  const move = { row: 3, broker: 1, from: '/a', to: '/b', bytes: 5 };
  const hash = hashOfPlan('input', {}, [], [move]);
  for (const other of [[], [{ ...move, row: 4 }], [{ ...move, to: '/c' }], [move, move]]) {
    expect(hashOfPlan('input', {}, [], other)).not.toBe(hash);
  }
});

test('a plan is read as it was written, and refused when it was changed since', () => {
  const partitions = Array.from({ length: 6 }, (_, id) => ({ id, replicas: [0, 1], sizeBytes: 1e9 }));
  const brokers = [0, 1, 2].map((id) => ({ id, zone: `z${id % 2}` }));
  const model = modelOf({ version: 1, brokers, topics: [{ name: 't', partitions }] });
  const result = planOperation(model, { kind: 'remove', brokers: [0] }, defaultOptions);
  if (!result.ok) throw new Error(result.problem.message);
  const document = planDocument(result.value);
  expect(parsePlan(JSON.stringify(document))).toEqual({ ok: true, value: document });
  const [batch] = document.batches;
  const changed = [
    { batches: [[...batch!.slice(1)]] },
    { batches: [batch!.map((change) => ({ ...change, to: change.to.toReversed() }))] },
    { operation: { kind: 'remove', brokers: [1] } },
    { inputHash: 'x' },
    { ends: document.ends!.slice(1) },
  ];
  for (const part of changed) {
    const answer = parsePlan(JSON.stringify({ ...document, ...part }));
    expect(answer).toMatchObject({ ok: false, problem: { field: 'digest' } });
  }
});
