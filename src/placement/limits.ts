import type { Candidates } from './candidates.ts';
import { constants } from './constants.ts';
import { dimensionNames } from './dimensions.ts';
import type { Problem } from './problems.ts';
import { mostRoomTries, moveByMakingRoom, type RoomBudget } from './room.ts';
import type { Working } from './working.ts';

const { dimensions, disk, replicaCount, nobody } = constants;

/**
 * Takes replicas off brokers that are over a hard limit, those first that help most for their bytes.
 *
 * @param chosen  only these brokers; all when left out
 */
export function relieveLimits(
  working: Working,
  candidates: Candidates,
  problems: Problem[],
  chosen?: ReadonlySet<number>,
): void {
  const over: number[] = [];
  for (let broker = 0; broker < working.brokers; broker++) {
    const dimension = overLimit(working, broker);
    if (dimension === -1 || working.isCalm(broker, dimension) || chosen?.has(broker) === false) continue;
    over.push(broker);
  }
  if (over.length === 0) return;
  const { first, cells } = working.replicasByBroker();
  for (const broker of over) {
    if (working.keeping[broker] === 0) continue;
    const held = cells.subarray(first[broker]!, first[broker + 1]!);
    relieve(working, candidates, broker, held);
    relieveByMakingRoom(working, candidates, broker, held);
    const dimension = overLimit(working, broker);
    if (dimension === -1) continue;
    const cell = broker * dimensions + dimension;
    const by = working.loads[cell]! - working.limits[cell]!;
    const { model } = working;
    const zone = model.zoneNames[model.zoneOf[broker]!];
    problems.push({
      goal: dimension === disk ? 'H6' : dimension === replicaCount ? 'H5' : 'H7',
      severity: 'hard',
      subject: `broker ${model.brokerIds[broker]}`,
      reason: `${dimensionNames[dimension]} is ${dimension === disk ? gibibytes(by) : by.toPrecision(3)} over its limit and no other broker can take it`,
      remedy: `add 1 broker${zone ? ` in zone ${zone}` : ''}${dimension === disk ? ` with ${gibibytes(by / working.options.use.disk)}` : ''}`,
    });
  }
}

/** First dimension in which a broker is over its hard limit; -1 for none. */
export function overLimit(working: Working, broker: number): number {
  for (let dimension = 0; dimension <= replicaCount; dimension++) {
    const cell = broker * dimensions + dimension;
    if (working.loads[cell]! > working.limits[cell]! * (1 + 1e-12)) return dimension;
  }
  return -1;
}

function relieve(working: Working, candidates: Candidates, broker: number, held: Int32Array): void {
  const { model, width } = working;
  for (let round = 0; round < dimensions; round++) {
    const dimension = overLimit(working, broker);
    if (dimension === -1) return;
    const amount = (cell: number): number => {
      const row = Math.floor(cell / width);
      const isLeader = cell % width === 0;
      if (dimension === disk) return model.sizes[row]!;
      if (dimension === replicaCount) return 1;
      if (dimension === 1) return model.inRates[row]!;
      if (dimension === 2) return isLeader ? model.outRates[row]! + model.inRates[row]! * (model.factors[row]! - 1) : 0;
      return isLeader ? model.leaderCpu[row]! : model.followerCpu[row]!;
    };
    // Most relief a byte first; of equals the larger, so that few partitions move.
    const order = [...held].sort((one, other) => {
      const sizes = model.sizes;
      const oneSize = sizes[Math.floor(one / width)]!;
      const otherSize = sizes[Math.floor(other / width)]!;
      const by = amount(other) / (otherSize + 1) - amount(one) / (oneSize + 1);
      return Math.abs(by) > 1e-9 ? by : otherSize - oneSize || one - other;
    });
    for (const cell of order) {
      const load = broker * dimensions + dimension;
      const excess = working.loads[load]! - working.limits[load]!;
      if (excess <= 0) break;
      if (working.replicas[cell] !== broker || amount(cell) <= 0) continue;
      const row = Math.floor(cell / width);
      const column = cell % width;
      const zones = candidates.zonesFor(row, column);
      let to = candidates.best(row, column, zones);
      // A limit comes before the spread of a topic.
      if (to === nobody) to = candidates.best(row, column, zones, true);
      if (to !== nobody && working.isAffordable(row, column, to)) working.move(row, column, to);
    }
  }
}

/** Where no broker has room, some broker makes room for one of the replicas that must go. */
function relieveByMakingRoom(working: Working, candidates: Candidates, broker: number, held: Int32Array): void {
  const { width } = working;
  const room: RoomBudget = { tries: mostRoomTries, takers: candidates };
  for (const cell of held) {
    if (room.tries <= 0 || overLimit(working, broker) === -1) return;
    if (working.replicas[cell] !== broker) continue;
    const row = Math.floor(cell / width);
    moveByMakingRoom(working, candidates, row, cell % width, candidates.zonesFor(row, cell % width), room);
  }
}

export function gibibytes(bytes: number): string {
  const value = bytes / 2 ** 30;
  return `${value >= 100 ? Math.ceil(value) : Math.ceil(value * 10) / 10} GiB`;
}
