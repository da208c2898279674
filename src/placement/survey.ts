import { cpu, dimensions, disk, inRate, leaderCount, leaderIn, outRate, replicaCount } from './dimensions.ts';
import { condition, type Model, nobody } from './model.ts';
import { type Kind, keeps, kindOf, type SpreadTable } from './targets.ts';

/** What one pass over the partitions tells about an assignment as it is. */
export type Survey = {
  /** 1: some replica can be read, or there is none to read. Others cannot be copied, and stay. */
  readonly readable: Uint8Array;
  /**
   * Rows that a hard goal asks to change: replicas missing or too many, on a broker that must lose them or of another
   * set, zones less even than they could be, a leader where none may be. Ascending; all other rows are well.
   */
  readonly flawed: Int32Array;
  /** As `loadsOf` and `kindsOf` tell, which walk over the partitions on their own. */
  readonly loads: Float64Array;
  readonly kinds: readonly Kind[];
};

export function surveyOf(model: Model, spreads: SpreadTable): Survey {
  const { replicas, width, conditions, topicOf, zoneOf, poolOf, poolOfTopic, factors, mayLead } = model;
  const { sizes, inRates, outRates, leaderCpu, followerCpu } = model;
  const loads = new Float64Array(model.brokerIds.length * dimensions);
  const kinds: Kind[] = [];
  const rows = topicOf.length;
  const zones = spreads.zones;
  const readable = new Uint8Array(rows);
  const keeping = Uint8Array.from(conditions, (_, broker) => (keeps(model, broker) ? 1 : 0));
  const held = new Int32Array(zones);
  const flawed = new Int32Array(rows);
  let flaws = 0;
  // Looked up again only where they change: rows of a topic follow each other.
  let pool = nobody;
  let factor = 0;
  let kind!: Kind;
  let spread!: ReturnType<SpreadTable['of']>;
  for (let row = 0, cell = 0; row < rows; row++) {
    if (poolOfTopic[topicOf[row]!] !== pool || factors[row] !== factor) {
      pool = poolOfTopic[topicOf[row]!]!;
      factor = factors[row]!;
      kind = kindOf(kinds, pool, factor);
      spread = spreads.of(pool, factor);
    }
    const { least, most } = spread;
    const size = sizes[row]!;
    const rate = inRates[row]!;
    const out = outRates[row]! + rate * (factor - 1);
    kind.count++;
    kind.size += size;
    kind.rate += rate;
    kind.out += out;
    kind.leaderCpu += leaderCpu[row]!;
    kind.followerCpu += followerCpu[row]!;
    const leader = replicas[cell]!;
    let isFlawed = leader !== nobody && (mayLead[leader] === 0 || keeping[leader] === 0);
    let count = 0;
    let isReadable = false;
    held.fill(0);
    for (let column = 0; column < width; column++, cell++) {
      const broker = replicas[cell]!;
      if (broker === nobody) continue;
      const at = broker * dimensions;
      loads[at + disk]! += size;
      loads[at + inRate]! += rate;
      loads[at + replicaCount]!++;
      loads[at + cpu]! += column === 0 ? leaderCpu[row]! : followerCpu[row]!;
      if (column === 0) {
        loads[at + outRate]! += out;
        loads[at + leaderCount]!++;
        loads[at + leaderIn]! += rate;
      }
      count++;
      held[zoneOf[broker]!]!++;
      if (keeping[broker] === 0 || poolOf[broker] !== pool) isFlawed = true;
      if (conditions[broker] !== condition.dead && conditions[broker] !== condition.away) isReadable = true;
    }
    if (isReadable || count === 0) readable[row] = 1;
    if (count !== factor) isFlawed = true;
    for (let zone = 0; zone < zones; zone++) {
      if (held[zone]! < least[zone]! || held[zone]! > most[zone]!) isFlawed = true;
    }
    if (isFlawed) flawed[flaws++] = row;
  }
  return { readable, flawed: flawed.slice(0, flaws), loads, kinds };
}
