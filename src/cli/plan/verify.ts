import { readFile } from 'node:fs/promises';
import { modelOf, targetOf, verify } from '../../placement/index.ts';
import { parseReassignment } from '../../placement/json/index.ts';
import type { Flags } from '../plan.ts';
import { nameOf, ongoing, replicasNow } from './cluster-moves.ts';
import { withAdmin, withCluster } from './commands.ts';
import { diskKey, diskPlaces, diskStaleness } from './disk-moves.ts';
import { InputError, planOptionsOf } from './options.ts';
import { Patience } from './patience.ts';
import { standing } from './standing.ts';
import { type KeptPlan, readState } from './state-file.ts';
import { stepOf } from './steps.ts';

/** Checks somebody's reassignment against the hard goals, or says how far a plan that is carried out has come. */
export async function verifyReassignment(flags: Flags): Promise<number> {
  if (flags.state !== undefined) return await verifyProgress(flags, await readState(flags.state));
  if (flags.reassignment === undefined) {
    throw new InputError('--reassignment', 'name a file of kafka-reassign-partitions, or a plan with --state');
  }
  let text: string;
  try {
    text = await readFile(flags.reassignment, 'utf8');
  } catch (error) {
    throw new InputError('--reassignment', `cannot read ${flags.reassignment}: ${(error as Error).message}`);
  }
  const parsed = parseReassignment(text);
  if (!parsed.ok) throw new InputError(`${flags.reassignment}: ${parsed.problem.field}`, parsed.problem.message);
  const options = planOptionsOf(flags);
  return await withCluster(flags, async (state) => {
    const model = modelOf(state);
    const target = targetOf(model, parsed.value);
    if (!target.ok) throw new InputError(`${flags.reassignment}: ${target.problem.field}`, target.problem.message);
    const rows = target.value.rows.filter((row) => {
      const start = row * model.width;
      return target.value.target
        .subarray(start, start + model.width)
        .some((to, at) => to !== model.replicas[start + at]);
    });
    const claim = { model, target: target.value.target, rows, first: Int32Array.of(0, rows.length) };
    const found = verify(claim, options);
    for (const { goal, kind, subject, message } of found) {
      process.stdout.write(`${kind === 'introduced' ? '✗' : '~'} ${goal} ${subject} ${message}\n`);
    }
    const broken = found.filter(({ kind }) => kind === 'introduced').length;
    process.stdout.write(`${rows.length} partitions change, ${broken} hard goals would be broken\n`);
    return broken > 0 ? 2 : 0;
  });
}

async function verifyProgress(flags: Flags, { diskMoves, ...document }: KeptPlan): Promise<number> {
  return await withAdmin(flags, async (admin) => {
    const patience = new Patience({ signal: new AbortController().signal, patienceMs: 0, onWait: () => undefined });
    const steps = document.batches.flatMap((batch, at) => batch.map((change) => stepOf(change, at)));
    const now = await replicasNow(admin, patience, steps);
    const moving = now.ok ? await ongoing(admin, patience) : now;
    const places = moving.ok ? await diskPlaces(admin, patience, diskMoves) : moving;
    for (const read of [now, moving, places]) {
      if (!read.ok) throw new InputError('--bootstrap', read.problem.kind === 'refused' ? read.problem.message : '');
    }
    if (!now.ok || !moving.ok || !places.ok) return 1;
    const remaining = standing(document, (name) => now.value.get(name)?.replicas);
    const stale = [
      ...(remaining.ok ? [] : remaining.problem),
      ...diskMoves.flatMap((move) => diskStaleness(move, places.value.get(diskKey(move)))),
    ];
    for (const { topic, partition, message } of stale) process.stdout.write(`${topic}-${partition} ${message}\n`);
    if (!remaining.ok || stale.length > 0) return 2;
    const { done, left } = remaining.value;
    if (done + left > 0) {
      const underWay = steps.filter(({ change }) => moving.value.has(nameOf(change))).length;
      const all = done + left;
      process.stdout.write(`${done} of ${all} partitions are where the plan wants them, ${underWay} are moving\n`);
    }
    if (diskMoves.length > 0) {
      const inPlace = diskMoves.filter((move) => places.value.get(diskKey(move))?.path === move.to).length;
      process.stdout.write(`${inPlace} of ${diskMoves.length} replicas are on the disks that the plan wants\n`);
    }
    return 0;
  });
}
