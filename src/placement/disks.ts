import { type Disks, type Model, nobody, partitionName, replicaIds } from './model.ts';
import type { PlanOptions } from './options.ts';
import type { Problem } from './problems.ts';

/** A replica that goes to another log folder of the same broker. */
export type DiskMove = {
  readonly row: number;
  /** Broker index. */
  readonly broker: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
};

/**
 * Empties leaving disks inside their brokers: largest replicas first, each to the active disk of the same broker that
 * is freest by fraction. Replicas for which no disk has room are answered as problems; replicas that leave the broker
 * anyway are not counted.
 */
export function planDisks(model: Model, target: Int32Array, { use }: PlanOptions, problems: Problem[]): DiskMove[] {
  const { disks } = model;
  if (disks === undefined || !disks.leaving.includes(1)) return [];
  const used = new Float64Array(disks.paths.length);
  const leaving: { cell: number; size: number }[] = [];
  for (let cell = 0; cell < disks.diskOf.length; cell++) {
    const disk = disks.diskOf[cell]!;
    const row = Math.floor(cell / model.width);
    if (disk === -1 || !stays(model, target, row, model.replicas[cell]!)) continue;
    used[disk]! += model.sizes[row]!;
    if (disks.leaving[disk] === 1) leaving.push({ cell, size: model.sizes[row]! });
  }
  leaving.sort((one, other) => other.size - one.size || one.cell - other.cell);
  const moves: DiskMove[] = [];
  for (const { cell, size } of leaving) {
    const broker = model.replicas[cell]!;
    const row = Math.floor(cell / model.width);
    const to = freestDisk(disks, used, broker, size, use.disk);
    if (to === -1) {
      const id = model.brokerIds[broker];
      if (problems.some(({ subject }) => subject === `broker ${id}`)) continue;
      problems.push({
        goal: 'H6',
        severity: 'hard',
        subject: `broker ${id}`,
        reason: `no other disk of broker ${id} has room for ${partitionName(model, row)} (replicas ${replicaIds(model, model.replicas, row).join(', ')})`,
        remedy: `add a disk of ${Math.ceil(size / use.disk)} bytes to broker ${id}, or move replicas to other brokers first`,
      });
      continue;
    }
    used[to]! += size;
    moves.push({ row, broker, from: disks.paths[disks.diskOf[cell]!]!, to: disks.paths[to]!, bytes: size });
  }
  return moves;
}

function stays({ width }: Model, target: Int32Array, row: number, broker: number): boolean {
  if (broker === nobody) return false;
  for (let cell = row * width; cell < (row + 1) * width; cell++) if (target[cell] === broker) return true;
  return false;
}

function freestDisk(
  { first, capacity, leaving }: Disks,
  used: Float64Array,
  broker: number,
  size: number,
  use: number,
) {
  let best = -1;
  let bestUse = Number.POSITIVE_INFINITY;
  for (let disk = first[broker]!; disk < first[broker + 1]!; disk++) {
    if (leaving[disk] === 1 || used[disk]! + size > capacity[disk]! * use) continue;
    const after = Number.isFinite(capacity[disk]!) ? (used[disk]! + size) / capacity[disk]! : used[disk]! * 1e-18;
    if (after < bestUse) {
      best = disk;
      bestUse = after;
    }
  }
  return best;
}
