import { constants } from './constants.ts';
import { condition } from './model.ts';
import type { Working } from './working.ts';

const { nobody } = constants;

/** Brokers looked at for one replica: a random few find a good one about as well as all do. */
const fewSamples = 8;
const manySamples = 24;

/** The brokers that may receive replicas, by pool and zone, and the choice of one of them. */
export class Candidates {
  readonly #working: Working;
  readonly #lists: readonly Int32Array[];
  /** How many brokers a choice looks at. */
  samples = manySamples;
  readonly #looked: Int32Array;
  readonly #weights: Float64Array;
  readonly #held: Int32Array;

  /** @param mayReceive  brokers that may be chosen; all that receive when left out */
  constructor(working: Working, mayReceive?: (broker: number) => boolean) {
    this.#working = working;
    const { model, zones } = working;
    const lists: number[][] = Array.from({ length: model.poolNames.length * zones }, () => []);
    for (let broker = 0; broker < working.brokers; broker++) {
      if (working.receiving[broker] === 0 || mayReceive?.(broker) === false) continue;
      lists[model.poolOf[broker]! * zones + model.zoneOf[broker]!]!.push(broker);
    }
    this.#lists = lists.map((brokers) => Int32Array.from(brokers));
    this.#looked = new Int32Array(Math.max(manySamples, working.brokers));
    this.#weights = new Float64Array(this.#looked.length);
    this.#held = new Int32Array(zones);
  }

  /** Looks at fewer brokers where very many replicas are to be placed: their number evens out what each choice misses. */
  expect(replicas: number): void {
    this.samples = replicas > 100 * this.#working.brokers ? fewSamples : manySamples;
  }

  inZone(pool: number, zone: number): Int32Array {
    return this.#lists[pool * this.#working.zones + zone]!;
  }

  /** Zones into which the replica may go; those that must still get one come alone when there are any. */
  zonesFor(row: number, column: number): readonly number[] {
    const { model, replicas, width, zones } = this.#working;
    const pool = model.poolOfTopic[model.topicOf[row]!]!;
    const { least, most } = this.#working.spreads.of(pool, model.factors[row]!);
    const held = this.#held;
    held.fill(0);
    for (let other = 0; other < width; other++) {
      const broker = replicas[row * width + other]!;
      if (other !== column && broker !== nobody) held[model.zoneOf[broker]!]!++;
    }
    const found: number[] = [];
    for (let zone = 0; zone < zones; zone++) {
      if (held[zone]! < least[zone]! && this.inZone(pool, zone).length > 0) found.push(zone);
    }
    if (found.length > 0) return found;
    for (let zone = 0; zone < zones; zone++) {
      if (held[zone]! < most[zone]! && this.inZone(pool, zone).length > 0) found.push(zone);
    }
    return found;
  }

  /**
   * The broker for a replica that has to go somewhere: the one it weighs on least, of a sample of the zones' brokers,
   * of all of them when the sample has none. `nobody` when the hard goals leave none.
   */
  best(row: number, column: number, zones: readonly number[], isForced = false): number {
    const working = this.#working;
    const pool = working.model.poolOfTopic[working.model.topicOf[row]!]!;
    let total = 0;
    for (let at = 0; at < zones.length; at++) total += this.inZone(pool, zones[at]!).length;
    working.prepareWeight(row, column === 0);
    if (total > this.samples * 1.5) {
      // The lightest of the sample will nearly always do; only when it will not, all are looked at.
      const best = this.#lightestOfSample(pool, zones, total);
      if (working.mayMove(row, column, best, isForced)) return best;
      working.prepareWeight(row, column === 0);
    }
    return this.#lightest(row, column, this.#weighAll(pool, zones), isForced);
  }

  /** Weighs all brokers of the zones. @returns how many there are */
  #weighAll(pool: number, zones: readonly number[]): number {
    let found = 0;
    for (let at = 0; at < zones.length; at++) {
      const list = this.inZone(pool, zones[at]!);
      for (let index = 0; index < list.length; index++) {
        this.#looked[found] = list[index]!;
        this.#weights[found++] = this.#working.weightOn(list[index]!);
      }
    }
    return found;
  }

  #lightestOfSample(pool: number, zones: readonly number[], total: number): number {
    const working = this.#working;
    const { random } = working;
    const first = pool * working.zones;
    let best: number = nobody;
    let least = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < this.samples; sample++) {
      let at = random.below(total);
      let index = 0;
      let list = this.#lists[first + zones[0]!]!;
      while (at >= list.length) {
        at -= list.length;
        list = this.#lists[first + zones[++index]!]!;
      }
      const broker = list[at]!;
      const weight = working.weightOn(broker);
      if (weight >= least) continue;
      best = broker;
      least = weight;
    }
    return best;
  }

  /** Of the first `found` brokers looked at, the lightest that the hard goals allow. */
  #lightest(row: number, column: number, found: number, isForced: boolean): number {
    for (let tried = 0; tried < found; tried++) {
      let best = 0;
      for (let at = 1; at < found; at++) if (this.#weights[at]! < this.#weights[best]!) best = at;
      if (this.#working.mayMove(row, column, this.#looked[best]!, isForced)) return this.#looked[best]!;
      this.#weights[best] = Number.POSITIVE_INFINITY;
    }
    return nobody;
  }
}

/** Whether a broker's copies can still be read. */
export function isReadable(working: Working, broker: number): boolean {
  const state = working.model.conditions[broker];
  return state !== condition.dead && state !== condition.away;
}
