import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dimensionNames } from '../../src/placement/index.ts';
import { type Verdict, verdictsOf } from './placement/limits.ts';
import type { Measured } from './placement/measure.ts';
import { type Row, rows } from './placement/rows.ts';

export const summary =
  'placement: 1,000 brokers and 300,000 partitions against targets, bounds, Kafka and Cruise Control';

const campaign = join(import.meta.dirname, '..', 'campaigns', 'placement-bench.json');
const stepOfRow = join(import.meta.dirname, 'placement', 'one.ts');
const usualRuns = 5;
/** A row that takes longer is broken, not slow. */
const stepTimeoutMs = 10 * 60_000;

type Outcome = {
  readonly name: string;
  readonly instance: string;
  readonly published?: string | undefined;
  readonly load: number;
  readonly isPinned: boolean;
} & (
  | { readonly missing: string }
  | {
      readonly median: Measured;
      readonly runs: readonly Run[];
      readonly isSamePlan: boolean;
      readonly verdicts: Verdict[];
    }
);
type Run = Pick<Measured, 'wallMs' | 'cpuMs' | 'rssMiB' | 'bytes'> & {
  readonly figures: Measured['figures'] | undefined;
};

/**
 * `npm run bench -- placement [ROW] [--runs N]`: every row, or those whose name begins with ROW. Each run is a process
 * of its own on one core; what is shown is the run with the median CPU time. A run of all rows writes
 * `test/campaigns/placement-bench.json`.
 *
 * Times are judged by CPU seconds of all threads: pinned to one core they are what a quiet core takes, and a busy
 * machine does not lengthen them. Wall time and load stand beside.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { runs: { type: 'string', default: String(usualRuns) }, help: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const runs = Number(values.runs);
  const [wanted] = positionals;
  const chosen = Object.entries(rows).filter(([name]) => wanted === undefined || name.startsWith(wanted));
  if (values.help || chosen.length === 0 || !(runs >= 1)) {
    const usage = `[ROW] [--runs N]: all rows, or those whose name begins with ROW, ${usualRuns} runs of each`;
    process.stdout.write(`${usage}. Rows: ${Object.keys(rows).join('; ')}.\n`);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  process.stdout.write(`${header}\n`);
  const outcomes: Outcome[] = [];
  for (const [name, row] of chosen) {
    const outcome = measured(name, row, runs);
    outcomes.push(outcome);
    process.stdout.write(`${textOf(outcome)}\n`);
  }
  const missing = outcomes.filter((outcome) => 'missing' in outcome);
  const missed = outcomes.filter((outcome) => 'verdicts' in outcome && !meets(outcome));
  process.stdout.write(
    `${outcomes.length} rows: ${outcomes.length - missing.length - missed.length} meet what is asked or are comparators, ${missed.length} miss (${missed.map(({ name }) => name).join(', ') || 'none'}), ${missing.length} MISSING (${missing.map(({ name }) => name).join(', ') || 'none'})\n`,
  );
  if (missing.length > 0) process.exitCode = 1;
  if (wanted === undefined) record(outcomes, runs);
}

function measured(name: string, row: Row, runs: number): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'hikube-placement-bench-'));
  const file = join(folder, 'cluster.bin');
  const isPinned = row.isOnAllCores !== true && hasTaskset();
  const about = { name, instance: row.instance, published: row.published, isPinned };
  try {
    step(['prepare', name, file], false);
    const results: Measured[] = [];
    for (let at = 0; at < runs; at++) {
      const answer = step(['measure', name, file], isPinned);
      if ('missing' in answer) return { ...about, load: loadavg()[0]!, missing: answer.missing };
      results.push(JSON.parse(answer.text) as Measured);
    }
    const ordered = [...results].sort((one, other) => one.cpuMs - other.cpuMs);
    const median = medianOf(ordered);
    return {
      ...about,
      load: loadavg()[0]!,
      median,
      runs: results.map(({ wallMs, cpuMs, rssMiB, bytes, figures }) => ({ wallMs, cpuMs, rssMiB, bytes, figures })),
      isSamePlan: results.every(({ hash }) => hash === results[0]!.hash),
      verdicts: row.limits === undefined ? [] : verdictsOf(row.limits, median),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The run with the median CPU time; figures and memory that vary from run to run are medians of their own. */
function medianOf(ordered: readonly Measured[]): Measured {
  const middle = ordered.length >> 1;
  const median = ordered[middle]!;
  const numbers = (of: (run: Measured) => number): number => ordered.map(of).sort((one, other) => one - other)[middle]!;
  const figures =
    median.figures &&
    Object.fromEntries(Object.keys(median.figures).map((name) => [name, numbers((run) => run.figures![name]!)]));
  return {
    ...median,
    wallMs: numbers((run) => run.wallMs),
    rssMiB: numbers((run) => run.rssMiB),
    ...(figures && { figures }),
  };
}

