import { readFile, rename, writeFile } from 'node:fs/promises';
import type { PlanDocument } from '../../placement/index.ts';
import { parsePlan } from '../../placement/json/index.ts';
import { InputError } from './options.ts';

/** Written before the first step: what was approved, so that a later run carries on with exactly that. */
export async function writeState(path: string, document: PlanDocument): Promise<void> {
  // A crash while writing leaves the old file or the new one, never half of it.
  await writeFile(`${path}.new`, `${JSON.stringify(document)}\n`);
  await rename(`${path}.new`, path);
}

export async function readState(path: string): Promise<PlanDocument> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new InputError('--state', `cannot read ${path}: ${(error as Error).message}`);
  }
  const parsed = parsePlan(text);
  if (!parsed.ok) throw new InputError(`${path}: ${parsed.problem.field}`, parsed.problem.message);
  return parsed.value;
}
