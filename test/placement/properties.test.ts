import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { brokenRule, isWokenByNoise, restlessness } from './properties.ts';
import { caseOf } from './random-clusters.ts';

/** `npm run properties` asks for 100,000 and records what it finds; cases are the seeds from `firstSeed` on. */
const runs = Number(process.env.PLACEMENT_RUNS ?? 2000);
const firstSeed = Number(process.env.PLACEMENT_SEED ?? 0);
const isCampaign = process.env.PLACEMENT_RECORD === '1';
const timeoutMs = 100 * runs + 60_000;

const found = { brokenRules: [] as string[], restless: [] as string[], wokenWithoutMemory: [] as string[] };
const startedMs = performance.now();

/** Every case is tried, so that a campaign names all that fail. */
function tryAll(into: string[], why: (seed: number) => string | undefined): void {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const reason = why(seed);
    if (reason !== undefined) into.push(`seed ${seed}: ${reason}`);
  }
}

test(
  'no plan of any small cluster and operation breaks a hard goal at its end or in between, and the same input gives the same plan',
  () => {
    tryAll(found.brokenRules, (seed) => brokenRule(caseOf(seed)));
    expect(found.brokenRules).toEqual([]);
  },
  timeoutMs,
);

test(
  'planning again, noise of 3 % and a plan cut in half never copy anything more',
  () => {
    tryAll(found.restless, (seed) => restlessness(caseOf(seed)));
    expect(found.restless).toEqual([]);
  },
  timeoutMs,
);

test(
  'without the earlier plan, noise of 3 % wakes at most one plan in a thousand',
  () => {
    tryAll(found.wokenWithoutMemory, (seed) => (isWokenByNoise(caseOf(seed)) ? 'copies something' : undefined));
    expect(found.wokenWithoutMemory.length).toBeLessThanOrEqual(Math.max(2, runs / 1000));
  },
  timeoutMs,
);

afterAll(() => {
  if (!isCampaign) return;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const record = { commit, node: process.version, firstSeed, runs, seconds, ...found };
  const path = join(import.meta.dirname, '..', 'campaigns', 'placement-properties.json');
  writeFileSync(path, `${JSON.stringify(record, undefined, 2)}\n`);
});
