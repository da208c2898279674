import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/index.ts';
import {
  defaultOptions,
  type Model,
  modelAfter,
  modelOf,
  type Operation,
  planOperation,
} from '../../src/placement/index.ts';
import { condition } from '../../src/placement/model.ts';
import { loadsOf, SpreadTable, targetsOf } from '../../src/placement/targets.ts';
import { verify } from '../../src/placement/verify.ts';
import { emptyCluster } from '../bench/placement/instances.ts';

function must(model: Model, operation: Operation) {
  const result = planOperation(model, operation, defaultOptions);
  if (!result.ok) throw new Error(result.problem.message);
  const { target, schedule, model: start } = result.value;
  const claim = { model: start, target, rows: schedule.rows, first: schedule.first };
  expect(verify(claim, defaultOptions).filter(({ kind }) => kind === 'introduced')).toEqual([]);
  return result.value;
}

/** 100 brokers and 12,000 partitions, everything placed but on the brokers left empty. */
function balanced(zones: number, isEmpty: (broker: number) => boolean): Model {
  const shape = { name: 'M', seed: 5, brokers: 100, partitions: 12_000, factor: 3, zones, capacity: 'mixed' } as const;
  const empty = emptyCluster(shape);
  const conditions = empty.conditions.map((state, broker) => (isEmpty(broker) ? condition.cordoned : state));
  const { model, target } = must({ ...empty, conditions }, { kind: 'place' });
  return { ...modelAfter(model, target), conditions: empty.conditions };
}

function cellsOut(model: Model, replicas: Int32Array): number {
  const loads = loadsOf(model, replicas);
  const { perShare, low, high } = targetsOf(model, new SpreadTable(model), defaultOptions.band, loads);
  return loads.filter(
    (load, cell) =>
      perShare[cell] !== 0 && (load * perShare[cell]! > high[cell]! || load * perShare[cell]! < low[cell]!),
  ).length;
}

test('a tenth more brokers get their share in every dimension, and at most one in a hundred is left out of the band', () => {
  const isEmpty = (broker: number): boolean => broker % 10 === 3;
  const model = balanced(3, isEmpty);
  const made = must(model, { kind: 'add', brokers: [...model.brokerIds].filter(isEmpty) });
  expect(cellsOut(model, made.target)).toBeLessThanOrEqual(1);
  expect(made.cost.bytes).toBeLessThanOrEqual(1.08 * made.bounds.bytes);
});

test('in an uneven cluster an addition changes no leader of what it does not copy', () => {
  const random = seededRandom(7);
  const count = 99;
  const partitions = Array.from({ length: 4000 }, (_, id) => {
    const first = random.below(count);
    const sizeBytes = (0.3 + random.next()) * 1e9;
    const replicas = [first, (first + 1) % count, (first + 2) % count];
    return { id, replicas, sizeBytes, inBytesPerSecond: sizeBytes / 1e5, outBytesPerSecond: sizeBytes / 5e4 };
  });
  const brokers = Array.from({ length: count + 1 }, (_, id) => ({ id, zone: `z${id % 3}` }));
  const model = modelOf({ version: 1, brokers, topics: [{ name: 't', partitions }] });
  const { target, cost, bounds } = must(model, { kind: 'add', brokers: [count] });
  expect(cost.leaderChanges).toBeGreaterThan(0);
  expect(cost.partitions).toBe(cost.copies);
  expect(target.filter((broker) => broker === count).length).toBe(cost.copies);
  expect(cost.bytes).toBeLessThanOrEqual(1.1 * bounds.bytes);
});

test('a zone that returns gets its share in every dimension, and nothing is left out of the band', () => {
  const model = balanced(4, (broker) => broker % 4 === 0);
  const made = must(model, { kind: 'zoneBack', zone: 'zone-0' });
  expect(cellsOut(model, made.target)).toBe(0);
  expect(made.cost.bytes).toBeLessThanOrEqual(1.1 * made.bounds.bytes);
});

test('hot and empty brokers are evened in every dimension near the lower bound of bytes', () => {
  const model = balanced(3, (broker) => broker % 10 === 3);
  const isHot = (broker: number): boolean => broker % 10 === 0;
  const replicas = model.replicas.map((broker, cell) => {
    const next = broker - 1;
    const row = Math.floor(cell / model.width) * model.width;
    const isFree = !model.replicas.subarray(row, row + model.width).includes(broker - 3);
    return isHot(next - 2) && cell % 3 === 0 && isFree ? broker - 3 : broker;
  });
  const skewed = modelAfter(model, replicas);
  expect(cellsOut(skewed, skewed.replicas)).toBeGreaterThan(100);
  const made = must(skewed, { kind: 'rebalance' });
  expect(cellsOut(skewed, made.target)).toBe(0);
  expect(made.cost.bytes).toBeLessThanOrEqual(1.15 * made.bounds.bytes);
});
