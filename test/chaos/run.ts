/** `npm run chaos` lists the campaigns, `npm run chaos -- NAME [options]` runs one: a file `test/chaos/NAME.ts`. */
import { readdirSync } from 'node:fs';

type Campaign = { readonly summary: string; run(args: readonly string[]): Promise<void> };

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts' && file !== 'mutant.ts')
  .map((file) => file.slice(0, -'.ts'.length));
const [wanted, ...args] = process.argv.slice(2);
const load = async (name: string): Promise<Campaign> => await import(`./${name}.ts`);

if (wanted === undefined) {
  for (const name of names) process.stdout.write(`${name.padEnd(20)}${(await load(name)).summary}\n`);
} else if (!names.includes(wanted)) {
  process.stderr.write(`There is no campaign "${wanted}"; there are: ${names.join(', ')}.\n`);
  process.exitCode = 2;
} else {
  // Timers of the clients do not keep the process alive.
  const keepAlive = setInterval(() => {}, 1 << 30);
  await (await load(wanted)).run(args);
  clearInterval(keepAlive);
}
