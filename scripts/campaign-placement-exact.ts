/**
 * `npm run campaign:placement-exact [CASES] [PROCESSES]`: plans random small clusters and holds each plan against the
 * best of all assignments, found by an oracle of its own (`test/placement/exact-oracle.ts` says what "best" means).
 * Writes `test/campaigns/placement-exact.json`; ends with code 1 when a bound does not hold.
 */
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { defaultOptions, modelOf, planOperation } from '../src/placement/index.ts';
import { smallCaseOf, smallOperations } from '../test/placement/exact-cases.ts';
import { judge, type Verdict } from '../test/placement/exact-oracle.ts';

/** What must hold of the plans whose optimum is known. */
const leastOptimal = 0.95;
const worstAllowed = 1.1;
/** Some cases cannot be done at all: so many more seeds are drawn. */
const surplus = 1.08;

type Line = { readonly seed: number; readonly cpuMs: number; readonly verdict: Verdict | { readonly kind: 'refused' } };

/** One case a line, every `step`th seed. */
function judgeSeeds(first: number, end: number, step: number): void {
  for (let seed = first; seed < end; seed += step) {
    const { state, operation } = smallCaseOf(seed);
    const model = modelOf(state);
    const before = process.cpuUsage();
    const result = planOperation(model, operation, defaultOptions);
    const { user, system } = process.cpuUsage(before);
    const verdict = result.ok ? judge(result.value) : { kind: 'refused' as const };
    process.stdout.write(`${JSON.stringify({ seed, cpuMs: (user + system) / 1000, verdict } satisfies Line)}\n`);
  }
}

async function linesOf(args: readonly string[], onLine: (line: Line) => void): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) onLine(JSON.parse(line) as Line);
  if (child.exitCode !== 0 && child.exitCode !== null)
    throw new Error(`seeds ${args.join(' ')}: code ${child.exitCode}`);
}

async function campaign(wanted: number, processes: number): Promise<void> {
  const blank = { optimal: 0, dearer: 0, impossible: 0, undecided: 0, wrong: 0, refused: 0 };
  const byOperation = Object.fromEntries(smallOperations.map((kind) => [kind, { ...blank }]));
  const dearer: { readonly seed: number; readonly operation: string; readonly ratio: number }[] = [];
  const wrong: { readonly seed: number; readonly why: string }[] = [];
  const seeds = Math.ceil(wanted * surplus);
  let [cpuMs, longestCpuMs, known, done] = [0, 0, 0, 0];
  const take = (line: Line): void => {
    const { seed, verdict } = line;
    const operation = smallOperations[seed % smallOperations.length]!;
    const counts = byOperation[operation]!;
    cpuMs += line.cpuMs;
    longestCpuMs = Math.max(longestCpuMs, line.cpuMs);
    if (++done % 1000 === 0) process.stdout.write(`${done} of ${seeds} cases, ${dearer.length} dearer\n`);
    if (verdict.kind !== 'known') {
      counts[verdict.kind]++;
      if (verdict.kind === 'wrong') wrong.push({ seed, why: verdict.why });
      return;
    }
    known++;
    if (verdict.bytes <= verdict.optimal) counts.optimal++;
    else {
      counts.dearer++;
      dearer.push({ seed, operation, ratio: Number((verdict.bytes / verdict.optimal).toFixed(4)) });
    }
  };
  const parts = Array.from({ length: processes }, (_, part) => [
    '--seeds',
    String(part),
    String(seeds),
    String(processes),
  ]);
  await Promise.all(parts.map((part) => linesOf(part, take)));
  dearer.sort((one, other) => other.ratio - one.ratio || one.seed - other.seed);
  wrong.sort((one, other) => one.seed - other.seed);
  const optimalShare = (known - dearer.length) / known;
  const worst = dearer[0]?.ratio ?? 1;
  const holds = known >= wanted && optimalShare >= leastOptimal && worst <= worstAllowed && wrong.length === 0;
  const planCpuMs = { mean: Number((cpuMs / seeds).toFixed(2)), longest: Math.round(longestCpuMs) };
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const about = { commit, seeds: { first: 0, last: seeds - 1 }, known, optimalShare, worst, holds };
  const summary = `${JSON.stringify({ ...about, byOperation, planCpuMs, dearer, wrong }, undefined, 2)}\n`;
  writeFileSync(join(import.meta.dirname, '..', 'test', 'campaigns', 'placement-exact.json'), summary);
  process.stdout.write(summary);
  process.exitCode = holds ? 0 : 1;
}

const [first, second, ...rest] = process.argv.slice(2);
if (first === '--seeds') judgeSeeds(Number(second), Number(rest[0]), Number(rest[1]));
else await campaign(Number(first ?? 10_000), Number(second ?? availableParallelism()));
