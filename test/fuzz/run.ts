/** `npm run fuzz [-- --count N --seed N --only NAME]`: every file `test/fuzz/NAME.ts` with N hostile frames (a million). */
import { readdirSync } from 'node:fs';

type Fuzz = { run(options: { readonly count: number; readonly seed: number }): Promise<void> };

const args = process.argv.slice(2);
const option = (name: string): string | undefined => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : args[at + 1];
};
const count = Number(option('count') ?? 1_000_000);
const seed = Number(option('seed') ?? Date.now() % 1_000_000);
const only = option('only');
process.stdout.write(`seed ${seed}\n`);
// Timers of the platform do not keep the process alive.
const keepAlive = setInterval(() => {}, 1 << 30);
for (const file of readdirSync(import.meta.dirname)) {
  if (!file.endsWith('.ts') || file === 'run.ts' || file.endsWith('.test.ts')) continue;
  if (only !== undefined && file !== `${only}.ts`) continue;
  const fuzz: Fuzz = await import(`./${file}`);
  await fuzz.run({ count, seed });
}
clearInterval(keepAlive);
