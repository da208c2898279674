import { expect, test } from 'vitest';
import { defaultOptions, modelOf, planOperation } from '../../src/placement/index.ts';
import { smallCaseOf } from './exact-cases.ts';
import { judge, type Verdict } from './exact-oracle.ts';

const verdictOf = (seed: number): Verdict | undefined => {
  const { state, operation } = smallCaseOf(seed);
  const result = planOperation(modelOf(state), operation, defaultOptions);
  return result.ok ? judge(result.value, 200_000) : undefined;
};

test('on small clusters hardly any plan copies more than the best of all assignments, and none that can be done is given up', () => {
  let known = 0;
  let optimal = 0;
  const worse: string[] = [];
  for (let seed = 0; seed < 300; seed++) {
    const verdict = verdictOf(seed);
    if (verdict?.kind === 'wrong') worse.push(`seed ${seed} ${verdict.why}`);
    if (verdict?.kind !== 'known') continue;
    known++;
    if (verdict.bytes <= verdict.optimal) optimal++;
    else if (verdict.bytes > 1.1 * verdict.optimal)
      worse.push(`seed ${seed} copies ${verdict.bytes}, the best ${verdict.optimal}`);
  }
  expect(worse).toEqual([]);
  expect(optimal / known).toBeGreaterThanOrEqual(0.95);
  expect(known).toBeGreaterThan(200);
}, 300_000);
