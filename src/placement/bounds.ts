import { dimensions, disk, inRate, replicaCount } from './dimensions.ts';
import { nobody } from './model.ts';
import { targetsOf } from './targets.ts';
import type { Working } from './working.ts';

/** Fewest bytes that any plan with the same goals can copy. */
export type ByteBounds = {
  /** Replicas that must be copied whatever else is wanted: from dead and draining brokers, missing ones, zones. */
  readonly forced: number;
  /** What must leave brokers over the band, beyond `forced`. */
  readonly shed: number;
  /** What must reach brokers under the band. */
  readonly fill: number;
  /** The largest that holds for the operation. */
  readonly bytes: number;
};

/**
 * Lower bounds before any step: `working` holds the assignment at the start. A copy leaves one broker and reaches one,
 * so what must leave and what must arrive both bound the bytes. Leaderships pass at no bytes, hence only disk, network
 * in and number of replicas count.
 *
 * @param balanced  brokers that the operation brings into the band; undefined: none
 */
export function byteBounds(working: Working, balanced: ((broker: number) => boolean) | undefined): ByteBounds {
  const forced = forcedBytes(working);
  if (balanced === undefined) return { forced, shed: 0, fill: 0, bytes: forced };
  let shed = 0;
  let fill = 0;
  const { loads, receiving, model, options } = working;
  // By the band that was asked for: the search aims a little inside it.
  const targets = targetsOf(model, working.spreads, options.band, loads);
  const index = working.replicasByBroker();
  for (let broker = 0; broker < working.brokers; broker++) {
    if (receiving[broker] === 0 || !balanced(broker)) continue;
    let most = 0;
    for (const dimension of [disk, inRate, replicaCount]) {
      const cell = broker * dimensions + dimension;
      if (targets.perShare[cell] === 0) continue;
      const over = loads[cell]! - targets.high[cell]! * targets.share[cell]!;
      if (over > 0) most = Math.max(most, cheapestRelief(working, broker, dimension, over, index));
      if (dimension !== disk) continue;
      fill += Math.max(0, targets.low[cell]! * targets.share[cell]! - loads[cell]!);
    }
    shed += most;
  }
  return { forced, shed, fill, bytes: Math.max(forced + shed, fill) };
}

function forcedBytes(working: Working): number {
  const { model, width } = working;
  let bytes = 0;
  for (let row = 0; row < working.partitions; row++) {
    let stay = 0;
    const pool = model.poolOfTopic[model.topicOf[row]!]!;
    if (model.pinned[model.topicOf[row]!] === 1 || working.readable[row] === 0) continue;
    const spread = working.spreads.of(pool, model.factors[row]!);
    const seen = new Int32Array(working.zones);
    for (let column = 0; column < width; column++) {
      const broker = working.replicas[row * width + column]!;
      if (broker === nobody || working.keeping[broker] === 0 || model.poolOf[broker] !== pool) continue;
      const zone = model.zoneOf[broker]!;
      if (seen[zone]! >= spread.most[zone]!) continue;
      seen[zone]!++;
      stay++;
    }
    // Zones that must have a replica and have none yet take their places from those above the least.
    let owed = 0;
    for (let zone = 0; zone < working.zones; zone++) owed += Math.max(0, spread.least[zone]! - seen[zone]!);
    stay = Math.min(stay, spread.places - owed);
    bytes += Math.max(0, spread.places - stay) * model.sizes[row]!;
  }
  return bytes;
}

/** Fewest bytes whose leaving takes `amount` of a dimension from a broker, if replicas could be cut. */
function cheapestRelief(
  working: Working,
  broker: number,
  dimension: number,
  amount: number,
  { first, cells }: { readonly first: Int32Array; readonly cells: Int32Array },
): number {
  if (dimension === disk) return amount;
  const { model, width } = working;
  const of = (row: number): number => (dimension === inRate ? model.inRates[row]! : 1);
  const rows = Array.from(cells.subarray(first[broker]!, first[broker + 1]!), (cell) => Math.floor(cell / width));
  rows.sort((one, other) => model.sizes[one]! / (of(one) + 1e-9) - model.sizes[other]! / (of(other) + 1e-9));
  let bytes = 0;
  let left = amount;
  for (const row of rows) {
    if (left <= 0) break;
    if (of(row) <= 0) continue;
    const part = Math.min(1, left / of(row));
    bytes += part * model.sizes[row]!;
    left -= of(row);
  }
  return bytes;
}
