import { expect, test } from 'vitest';
import { freshPace, type Pace, paced } from '../../../src/cli/plan/pace.ts';

const limit = 4_000_000;

/** A broker that lets `part` of its rate through, second after second. @returns the mean rate of the last half */
function follow(part: number, seconds: number): number {
  let pace: Pace = freshPace(limit);
  let late = 0;
  for (let second = 0; second < seconds; second++) {
    const bytes = pace.rate * part;
    if (second >= seconds / 2) late += bytes;
    pace = paced(pace, limit, bytes, 1);
  }
  return late / Math.floor(seconds / 2);
}

test('brokers that let less or more through than their rate says come within 5 % of the limit', () => {
  for (const part of [0.78, 0.9, 1, 1.1, 1.3]) expect(Math.abs(follow(part, 60) / limit - 1)).toBeLessThan(0.05);
});

test('a broker that had nothing to copy for long does not rush after, and no rate goes far beyond the limit', () => {
  let pace = freshPace(limit);
  for (let second = 0; second < 600; second++) pace = paced(pace, limit, 0, 1);
  expect(pace.rate).toBeLessThanOrEqual(1.35 * limit);
  let after = 0;
  for (let second = 0; second < 60; second++) {
    pace = paced(pace, limit, pace.rate, 1);
    after += pace.rate;
  }
  expect(after / 60 / limit).toBeLessThan(1.1);
});

test('a change that is too small to matter leaves the rate as it is', () => {
  const pace = freshPace(limit);
  expect(paced(pace, limit, 0.99 * limit, 1).rate).toBe(pace.rate);
});
