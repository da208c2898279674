/** Every file, folder and npm script that the documents name must exist. Prints what does not, one a line. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
/** npm's own words that need no script. */
const npmCommands = new Set(['ci', 'install', 'run', 'exec', 'pack']);

const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** Paths in code spans that begin with a folder of the repository, and targets of links. */
function problemsOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  const problems: string[] = [];
  for (const [, span = ''] of text.matchAll(/`([^`\n]+)`/g)) {
    if (/^(src|test|docs|crds|charts|manifests|scripts)\/[\w./-]*$/.test(span) && !existsSync(join(root, span))) {
      problems.push(`${document} names ${span}, which does not exist`);
    }
  }
  for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (!/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(document), target))) {
      problems.push(`${document} links to ${target}, which does not exist`);
    }
  }
  for (const [, name = ''] of text.matchAll(/\bnpm run ([\w:-]+)/g)) {
    if (scripts[name] === undefined) problems.push(`${document} names "npm run ${name}", which is no script`);
  }
  for (const [, name = ''] of text.matchAll(/`npm ([a-z]+)/g)) {
    if (scripts[name] === undefined && !npmCommands.has(name))
      problems.push(`${document} names "npm ${name}", which is no script`);
  }
  return problems;
}

const problems = documents.flatMap(problemsOf);
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.stdout.write(`${documents.length} documents read, ${problems.length} problems\n`);
process.exitCode = documents.length > 0 && problems.length === 0 ? 0 : 1;
