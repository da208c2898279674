/**
 * How many replicas of one partition each zone may hold, "as even as the numbers allow".
 *
 * With brokers enough in every zone this is [floor(RF/Z), ceil(RF/Z)] for each of Z zones. A zone with too few
 * brokers holds what it can and the others share the rest evenly: the levels are filled like water.
 */
export type ZoneSpread = {
  /** Fewest replicas zone z must hold, by zone index. */
  readonly least: Int32Array;
  /** Most replicas zone z may hold, by zone index. */
  readonly most: Int32Array;
  /** Sum of `least`. */
  readonly owed: number;
  /** Replicas that fit at all; less than the replication factor when there are too few brokers. */
  readonly places: number;
};

/** @param brokersOfZone  how many brokers may hold a replica, by zone index */
export function zoneSpread(brokersOfZone: ArrayLike<number>, replicationFactor: number): ZoneSpread {
  let brokers = 0;
  for (let zone = 0; zone < brokersOfZone.length; zone++) brokers += brokersOfZone[zone]!;
  const places = Math.min(replicationFactor, brokers);
  let level = 0;
  for (let filled = 0; filled < places; ) {
    level++;
    filled = 0;
    for (let zone = 0; zone < brokersOfZone.length; zone++) filled += Math.min(brokersOfZone[zone]!, level);
  }
  const least = new Int32Array(brokersOfZone.length);
  const most = new Int32Array(brokersOfZone.length);
  let full = 0;
  for (let zone = 0; zone < brokersOfZone.length; zone++) {
    least[zone] = Math.min(brokersOfZone[zone]!, Math.max(0, level - 1));
    most[zone] = Math.min(brokersOfZone[zone]!, level);
    full += most[zone]!;
  }
  // Where every place is used there is no choice: the lower level would allow what cannot be.
  if (full === places) least.set(most);
  return { least, most, owed: least.reduce((sum, count) => sum + count, 0), places };
}

/** The most replicas of one partition that the loss of any one zone takes away. */
export function worstZoneLoss(brokersOfZone: ArrayLike<number>, replicationFactor: number): number {
  return Math.max(0, ...zoneSpread(brokersOfZone, replicationFactor).most);
}
