import { expect, test } from 'vitest';
import { Yield } from '../../../src/cli/plan/yield.ts';

test('what is granted at first gives way to what is seen, and that to what is seen later', () => {
  const known = new Yield(1000, 0.9);
  expect(known.part).toBeCloseTo(0.9, 10);
  for (let time = 0; time < 10; time++) known.learn(16_000, 20_000, 20);
  expect(known.part).toBeCloseTo(0.8, 2);
  for (let time = 0; time < 15; time++) known.learn(22_000, 20_000, 20);
  expect(known.part).toBeCloseTo(1.1, 2);
});

test('who sends nothing, or far more than it may, is not taken at its word', () => {
  const [silent, rash] = [new Yield(1000, 0.9), new Yield(1000, 0.9)];
  for (let time = 0; time < 10; time++) {
    silent.learn(0, 20_000, 20);
    rash.learn(90_000, 20_000, 20);
  }
  expect(silent.part).toBe(0.6);
  expect(rash.part).toBe(1.35);
});
