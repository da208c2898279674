import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { cases, type Measured } from './placement/cases.ts';

export const summary =
  'placement: 1,000 brokers and 300,000 partitions against targets, bounds, Kafka and Cruise Control';

const campaigns = join(import.meta.dirname, '..', 'campaigns');

/**
 * Each case five times (`--runs N`), each run in a process of its own on one core; medians by CPU time, because a
 * busy machine makes wall time say little: the load is printed beside. `--only TEXT` picks cases, `--record` writes
 * `test/campaigns/placement-bench.json`.
 */
export async function run(args: readonly string[]): Promise<void> {
  const option = (name: string): string | undefined => {
    const at = args.indexOf(name);
    return at === -1 ? undefined : args[at + 1];
  };
  const runs = Number(option('--runs') ?? 5);
  const only = option('--only');
  const rows: Record<string, unknown>[] = [];
  process.stdout.write(
    `${'case'.padEnd(36)}${'wall s'.padStart(8)}${'cpu s'.padStart(8)}${'MiB'.padStart(6)}${'TB'.padStart(8)}${'x LB'.padStart(7)}${'makespan'.padStart(10)}${'most'.padStart(7)}${'least'.padStart(7)}${'out'.padStart(5)}${'viol'.padStart(6)}  target\n`,
  );
  for (const [name, { target, instance }] of Object.entries(cases)) {
    if (only !== undefined && !name.includes(only)) continue;
    const measured: Measured[] = [];
    for (let at = 0; at < runs; at++) {
      const out = execFileSync(process.execPath, [join(import.meta.dirname, 'placement', 'cases.ts'), name], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 1 << 24,
      });
      measured.push(JSON.parse(out) as Measured);
    }
    measured.sort((one, other) => one.cpuMs - other.cpuMs);
    const median = measured[measured.length >> 1]!;
    const load = loadavg()[0]!;
    rows.push({ name, instance, target, runs, load, ...median, wallMsOfRuns: measured.map(({ wallMs }) => wallMs) });
    const number = (value: number | undefined, digits: number) => (value === undefined ? '-' : value.toFixed(digits));
    process.stdout.write(
      `${name.padEnd(36)}${number(median.wallMs / 1000, 3).padStart(8)}${number(median.cpuMs / 1000, 3).padStart(8)}${number(median.rssMiB, 0).padStart(6)}${number(median.bytes / 1e12, 2).padStart(8)}${number(median.ratio, 3).padStart(7)}${number(median.makespan, 3).padStart(10)}${number(median.most, 3).padStart(7)}${number(median.least, 3).padStart(7)}${String(median.out).padStart(5)}${String(median.violations).padStart(6)}  ${target}${median.note === undefined ? '' : ` [${median.note}]`}\n${''.padEnd(36)}${instance}; load ${load.toFixed(1)}\n`,
    );
  }
  if (!args.includes('--record')) return;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const node = process.version;
  writeFileSync(join(campaigns, 'placement-bench.json'), `${JSON.stringify({ commit, node, rows }, undefined, 2)}\n`);
}
