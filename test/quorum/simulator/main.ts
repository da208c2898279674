/**
 * `npm run simulate -- --seeds 100000 --from 1`: runs clusters from seeds, stops at the first that breaks a promise and
 * prints it. `--mutants` hunts seeded bugs instead. `--record <name>` writes the campaign to test/campaigns/<name>.json.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as quorum from '../../../src/quorum/index.ts';
import { hunt, mutants } from './mutants.ts';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    mutants: { type: 'boolean', default: false },
    record: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const whole = (name: string, text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} ${text}: a whole number is wanted`);
  process.exit(2);
};

function record(name: string | undefined, campaign: object): void {
  if (name === undefined) return;
  const folder = resolve(import.meta.dirname, '../../campaigns');
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: folder.slice(0, folder.lastIndexOf('/')) })
    .toString()
    .trim();
  mkdirSync(folder, { recursive: true });
  const content = { commit, recordedAt: new Date().toISOString(), node: process.version, ...campaign };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(content, null, 2)}\n`);
}

function simulateSeeds(): void {
  const from = whole('from', values.from);
  const count = whole('seeds', values.seeds ?? '10000');
  const beganMs = performance.now();
  const totals = {
    events: 0,
    committed: 0,
    elections: 0,
    crashes: 0,
    snapshotsInstalled: 0,
    votersChanged: 0,
    readsAnswered: 0,
  };
  const failures: object[] = [];
  let done = 0;
  for (let seed = from; seed < from + count && failures.length === 0; seed++) {
    const outcome = simulate(quorum, seed);
    done++;
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += outcome[key];
    if (outcome.failure !== undefined) {
      failures.push({ seed, ...outcome.failure });
      console.error(`seed ${seed} at ${outcome.failure.atMs.toFixed(1)} ms: ${outcome.failure.seen}`);
      console.error(`again: npm run simulate -- --seeds 1 --from ${seed}`);
    }
    if (done % 10_000 === 0) console.log(`${done} of ${count} seeds`);
  }
  const seconds = Number(((performance.now() - beganMs) / 1000).toFixed(1));
  const campaign = { seeds: { from, count: done }, failures, ...totals, seconds };
  console.log(campaign);
  record(values.record, { campaign: 'quorum simulation', ...campaign });
  if (failures.length > 0) process.exitCode = 1;
}

async function huntMutants(): Promise<void> {
  const seedsMax = whole('seeds', values.seeds ?? '20000');
  const hunts = [];
  for (const bug of mutants) {
    const result = await hunt(bug, { from: 1, seeds: seedsMax });
    hunts.push(result);
    const found = result.seed === undefined ? 'NOT FOUND' : `seed ${result.seed}: ${result.invariant}`;
    console.log(`${bug.name.padEnd(60)} ${found}`);
  }
  const found = hunts.filter(({ seed }) => seed !== undefined).length;
  console.log(`found ${found} of ${hunts.length} mutants`);
  record(values.record, { campaign: 'quorum mutants', seedsMax, found, of: hunts.length, hunts });
  if (found < hunts.length) process.exitCode = 1;
}

if (values.help) {
  console.log('npm run simulate -- [--seeds <count>] [--from <seed>] [--mutants] [--record <name>]');
} else if (values.mutants) await huntMutants();
else simulateSeeds();
