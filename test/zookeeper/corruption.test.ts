import { expect, test } from 'vitest';
import { spoilAndRead } from '../chaos/corruption/campaign.ts';

// `npm run chaos -- corruption` does it tens of thousands of times.
const mutations = 600;

test.each([
  'alone',
  'ensemble',
] as const)('whatever happens to a file of a server (%s), it starts with a state that was, or not at all', async (volume) => {
  const result = await spoilAndRead({ volume, mutations, seed: 7 });
  expect(result.corrupt).toEqual([]);
  expect(result.refused + result.same + result.earlier).toBe(mutations);
  expect(result.refused).toBeGreaterThan(10);
});
