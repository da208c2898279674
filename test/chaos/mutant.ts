/**
 * A copy of the product with one bug put into it, to see whether a campaign finds it. Each bug changes a piece of text
 * that must be there exactly once.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export type Mutant = {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

export const mutant = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  file,
  find,
  replace,
});

const root = resolve(import.meta.dirname, '../..');

/** @returns the copy's `main.ts`, and a call that removes the copy. @throws if the text is not there exactly once */
export function prepareMutant({ name, file, find, replace }: Mutant): { readonly main: string; remove(): void } {
  const text = readFileSync(join(root, 'src', file), 'utf8');
  const times = text.split(find).length - 1;
  if (times !== 1) throw new Error(`the mutant "${name}" wants to change a text that is ${times} times in ${file}`);
  const folder = mkdtempSync(join(tmpdir(), 'mutant-'));
  cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(
    join(folder, 'src', file),
    text.replace(find, () => replace),
  );
  return { main: join(folder, 'src/main.ts'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
