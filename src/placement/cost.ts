import { constants } from './constants.ts';
import type { Model } from './model.ts';
import { had, isChanged, sourceOf } from './schedule.ts';

const { nobody } = constants;

export type PlanCost = {
  /** Copied between brokers, and of these between zones. */
  readonly bytes: number;
  readonly crossZoneBytes: number;
  readonly copies: number;
  /** Partitions whose preferred leader changes. */
  readonly leaderChanges: number;
  readonly partitions: number;
};

/** What it costs to go from the replicas of `start` to `target`. @param rows  those that change; found when left out */
export function costOf(start: Model, target: Int32Array, rows?: Int32Array): PlanCost {
  const { width, replicas, sizes, zoneOf } = start;
  let bytes = 0;
  let crossZoneBytes = 0;
  let copies = 0;
  let leaderChanges = 0;
  let partitions = 0;
  for (let at = 0; at < (rows?.length ?? sizes.length); at++) {
    const row = rows === undefined ? at : rows[at]!;
    if (rows === undefined && !isChanged(start, target, row)) continue;
    partitions++;
    const first = row * width;
    // What holds nothing yet is created, not copied.
    if (replicas[first] === nobody) continue;
    if (target[first] !== replicas[first]) leaderChanges++;
    for (let cell = first; cell < first + width; cell++) {
      const broker = target[cell]!;
      if (broker === nobody || had(start, row, broker)) continue;
      copies++;
      bytes += sizes[row]!;
      const source = sourceOf(start, row);
      if (source !== nobody && zoneOf[source] !== zoneOf[broker]) crossZoneBytes += sizes[row]!;
    }
  }
  return { bytes, crossZoneBytes, copies, leaderChanges, partitions };
}
