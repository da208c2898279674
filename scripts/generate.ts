/**
 * Writes the files that are made from `src/api`: `crds/` and the definitions inside `manifests/install.yaml`.
 *
 *   npm run generate            writes them
 *   npm run generate -- --check writes nothing; names what is stale and exits with 1
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { generatedFiles } from '../src/cli/generated-files.ts';

const root = resolve(import.meta.dirname, '..');
const check = process.argv.includes('--check');
const files = generatedFiles();

const stale: string[] = [];
for (const [path, content] of Object.entries(files)) {
  const target = join(root, path);
  if (existsSync(target) && readFileSync(target, 'utf8') === content) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
}
for (const name of existsSync(join(root, 'crds')) ? readdirSync(join(root, 'crds')) : []) {
  const path = `crds/${name}`;
  if (Object.hasOwn(files, path)) continue;
  stale.push(path);
  if (!check) rmSync(join(root, path));
}
for (const path of stale) process.stdout.write(`${check ? 'stale' : 'wrote'}: ${path}\n`);
if (check && stale.length > 0) {
  process.stdout.write('run: npm run generate\n');
  process.exitCode = 1;
}
