import { expect, test } from 'vitest';
import { standing } from '../../../src/cli/plan/standing.ts';

const plan = {
  batches: [[{ topic: 'orders', partition: 0, bytes: 10, from: [1, 2], to: [4, 2] }]],
};
const held = (replicas: readonly number[] | undefined) => standing(plan, () => replicas);

test('a partition is done, under way, or not begun, also when a cancelled move left its replicas in another order', () => {
  expect(held([4, 2])).toMatchObject({ ok: true, value: { done: 1, left: 0 } });
  for (const replicas of [
    [1, 2],
    [2, 1],
    [4, 2, 1],
  ]) {
    expect(held(replicas)).toMatchObject({ ok: true, value: { done: 0, left: 1 } });
  }
});

test('a partition that is elsewhere or gone makes the plan stale', () => {
  for (const replicas of [[3, 2], [1, 2, 3], [1], undefined]) expect(held(replicas)).toMatchObject({ ok: false });
});
