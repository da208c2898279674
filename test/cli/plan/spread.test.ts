import { expect, test } from 'vitest';
import { failure, success } from '../../../src/base/index.ts';
import { Patience } from '../../../src/cli/plan/patience.ts';
import { spread } from '../../../src/cli/plan/spread.ts';

const patience = new Patience({
  signal: new AbortController().signal,
  patienceMs: 1000,
  onWait: () => undefined,
});
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

async function groupsOf(items: readonly number[]): Promise<number[][]> {
  const groups: number[][] = [];
  await spread(patience, items, async (some) => {
    groups.push([...some]);
    return success(undefined);
  });
  return groups;
}

test('few are done one by one, many in six groups, in order', async () => {
  expect(await groupsOf(numbers(4))).toEqual([[0], [1], [2], [3]]);
  const groups = await groupsOf(numbers(1000));
  expect(groups.map(({ length }) => length)).toEqual([167, 167, 167, 167, 167, 165]);
  expect(groups.flat()).toEqual(numbers(1000));
});

test('nothing to do asks nobody', async () => {
  expect(await groupsOf([])).toEqual([]);
});

test('the first refusal ends it, and is the answer', async () => {
  const asked: number[] = [];
  const outcome = await spread(patience, numbers(4), async ([first]) => {
    asked.push(first!);
    return first === 1 ? failure('no') : success(undefined);
  });
  expect(outcome).toEqual(failure('no'));
  expect(asked).toEqual([0, 1]);
});

test('there is time between two groups', async () => {
  const times: number[] = [];
  await spread(patience, [1, 2], async () => {
    times.push(performance.now());
    return success(undefined);
  });
  expect(times[1]! - times[0]!).toBeGreaterThan(150);
});
