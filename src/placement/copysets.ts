import { type Random, seededRandom } from '../base/index.ts';
import { constants } from './constants.ts';
import type { Model } from './model.ts';
import { receives, SpreadTable } from './targets.ts';
import type { Working } from './working.ts';

const { nobody } = constants;

/** Groups of brokers that may hold a partition together: few groups, so few ways for several deaths to meet in one. */
export type Copysets = {
  readonly factor: number;
  /** Broker indexes, `factor` a group. */
  readonly groups: Int32Array;
};

/** Tuples looked at for one partition. */
const samples = 24;

/**
 * Groups over zones such that each broker shares partitions with at most `scatterWidth` others: P random orders of
 * each zone's brokers are put side by side, P = scatterWidth / (factor - 1). Brokers of like size come together, so
 * that a group's members fill at the same pace. Drawn from the seed and the brokers alone: as long as these stay, the
 * groups stay.
 *
 * Source: Cidon and others, "Copysets", USENIX ATC 2013.
 */
export function copysetsOf(model: Model, factor: number, scatterWidth: number, seed: number): Copysets {
  const random = seededRandom(seed ^ 0x5eed);
  const spread = new SpreadTable(model).of(0, factor);
  const zones: number[][] = model.zoneNames.map(() => []);
  for (let broker = 0; broker < model.brokerIds.length; broker++) {
    if (receives(model, broker)) zones[model.zoneOf[broker]!]!.push(broker);
  }
  const permutations = Math.max(1, Math.floor(scatterWidth / Math.max(1, factor - 1)));
  const groups: number[] = [];
  for (let permutation = 0; permutation < permutations; permutation++) {
    const orders = zones.map((brokers) => shuffledBySize(model, brokers, random));
    const columns = groupColumns(orders, spread.most, factor, permutation);
    const length = Math.max(...columns.map((column) => column.length));
    for (let at = 0; at < length; at++) {
      const members = columns.map((column) => column[Math.floor((at * column.length) / length)]!);
      if (new Set(members).size === factor) groups.push(...members);
    }
  }
  return { factor, groups: Int32Array.from(groups) };
}

function shuffledBySize({ diskCapacity }: Model, brokers: readonly number[], random: Random): number[] {
  const order = [...brokers];
  for (let at = order.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  // A stable sort keeps the chance among equals.
  return order.sort((one, other) =>
    diskCapacity[one] === diskCapacity[other] ? 0 : diskCapacity[other]! - diskCapacity[one]!,
  );
}

/** Splits the zones' orders into `factor` columns: a zone that may hold two copies gives two halves. */
function groupColumns(orders: readonly (readonly number[])[], most: Int32Array, factor: number, turn: number) {
  const columns: (readonly number[])[] = [];
  for (const [zone, order] of orders.entries()) {
    for (let part = 0; part < most[zone]!; part++) {
      const column = order.filter((_, at) => at % most[zone]! === part);
      if (column.length > 0) columns.push(column);
    }
  }
  if (columns.length === factor) return columns;
  // More columns than copies: spread every column's brokers over all groups of zones, by turns.
  const merged: number[][] = Array.from({ length: factor }, () => []);
  const longest = Math.max(...columns.map((column) => column.length));
  let next = turn;
  for (let at = 0; at < longest; at++) {
    for (let step = 0; step < columns.length; step++) {
      const broker = columns[(step + turn) % columns.length]![at];
      if (broker !== undefined) merged[next++ % factor]!.push(broker);
    }
  }
  return merged;
}

/**
 * Puts every partition onto a group: the one it weighs on least of a sample; partitions already on a group stay.
 * The leader is the member that brings leaders nearest to even.
 */
export function placeOnCopysets(working: Working, { factor, groups }: Copysets): void {
  const { model, width } = working;
  const count = groups.length / factor;
  if (count === 0) return;
  const known = new Set<string>();
  for (let group = 0; group < count; group++) known.add(keyOf(groups.subarray(group * factor, (group + 1) * factor)));
  const rows = [...model.topicOf.keys()].sort((one, other) => model.sizes[other]! - model.sizes[one]! || one - other);
  for (const row of rows) {
    if (model.factors[row] !== factor || model.pinned[model.topicOf[row]!] === 1) continue;
    const held = working.replicas.subarray(row * width, row * width + factor);
    if (!held.includes(nobody) && known.has(keyOf(held))) continue;
    let best = -1;
    let bestWeight = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < Math.min(samples, count); sample++) {
      const group = count <= samples ? sample : working.random.below(count);
      let weight = 0;
      let isLegal = true;
      working.prepareWeight(row, false);
      for (let member = 0; member < factor; member++) {
        const broker = groups[group * factor + member]!;
        weight += working.weightOn(broker);
      }
      for (let member = 0; member < factor && isLegal; member++) {
        isLegal = working.hasRoom(row, false, groups[group * factor + member]!);
      }
      if (!isLegal || weight >= bestWeight) continue;
      best = group;
      bestWeight = weight;
    }
    if (best === -1) continue;
    assign(working, row, groups.subarray(best * factor, (best + 1) * factor));
  }
}

function keyOf(brokers: ArrayLike<number>): string {
  return [...Array.from(brokers)].sort((one, other) => one - other).join(',');
}

/** Gives a row exactly these brokers; those that it has already stay in their columns. */
function assign(working: Working, row: number, members: ArrayLike<number>): void {
  const { width } = working;
  const wanted = Array.from(members).filter((broker) => !working.holds(row, broker));
  for (let column = 0; column < members.length; column++) {
    const broker = working.replicas[row * width + column]!;
    if (broker !== nobody && Array.from(members).includes(broker)) continue;
    const to = wanted.shift();
    if (to !== undefined) working.move(row, column, to);
  }
  let best = 0;
  let bestWeight = Number.POSITIVE_INFINITY;
  for (let column = 0; column < members.length; column++) {
    const broker = working.replicas[row * width + column]!;
    const weight = working.pressure(row, true, broker) - working.pressure(row, false, broker);
    if (weight < bestWeight && (column === 0 || working.mayLead(row, column))) {
      best = column;
      bestWeight = weight;
    }
  }
  if (best > 0) working.lead(row, best);
}
