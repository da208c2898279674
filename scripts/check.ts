/**
 * `npm run check`: everything that must hold before a change lands. Each step runs even if one before it failed, so
 * that one run shows all there is to mend. `npm run check -- --except tests` is for those who have just run them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

const steps: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'types', command: [bin('tsc'), '--noEmit'] },
  { name: 'lint and format', command: [bin('biome'), 'check', '--error-on-warnings', '.'] },
  { name: 'generated files are current', command: [process.execPath, 'scripts/generate.ts', '--check'] },
  { name: 'docs name real files and commands', command: [process.execPath, 'scripts/check-docs.ts'] },
  { name: 'the bundle builds and answers', command: [process.execPath, 'scripts/build.ts', '--check'] },
  { name: 'tests', command: [process.execPath, bin('vitest'), 'run'] },
];

// A script that nobody calls is a check that cannot fail.
const known = new Set(['check.ts', 'build.ts', 'generate.ts', 'check-docs.ts']);
const orphans = readdirSync(import.meta.dirname).filter((file) => file.startsWith('check-') && !known.has(file));
const { values } = parseArgs({ options: { except: { type: 'string', multiple: true, default: [] } } });
const unknown = values.except.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `--except ${unknown.join(', ')}: there is no such step. Steps: ${steps.map(({ name }) => name).join('; ')}.\n`,
  );
  process.exit(2);
}
const wanted = steps.filter(({ name }) => !values.except.includes(name));
const results = wanted.map(({ name, command }) => {
  const [program = '', ...args] = command;
  process.stdout.write(`\n== ${name}\n`);
  if (args[0]?.startsWith('scripts/') && !existsSync(join(root, args[0]))) {
    process.stdout.write(`${args[0]} is missing\n`);
    return { name, passed: false };
  }
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  return { name, passed: status === 0 };
});
process.stdout.write('\n');
for (const { name, passed } of results) process.stdout.write(`${passed ? 'passed' : 'FAILED'}  ${name}\n`);
for (const orphan of orphans) process.stdout.write(`FAILED  scripts/${orphan} is not a step of the check\n`);
const failed = results.filter(({ passed }) => !passed).length + orphans.length;
process.stdout.write(
  `check: ${results.length - results.filter(({ passed }) => !passed).length} passed, ${failed} failed\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
