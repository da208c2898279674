/**
 * `npm run campaign:placement-exact [CASES]`: plans random small clusters and holds each plan against the best of all
 * assignments, found by an oracle of its own (`test/placement/exact-oracle.ts` says what "best" means). Writes
 * `test/campaigns/placement-exact.json`; ends with code 1 when a bound does not hold.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultOptions, modelOf, planOperation } from '../src/placement/index.ts';
import { smallCaseOf, smallOperations } from '../test/placement/exact-cases.ts';
import { judge } from '../test/placement/exact-oracle.ts';

/** What must hold of the plans whose optimum is known. */
const leastOptimal = 0.95;
const worstAllowed = 1.1;

const wanted = Number(process.argv[2] ?? 10_000);
const blank = { optimal: 0, dearer: 0, impossible: 0, undecided: 0, wrong: 0 };
const byOperation = Object.fromEntries(smallOperations.map((kind) => [kind, { ...blank }]));
const dearer: { readonly seed: number; readonly operation: string; readonly ratio: number }[] = [];
const wrong: { readonly seed: number; readonly why: string }[] = [];
let planCpuMs = 0;
let longestPlanCpuMs = 0;
let known = 0;
let seed = 0;
for (; known < wanted; seed++) {
  const { state, operation } = smallCaseOf(seed);
  const model = modelOf(state);
  const before = process.cpuUsage();
  const result = planOperation(model, operation, defaultOptions);
  const { user, system } = process.cpuUsage(before);
  planCpuMs += (user + system) / 1000;
  longestPlanCpuMs = Math.max(longestPlanCpuMs, (user + system) / 1000);
  const counts = byOperation[operation.kind]!;
  // Refused with its field named: nothing to compare.
  if (!result.ok) continue;
  const verdict = judge(result.value);
  if (verdict.kind === 'known') {
    known++;
    if (verdict.bytes <= verdict.optimal) counts.optimal++;
    else {
      counts.dearer++;
      dearer.push({ seed, operation: operation.kind, ratio: Number((verdict.bytes / verdict.optimal).toFixed(4)) });
    }
  } else {
    counts[verdict.kind]++;
    if (verdict.kind === 'wrong') wrong.push({ seed, why: verdict.why });
  }
  if (seed % 500 === 499) process.stdout.write(`${known} of ${wanted} known, ${dearer.length} dearer\n`);
}
dearer.sort((one, other) => other.ratio - one.ratio);
const optimalShare = (known - dearer.length) / known;
const worst = dearer[0]?.ratio ?? 1;
const holds = optimalShare >= leastOptimal && worst <= worstAllowed && wrong.length === 0;
const summary = {
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  seeds: { first: 0, last: seed - 1 },
  known,
  optimalShare,
  worst,
  holds,
  byOperation,
  planCpuMs: { mean: Number((planCpuMs / seed).toFixed(2)), longest: Math.round(longestPlanCpuMs) },
  dearer,
  wrong,
};
writeFileSync(
  join(import.meta.dirname, '..', 'test', 'campaigns', 'placement-exact.json'),
  `${JSON.stringify(summary, undefined, 2)}\n`,
);
process.stdout.write(`${JSON.stringify({ ...summary, dearer: dearer.slice(0, 10) }, undefined, 2)}\n`);
process.exitCode = holds ? 0 : 1;
