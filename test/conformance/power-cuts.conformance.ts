import { beforeAll, expect, test } from 'vitest';
import { prepareMutant } from '../chaos/mutant.ts';
import { runPowerCuts } from '../chaos/power-cuts/campaign.ts';
import { forgetful } from '../chaos/power-cuts/mutants.ts';
import { missingForPowerCuts } from '../chaos/power-cuts/volume.ts';

// `npm run campaign:power-cuts` makes hundreds.
const cuts = 5;

beforeAll(() => {
  const missing = missingForPowerCuts();
  if (missing.length > 0) throw new Error(missing.join('; '));
});

test.each([1, 3] as const)('the power of %i servers is cut and nothing acknowledged is lost', async (servers) => {
  expect(await runPowerCuts({ servers, cuts, seed: 1 })).toMatchObject({ cuts, cutsWithLoss: 0, lost: [] });
});

test.each(forgetful)('$name loses what was acknowledged, so the power is cut indeed', async (bug) => {
  const { main, remove } = prepareMutant(bug);
  let found = 0;
  for (let seed = 1; seed <= 5 && found === 0; seed++) {
    const { cutsWithLoss } = await runPowerCuts({ servers: bug.servers, cuts: 1, seed, everybody: true, main });
    found += cutsWithLoss;
  }
  remove();
  expect(found).toBeGreaterThan(0);
});
