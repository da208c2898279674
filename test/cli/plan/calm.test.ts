import { expect, test } from 'vitest';
import { leftAloneMs } from '../../../src/cli/plan/calm.ts';

test.each([
  [-3, 0, 'when they should have ended'],
  [0, 0, 'when they end'],
  [1, 500, 'for half a second when they end in one'],
  [10, 5000, 'for five seconds when they end in ten'],
  [12, 6000, 'for no longer than six seconds'],
  [Number.POSITIVE_INFINITY, 6000, 'ever'],
])('copies that end in %d s are left alone for %d ms: %s', (seconds, ms) => {
  expect(leftAloneMs(seconds)).toBe(ms);
});
