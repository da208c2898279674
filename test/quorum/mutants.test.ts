import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Hunt, hunt, mutants } from './simulator/mutants.ts';

const seedsMax = 20_000;
const campaign = JSON.parse(readFileSync(new URL('../campaigns/quorum-mutants.json', import.meta.url), 'utf8')) as {
  readonly hunts: readonly Hunt[];
};

/**
 * The recorded campaign says at which seed each bug was found; that seed is tried first, and all from the first on if the
 * code has changed so much that it does not find it any more.
 */
async function find(name: string): Promise<Hunt> {
  const bug = mutants.find((each) => each.name === name) as (typeof mutants)[number];
  const recorded = campaign.hunts.find((each) => each.mutant === name)?.seed;
  if (recorded !== undefined) {
    const again = await hunt(bug, { from: recorded, seeds: 1 });
    if (again.seed !== undefined) return again;
  }
  return hunt(bug, { from: 1, seeds: seedsMax });
}

test('the simulator finds every seeded bug', async () => {
  const hunts: Hunt[] = [];
  for (const { name } of mutants) hunts.push(await find(name));
  const missed = hunts.filter(({ seed }) => seed === undefined).map(({ mutant }) => mutant);
  console.log(`seeded bugs found: ${hunts.length - missed.length} of ${hunts.length}`);
  expect(missed).toEqual([]);
  expect(hunts.length).toBeGreaterThanOrEqual(30);
}, 300_000);

test('a bug whose text is not in the code any more is told of', async () => {
  const gone = { name: 'gone', file: 'step.ts', find: 'this text is not there', replace: '' };
  await expect(hunt(gone, { from: 1, seeds: 1 })).rejects.toThrow('not in step.ts exactly once');
});
