import { createHash } from 'node:crypto';
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

/** Over what would be carried out: a file that was changed since is refused. */
export function digestOf({ hash, batches, diskMoves }: PlanDocument): string {
  const changes = batches.map((batch) =>
    batch.map(({ topic, partition, bytes, from, to }) => [topic, partition, bytes, from, to]),
  );
  const disks = diskMoves.map(({ topic, partition, broker, from, to }) => [topic, partition, broker, from, to]);
  return createHash('sha256')
    .update(JSON.stringify([hash, changes, disks]))
    .digest('hex');
}

/** Where a plan is kept when nobody says where. */
export const defaultStatePath = ({ hash }: PlanDocument): string => resolve(`plan-${hash.slice(0, 12)}.json`);

/** Written before the first step: what was approved, so that a later run carries on with exactly that. */
export async function writeState(path: string, plan: KeptPlan): Promise<void> {
  try {
    // A crash while writing leaves the old file or the new one, never half of it.
    await writeFile(`${path}.new`, `${JSON.stringify({ ...plan, digest: digestOf(plan) })}\n`);
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
  const { digest, ...kept } = parsed.value as KeptPlan & { readonly digest?: string };
  const plan = { ...kept, diskMoves: diskMovesOf(path, kept), manner: mannerOf(path, kept) };
  if (digest !== digestOf(plan)) {
    throw new InputError(`${path}: digest`, 'does not fit the plan: the file was changed after it was written');
  }
  return plan;
}

function diskMovesOf(path: string, { diskMoves = [] }: Partial<PlanDocument>): PlanDocument['diskMoves'] {
  const bad = (at: number) => new InputError(`${path}: diskMoves[${at}]`, 'is not a move between two log folders');
  if (!Array.isArray(diskMoves)) throw new InputError(`${path}: diskMoves`, 'is not a list');
  for (const [at, move] of (diskMoves as readonly unknown[]).entries()) {
    if (typeof move !== 'object' || move === null) throw bad(at);
    const { topic, partition, broker, from, to, bytes } = move as Record<string, unknown>;
    if (![topic, from, to].every((text) => typeof text === 'string')) throw bad(at);
    if (![partition, broker, bytes].every((number) => typeof number === 'number' && number >= 0)) throw bad(at);
  }
  return diskMoves;
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
