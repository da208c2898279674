import { expect, test } from 'vitest';
import { type ClusterState, defaultOptions, modelOf, planOperation, verify } from '../../src/placement/index.ts';

const GB = 1e9;

/** Brokers 0 to 4 in zone a, 5 and 6 in zone b, 85 GB of room each; one partition a topic, by name. */
function cluster(
  partitions: Readonly<Record<string, readonly [gigabytes: number, ...replicas: number[]]>>,
): ClusterState {
  return {
    version: 1,
    brokers: [0, 1, 2, 3, 4, 5, 6].map((id) => ({
      id,
      zone: id < 5 ? 'a' : 'b',
      capacity: { diskBytes: 100 * GB },
    })),
    topics: Object.entries(partitions).map(([name, [gigabytes, ...replicas]]) => ({
      name,
      partitions: [{ id: 0, replicas, sizeBytes: gigabytes * GB }],
    })),
  };
}

function repaired(state: ClusterState) {
  const result = planOperation(modelOf(state), { kind: 'repair' }, defaultOptions);
  if (!result.ok) throw new Error(result.problem.message);
  const { model, target, schedule, options, problems } = result.value;
  const violations = verify({ model, target, rows: schedule.rows, first: schedule.first }, options);
  return { violations, hard: problems.filter(({ severity }) => severity === 'hard'), cost: result.value.cost };
}

test('where no broker of a zone has room, one makes room by giving up something smaller', () => {
  const { violations, hard, cost } = repaired(
    cluster({ uneven: [10, 0, 1], large: [70, 5], small: [10, 5], full: [84, 6] }),
  );
  expect(hard).toEqual([]);
  expect(violations).toEqual([]);
  expect(cost.bytes).toBe(20 * GB);
});

test('a broker comes under its limit even where the only room there is gathers a topic', () => {
  const full = cluster({ f2: [80, 2], f3: [80, 3], f4: [80, 4], f5: [80, 5], f6: [80, 6] });
  const gathered = Array.from({ length: 30 }, (_, id) => ({
    id,
    replicas: [id < 10 ? 0 : 1],
    sizeBytes: id < 10 ? 9 * GB : GB / 1000,
  }));
  const { violations, hard, cost } = repaired({
    ...full,
    topics: [...full.topics, { name: 'gathered', partitions: gathered }],
  });
  expect(hard).toEqual([]);
  expect(violations).toEqual([]);
  // One of 9 GB, and a few of the small ones for evenness.
  expect(cost.bytes).toBeLessThan(9.1 * GB);
});

test('a partition that finds no room in the zone that lacks it is said to be uneven, not passed over', () => {
  const full = { f0: [80, 0], f1: [80, 1], f2: [80, 2], f3: [80, 3], f4: [80, 4], f5: [80, 5], f6: [80, 6] } as const;
  const { violations, hard } = repaired(cluster({ ...full, uneven: [10, 0, 1] }));
  expect(violations.map(({ goal, kind }) => [goal, kind])).toContainEqual(['H3', 'remaining']);
  expect(hard).toContainEqual(expect.objectContaining({ goal: 'H3', subject: 'uneven-0' }));
});
