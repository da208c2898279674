import { constants } from './constants.ts';
import type { Model } from './model.ts';
import type { Targets } from './targets.ts';

const { cpu, dimensions, leaderCount, leaderIn, outRate } = constants;

/** What depends on who leads; `width` cells a broker in all arrays here. */
const ofLeaders = [outRate, cpu, leaderCount, leaderIn] as const;
const width = ofLeaders.length;

/**
 * Chooses leaders for partitions whose brokers are chosen already: by branch and bound over the partitions, those that
 * send most first. A step changes what the brokers of one partition can come to, and only they are counted again.
 *
 * Its arrays are made once for all the choices that one search of assignments asks about.
 */
export class LeaderSearch {
  readonly #model: Model;
  readonly #rows: readonly number[];
  readonly #budget: { steps: number };
  readonly #brokers: number;
  /** Places in `rows`, in the order of the search. */
  readonly #sequence: readonly number[];
  /** By place in `rows`: what its leader carries beyond a follower. */
  readonly #extra: Float64Array;
  readonly #limits: Float64Array;
  readonly #perShare: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #loads: Float64Array;
  /** By step: what each cell may still get. */
  readonly #rest: readonly Float64Array[];
  /** By broker: its least imbalance, as things stand. */
  readonly #excess: Float64Array;
  readonly #led: number[] = [];
  #orders: readonly (readonly number[])[] = [];
  #allowed = 0;

  constructor(
    model: Model,
    rows: readonly number[],
    targets: Pick<Targets, 'perShare' | 'low' | 'high'>,
    limits: Float64Array,
    budget: { steps: number },
  ) {
    this.#model = model;
    this.#rows = rows;
    this.#budget = budget;
    this.#brokers = model.brokerIds.length;
    const { outRates, inRates, factors, leaderCpu, followerCpu } = model;
    this.#sequence = [...rows.keys()].sort(
      (one, other) =>
        Math.min(2, factors[rows[one]!]!) - Math.min(2, factors[rows[other]!]!) ||
        outRates[rows[other]!]! - outRates[rows[one]!]! ||
        one - other,
    );
    this.#extra = Float64Array.from(
      rows.flatMap((row) => [
        outRates[row]! + inRates[row]! * (factors[row]! - 1),
        leaderCpu[row]! - followerCpu[row]!,
        1,
        inRates[row]!,
      ]),
    );
    const cells = this.#brokers * width;
    const ownOf = (all: Float64Array): Float64Array =>
      Float64Array.from(
        { length: cells },
        (_, cell) => all[Math.floor(cell / width) * dimensions + ofLeaders[cell % width]!]!,
      );
    this.#limits = ownOf(limits);
    this.#perShare = ownOf(targets.perShare);
    this.#low = ownOf(targets.low);
    this.#high = ownOf(targets.high);
    this.#loads = new Float64Array(cells);
    this.#rest = Array.from({ length: rows.length + 1 }, () => new Float64Array(cells));
    this.#excess = new Float64Array(this.#brokers);
  }

  /**
   * @param brokersOf  the brokers of each partition, by place in `rows`
   * @param orders     of these, those that may lead, the one to be asked first being first
   * @param allowed    most imbalance of leaders
   * @returns          leaders by place in `rows`, inside the limits and even enough; undefined: there are none
   */
  find(
    brokersOf: readonly (readonly number[])[],
    orders: readonly (readonly number[])[],
    allowed: number,
  ): number[] | undefined {
    const count = this.#rows.length;
    this.#loads.fill(0);
    for (let place = 0; place < count; place++) {
      const load = this.#model.followerCpu[this.#rows[place]!]!;
      for (const broker of brokersOf[place]!) this.#loads[broker * width + ofLeaders.indexOf(cpu)]! += load;
    }
    for (let at = count - 1; at >= 0; at--) {
      this.#rest[at]!.set(this.#rest[at + 1]!);
      for (const broker of orders[this.#sequence[at]!]!) this.#add(this.#sequence[at]!, broker, this.#rest[at]!, 1);
    }
    this.#orders = orders;
    this.#allowed = allowed;
    let sum = 0;
    for (let broker = 0; broker < this.#brokers; broker++) {
      this.#excess[broker] = this.#excessOf(broker, this.#rest[0]!);
      sum += this.#excess[broker]!;
    }
    return this.#descend(0, sum) ? [...this.#led] : undefined;
  }

  #descend(at: number, sum: number): boolean {
    // Not ">": NaN is to end it too.
    if (--this.#budget.steps < 0 || !(sum <= this.#allowed)) return false;
    if (at === this.#rows.length) return true;
    const place = this.#sequence[at]!;
    const order = this.#orders[place]!;
    const excess = this.#excess;
    const before = order.map((broker) => excess[broker]!);
    for (const leader of order) {
      this.#add(place, leader, this.#loads, 1);
      // One of those who could have led it does; the others no longer may.
      let after = sum;
      for (let index = 0; index < order.length; index++) {
        const own = this.#excessOf(order[index]!, this.#rest[at + 1]!);
        after += own - before[index]!;
        excess[order[index]!] = own;
      }
      this.#led[place] = leader;
      if (this.#descend(at + 1, after)) return true;
      this.#add(place, leader, this.#loads, -1);
    }
    for (let index = 0; index < order.length; index++) excess[order[index]!] = before[index]!;
    return false;
  }

  #add(place: number, broker: number, loads: Float64Array, sign: number): void {
    for (let cell = broker * width, from = place * width, end = cell + width; cell < end; cell++, from++) {
      loads[cell]! += sign * this.#extra[from]!;
    }
  }

  /** Least imbalance of a broker that may still get up to `more`; NaN, which is under nothing, beyond a limit. */
  #excessOf(broker: number, more: Float64Array): number {
    let sum = 0;
    for (let cell = broker * width, end = cell + width; cell < end; cell++) {
      const load = this.#loads[cell]!;
      if (load > this.#limits[cell]!) return Number.NaN;
      const perShare = this.#perShare[cell]!;
      if (perShare === 0) continue;
      const over = load * perShare - this.#high[cell]!;
      const under = this.#low[cell]! - (load + more[cell]!) * perShare;
      if (over > 0) sum += over * over;
      else if (under > 0) sum += under * under;
    }
    return sum;
  }
}
