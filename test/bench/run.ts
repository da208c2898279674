/**
 * `npm run bench` lists the benchmarks, `npm run bench -- NAME [options]` runs one, `npm run bench -- all` every one.
 * A benchmark is a file `test/bench/NAME.ts` that exports `summary` (a line) and `run(args)`; it prints its table with
 * a ratio against something real, and the machine's load beside it.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

interface Benchmark {
  readonly summary: string;
  run(args: readonly string[]): Promise<void>;
}

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.slice(0, -'.ts'.length));
const [wanted, ...args] = process.argv.slice(2);
const load = async (name: string): Promise<Benchmark> => await import(`./${name}.ts`);

if (wanted === undefined) {
  for (const name of names) process.stdout.write(`${name.padEnd(14)}${(await load(name)).summary}\n`);
} else if (wanted !== 'all' && !names.includes(wanted)) {
  process.stderr.write(`There is no benchmark "${wanted}"; there are: ${names.join(', ')}.\n`);
  process.exitCode = 2;
} else {
  const [oneMinute = 0] = loadavg();
  process.stdout.write(
    `node ${process.version}, ${availableParallelism()} cores, load of the last minute ${oneMinute.toFixed(1)}\n`,
  );
  for (const name of wanted === 'all' ? names : [wanted]) await (await load(name)).run(args);
}
