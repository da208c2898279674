import fc from 'fast-check';
import { expect, test } from 'vitest';
import { brokenProperty } from './properties.ts';
import { cases } from './random-clusters.ts';

/** `npm run properties` asks for 100,000. */
const numRuns = Number(process.env.PLACEMENT_RUNS ?? 2000);

test(
  'any small cluster and operation: no hard goal broken at the end or in between, same input same plan, nothing moves again, with noise, or twice',
  () => {
    fc.assert(
      fc.property(cases, (each) => {
        expect(brokenProperty(each), `seed ${each.seed}`).toBeUndefined();
      }),
      { numRuns, seed: Number(process.env.PLACEMENT_SEED ?? 4), endOnFailure: true },
    );
  },
  40 * numRuns + 60_000,
);
