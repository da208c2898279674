/**
 * `node test/linearizability/measure.ts`: how long a history of a million operations takes to check, one core; written
 * to test/campaigns/linearizability-checker.json.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { seededRandom } from '../../src/base/index.ts';
import { checkHistory } from './history.ts';
import { syntheticHistory } from './synthetic-history.ts';

const runs = [];
// Outcomes that stay unknown multiply what one object's search may try: in practice they are few for each.
for (const [paths, unknownChance] of [
  [1, 0],
  [1, 0.000_01],
  [100, 0.002],
  [10_000, 0.01],
] as const) {
  const shape = { operations: 1_000_000, paths, clients: 20, unknownChance };
  const history = syntheticHistory(seededRandom(paths), shape);
  const beganMs = performance.now();
  const { violations } = checkHistory(history);
  const seconds = Number(((performance.now() - beganMs) / 1000).toFixed(1));
  runs.push({ ...shape, violations: violations.length, seconds });
  console.log(runs.at(-1));
}
const commit = execFileSync('git', ['rev-parse', 'HEAD']).toString().trim();
const campaign = { campaign: 'linearizability checker', commit, recordedAt: new Date().toISOString(), runs };
writeFileSync(
  new URL('../campaigns/linearizability-checker.json', import.meta.url),
  `${JSON.stringify(campaign, null, 2)}\n`,
);
