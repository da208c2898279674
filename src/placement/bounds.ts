import type { ByBroker } from './by-broker.ts';
import { constants } from './constants.ts';
import { withBand } from './targets.ts';
import type { Working } from './working.ts';

const { dimensions, disk, inRate, replicaCount, nobody } = constants;

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
  const { loads, receiving, options } = working;
  // By the band that was asked for: the search aims a little inside it.
  const targets = withBand(working.targets, options.band);
  const excess = (cell: number): number =>
    targets.perShare[cell] === 0 ? 0 : loads[cell]! - targets.high[cell]! * targets.share[cell]!;
  let index: ByBroker | undefined;
  for (let broker = 0; broker < working.brokers; broker++) {
    if (receiving[broker] === 0 || !balanced(broker)) continue;
    const first = broker * dimensions;
    let most = Math.max(0, excess(first + disk));
    for (const dimension of [inRate, replicaCount]) {
      const over = excess(first + dimension);
      // The same part of every replica would do: the least is not more than that.
      if (over <= 0 || (over / loads[first + dimension]!) * loads[first + disk]! <= most) continue;
      index ??= working.replicasByBroker();
      const held = index.cells.subarray(index.first[broker]!, index.first[broker + 1]!);
      most = Math.max(most, cheapestRelief(working, held, dimension, over));
    }
    shed += most;
    if (targets.perShare[first + disk] === 0) continue;
    fill += Math.max(0, targets.low[first + disk]! * targets.share[first + disk]! - loads[first + disk]!);
  }
  return { forced, shed, fill, bytes: Math.max(forced + shed, fill) };
}

function forcedBytes(working: Working): number {
  const { model, width, survey } = working;
  let bytes = 0;
  const seen = new Int32Array(working.zones);
  for (const row of survey.flawed) {
    let stay = 0;
    const pool = model.poolOfTopic[model.topicOf[row]!]!;
    if (model.pinned[model.topicOf[row]!] === 1 || survey.readable[row] === 0) continue;
    const spread = working.spreads.of(pool, model.factors[row]!);
    seen.fill(0);
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

const priceSteps = 30;

/**
 * Fewest bytes whose leaving takes `amount` of a dimension from a broker, if replicas could be cut. For any price of
 * a unit of the dimension, amount x price less what the replicas cheaper than that save is a bound; the best price is
 * found by halving.
 */
function cheapestRelief({ model, width }: Working, held: Int32Array, dimension: number, amount: number): number {
  const sizes = new Float64Array(held.length);
  const units = new Float64Array(held.length);
  let low = 0;
  let high = 0;
  for (let at = 0; at < held.length; at++) {
    const row = Math.floor(held[at]! / width);
    sizes[at] = model.sizes[row]!;
    units[at] = dimension === inRate ? model.inRates[row]! : 1;
    if (units[at]! > 0) high = Math.max(high, sizes[at]! / units[at]!);
  }
  let bytes = 0;
  for (let step = 0; step < priceSteps; step++) {
    const price = (low + high) / 2;
    let relieved = 0;
    let saved = 0;
    for (let at = 0; at < held.length; at++) {
      const gain = price * units[at]! - sizes[at]!;
      if (gain <= 0) continue;
      relieved += units[at]!;
      saved += gain;
    }
    bytes = Math.max(bytes, amount * price - saved);
    if (relieved < amount) low = price;
    else high = price;
  }
  return bytes;
}
