import { seededRandom } from '../../../src/base/index.ts';
import type { Model } from '../../../src/placement/model.ts';

/**
 * Kafka's striped placement, written from its published behaviour: racks in turn, brokers inside a rack in turn, both
 * from a random start for each topic; the start inside the racks moves by one each time the racks come round. It looks
 * at neither sizes, capacities nor loads.
 *
 * Source: the class comment of StripedReplicaPlacer, KIP-631 and KIP-36.
 */
export function stripedPlacement(model: Model, brokers: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  const racks: number[][] = model.zoneNames.map(() => []);
  for (let broker = 0; broker < brokers; broker++) racks[model.zoneOf[broker]!]!.push(broker);
  const used = racks.filter((rack) => rack.length > 0);
  const replicas = new Int32Array(model.replicas.length).fill(-1);
  let topic = -1;
  let rackStart = 0;
  let starts: number[] = [];
  for (let row = 0; row < model.topicOf.length; row++) {
    if (model.topicOf[row] !== topic) {
      topic = model.topicOf[row]!;
      rackStart = random.below(used.length);
      starts = used.map((rack) => random.below(rack.length));
    }
    for (let column = 0; column < model.factors[row]!; column++) {
      const rack = (rackStart + column) % used.length;
      const members = used[rack]!;
      const round = Math.floor(column / used.length);
      replicas[row * model.width + column] = members[(starts[rack]! + round) % members.length]!;
    }
    rackStart = (rackStart + 1) % used.length;
    for (const [rack, members] of used.entries()) {
      starts[rack] = (starts[rack]! + Math.max(1, Math.ceil(model.factors[row]! / used.length))) % members.length;
    }
  }
  return replicas;
}
