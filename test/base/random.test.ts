import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/index.ts';

test('the same seed gives the same numbers, another seed others', () => {
  const numbers = (seed: number): number[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 5 }, () => random.nextUint32());
  };
  expect(numbers(1)).toEqual(numbers(1));
  expect(numbers(1)).not.toEqual(numbers(2));
});

test('below(end) stays below its end and reaches every value of a small range', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 8 }), (seed, end) => {
      const random = seededRandom(seed);
      const seen = new Set(Array.from({ length: 400 }, () => random.below(end)));
      expect([...seen].sort()).toEqual(Array.from({ length: end }, (_, value) => value));
    }),
    { numRuns: 50 },
  );
});
