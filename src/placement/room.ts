import type { Candidates } from './candidates.ts';
import { constants } from './constants.ts';
import type { Working } from './working.ts';

const { nobody } = constants;

/** Brokers that may be asked to make room, in one repair: each is a pass over all replicas. */
export const mostRoomTries = 64;
/** @property takers  who takes what makes room */
export type RoomBudget = { tries: number; readonly takers: Candidates };

/**
 * Moves a replica to a broker that lacks room for it until another replica has left: two steps where no single one
 * helps. The smallest that makes enough room goes.
 */
export function moveByMakingRoom(
  working: Working,
  candidates: Candidates,
  row: number,
  column: number,
  zones: readonly number[],
  room: RoomBudget,
): boolean {
  const { model, width, replicas } = working;
  const { takers } = room;
  const pool = model.poolOfTopic[model.topicOf[row]!]!;
  for (const to of zones.flatMap((zone) => [...candidates.inZone(pool, zone)])) {
    if (working.holds(row, to) || working.hasRoom(row, column === 0, to) || room.tries-- <= 0) continue;
    const held: number[] = [];
    for (let cell = 0; cell < replicas.length; cell++) if (replicas[cell] === to) held.push(cell);
    const sizeOf = (cell: number): number => model.sizes[Math.floor(cell / width)]!;
    held.sort((one, other) => sizeOf(one) - sizeOf(other) || one - other);
    for (const cell of held) {
      const otherRow = Math.floor(cell / width);
      const otherColumn = cell % width;
      const away = takers.best(otherRow, otherColumn, takers.zonesFor(otherRow, otherColumn), true);
      if (away === nobody || !working.isAffordable(otherRow, otherColumn, away)) continue;
      working.move(otherRow, otherColumn, away);
      if (working.mayMove(row, column, to, true) && working.isAffordable(row, column, to)) {
        working.move(row, column, to);
        return true;
      }
      working.move(otherRow, otherColumn, to);
    }
  }
  return false;
}