function step(args: readonly string[], isPinned: boolean): { readonly text: string } | { readonly missing: string } {
  const command = isPinned ? ['taskset', '-c', '0', process.execPath] : [process.execPath];
  const child = spawnSync(command[0]!, [...command.slice(1), stepOfRow, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 24,
    timeout: stepTimeoutMs,
  });
  if (child.status === 0) return { text: child.stdout };
  if (child.status === 3) return { missing: child.stderr.trim() };
  throw new Error(`${args.join(' ')} ended with ${child.status ?? child.signal}: ${child.stderr.slice(-2000)}`);
}

let taskset: boolean | undefined;
function hasTaskset(): boolean {
  taskset ??= spawnSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' }).status === 0;
  return taskset;
}

function meets(outcome: Outcome): boolean {
  return 'verdicts' in outcome && outcome.isSamePlan && outcome.verdicts.every((verdict) => verdict.meets);
}

const widths = [32, 8, 8, 6, 8, 9, 8, 10, 14, 14, 14, 6];
const cells = (values: readonly string[]): string =>
  values.map((value, at) => (at === 0 ? value.padEnd(widths[0]!) : value.padStart(widths[at]!))).join('');
const header = cells([
  'row',
  'cpu s',
  'wall s',
  'MiB',
  'TB',
  'moved %',
  'x LB',
  'makespan',
  'disk /mean',
  'all /mean',
  'out, brokers',
  'hard',
]);

function textOf(outcome: Outcome): string {
  const { name, instance, published, load, isPinned } = outcome;
  const place = `    ${instance}; ${isPinned ? 'one core' : 'not pinned'}, load ${load.toFixed(1)}`;
  if ('missing' in outcome) return `${name.padEnd(widths[0]!)} MISSING: ${outcome.missing}\n${place}`;
  const { median, verdicts, isSamePlan } = outcome;
  const { loads } = median;
  const all = dimensionNames.map((dimension) => loads[dimension]);
  const ofMean = (most: number, least: number): string => `${most.toFixed(3)}/${least.toFixed(3)}`;
  const line = cells([
    name,
    (median.cpuMs / 1000).toFixed(3),
    (median.wallMs / 1000).toFixed(3),
    median.rssMiB.toFixed(0),
    (median.bytes / 1e12).toFixed(2),
    (100 * median.movedShare).toFixed(2),
    median.ratio?.toFixed(3) ?? '-',
    median.makespan?.toFixed(3) ?? '-',
    ofMean(loads.disk.most, loads.disk.least),
    ofMean(Math.max(...all.map(({ most }) => most)), Math.min(...all.map(({ least }) => least))),
    `${all.reduce((sum, { out }) => sum + out, 0)}, ${median.brokersOut}`,
    String(median.violations),
  ]);
  const judged = verdicts
    .filter(({ what, meets: isMet }) => !isMet || (!what.startsWith('hard') && !what.startsWith('zones')))
    .map(({ what, limit, is, meets: isMet }) => `${isMet ? '✓' : '✗'} ${short(is)} ${what} (<= ${limit})`);
  if (!isSamePlan) judged.push('✗ runs gave different plans');
  const mark = verdicts.length === 0 ? 'comparator' : meets(outcome) ? 'MEETS' : 'MISSES';
  const figures = Object.entries(median.figures ?? {}).map(([key, value]) => `${key} ${short(value)}`);
  const lines = [line, `    ${[mark, ...judged].join('  ')}`];
  if (figures.length > 0) lines.push(`    ${figures.join(', ')}`);
  if (published !== undefined) lines.push(`    published on other hardware, not run here: ${published}`);
  return [...lines, place].join('\n');
}

const short = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(3));

function record(outcomes: readonly Outcome[], runs: number): void {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const about = {
    commit: git('rev-parse', '--short', 'HEAD'),
    isChanged: git('status', '--porcelain', 'src/placement') !== '',
    node: process.version,
    processor: cpus()[0]?.model,
    cores: cpus().length,
    runs,
    note: 'median of the runs by CPU time; every run a process of its own; seeds are in the names of the instances',
  };
  const rowsOf = outcomes.map((outcome) => ('missing' in outcome ? outcome : { meets: meets(outcome), ...outcome }));
  writeFileSync(campaign, `${JSON.stringify({ ...about, rows: rowsOf }, undefined, 2)}\n`);
  process.stdout.write(`written to test/campaigns/placement-bench.json\n`);
}
