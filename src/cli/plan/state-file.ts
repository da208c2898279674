import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PlanDocument } from '../../placement/index.ts';
import { parsePlan } from '../../placement/json/index.ts';
import { InputError } from './options.ts';

/** How a plan is carried out: kept with it, so that a later run goes on in the same way unless it is told otherwise. */
export type Manner = {
  readonly throttle?: number | undefined;
  readonly movesPerBroker?: number | undefined;
  readonly batchPartitions?: number | undefined;
};

export type KeptPlan = PlanDocument & { readonly manner?: Manner };

/** Where a plan is kept when nobody says where. */
export const defaultStatePath = ({ hash }: PlanDocument): string => resolve(`plan-${hash.slice(0, 12)}.json`);

/** Written before the first step: what was approved, so that a later run carries on with exactly that. */
export async function writeState(path: string, plan: KeptPlan): Promise<void> {
  try {
    // A crash while writing leaves the old file or the new one, never half of it.
    await writeFile(`${path}.new`, `${JSON.stringify(plan)}\n`);
    await rename(`${path}.new`, path);
  } catch (error) {
    throw new InputError('--state', `cannot write ${path}: ${(error as Error).message}`);
  }
}

export async function removeState(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** @param flag  that names the file */
export async function readState(path: string, flag = '--state'): Promise<KeptPlan> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new InputError(flag, `cannot read ${path}: ${(error as Error).message}`);
  }
  const parsed = parsePlan(text);
  if (!parsed.ok) throw new InputError(`${path}: ${parsed.problem.field}`, parsed.problem.message);
  const kept: KeptPlan = parsed.value;
  return { ...kept, manner: mannerOf(path, kept) };
}

function mannerOf(path: string, { manner }: KeptPlan): Manner {
  const known = ['throttle', 'movesPerBroker', 'batchPartitions'];
  for (const [name, value] of Object.entries(manner ?? {})) {
    if (!known.includes(name) || typeof value !== 'number' || !(value >= 1)) {
      throw new InputError(`${path}: manner.${name}`, 'is not a number of at least 1');
    }
  }
  return manner ?? {};
}
