import { expect, test } from 'vitest';
import {
  defaultOptions,
  type Model,
  modelAfter,
  type Operation,
  type PlanDocument,
  planDocument,
  planEndOf,
  planOperation,
} from '../../src/placement/index.ts';
import { emptyCluster } from '../bench/placement/instances.ts';

const rebalance: Operation = { kind: 'rebalance' };

/** Twelve brokers in three zones; four of them hold nothing. */
function skewed(): Model {
  const shape = { name: 'S', seed: 3, brokers: 12, partitions: 120, factor: 2, zones: 3, capacity: 'uniform' } as const;
  const model = emptyCluster(shape);
  const replicas = model.replicas.map((_, cell) => (Math.floor(cell / 2) + (cell % 2)) % 8);
  return modelAfter(model, replicas);
}

function planned(model: Model, earlier?: Parameters<typeof planOperation>[3]) {
  const result = planOperation(model, rebalance, defaultOptions, earlier);
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
}

test('a kept document says where its plan ends, so that noise after it moves nothing', () => {
  const made = planned(skewed());
  expect(made.cost.copies).toBeGreaterThan(0);
  const kept = JSON.parse(JSON.stringify(planDocument(made))) as PlanDocument;
  const after = modelAfter(made.model, made.target);
  const noisy = { ...after, sizes: after.sizes.map((size, row) => size * (row % 2 === 0 ? 1.03 : 0.97)) };
  const end = planEndOf(noisy, kept);
  expect(end?.target).toEqual(made.target);
  expect(planned(noisy, end).cost.copies).toBe(0);
});

test('a kept document that was carried out by half leads to the same end, or to one that copies less', () => {
  const made = planned(skewed());
  const half = made.model.replicas.slice();
  const { width } = made.model;
  const done = made.schedule.rows.subarray(0, made.schedule.rows.length >> 1);
  for (const row of done) half.set(made.target.subarray(row * width, (row + 1) * width), row * width);
  const middle = modelAfter(made.model, half);
  let spent = 0;
  for (const row of done) {
    const held = made.model.replicas.subarray(row * width, (row + 1) * width);
    for (const broker of half.subarray(row * width, (row + 1) * width)) {
      if (!held.includes(broker)) spent += made.model.sizes[row]!;
    }
  }
  const rest = planned(middle, planEndOf(middle, planDocument(made)));
  expect(spent + rest.cost.bytes).toBeLessThanOrEqual(1.05 * made.cost.bytes);
});

test('a document for another cluster says nothing', () => {
  const made = planned(skewed());
  const document = planDocument(made);
  const stranger = { topic: 'elsewhere', partition: 0, bytes: 1, from: [0], to: [1] };
  expect(planEndOf(made.model, { ...document, batches: [[stranger]] })).toBeUndefined();
  expect(planEndOf(made.model, { batches: document.batches })).toBeUndefined();
});
