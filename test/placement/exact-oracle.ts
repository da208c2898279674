/**
 * The fewest bytes that any plan could copy on a small cluster, by trying all assignments (branch and bound). It knows
 * nothing of how the planner searches, and shares with it only the shares of brokers (`targetsOf`): what "even" means.
 *
 * An assignment gives each partition a leader and followers. It is *admissible* when
 * - every partition has as many replicas as its replication factor says, on different brokers, none on a dead or
 *   draining one; copies are made on active brokers only, and only of what has a living copy;
 * - no partition could be spread more evenly over the zones;
 * - no broker passes a limit (disk, network, CPU, replicas);
 * - `add`: copies are made on the brokers that are added, and nowhere else, but for replacing what is out of place or
 *   when some broker is over a limit.
 *
 * Its *cost* is the bytes of all (partition, broker) pairs that were not there before. Its *imbalance* is the sum, over
 * brokers and dimensions, of the squared distance from the band around the broker's share, in shares.
 *
 * A plan of `rebalance` or `add` is optimal when no admissible assignment costs less without being less even than the
 * plan's end. A plan of the other operations is optimal when no admissible assignment costs less.
 */
import { dimensions, type Model, nobody, type Operation, type Plan } from '../../src/placement/index.ts';
import { loadsOf, SpreadTable, targetsOf } from '../../src/placement/targets.ts';

export type Verdict =
  /** Bytes of the plan and of the best there is; equal when the plan is optimal. */
  | { readonly kind: 'known'; readonly bytes: number; readonly optimal: number }
  | { readonly kind: 'impossible' }
  /** The plan says it cannot be done, or ends where it must not; an admissible assignment of `optimal` bytes exists. */
  | { readonly kind: 'wrong'; readonly why: string; readonly optimal: number }
  /** Too many assignments to try. */
  | { readonly kind: 'undecided' };

const [disk, inRate, outRate, cpu, count, leaders, leaderIn] = [0, 1, 2, 3, 4, 5, 6];
/** Loads that a replica makes wherever it is, and those that depend on who leads. */
const ofReplicas = [disk, inRate, count] as const;
const ofLeaders = [outRate, cpu, leaders, leaderIn] as const;

/** @param mostSteps  assignments (whole or in part) looked at before an answer is given up */
export function judge(plan: Plan, mostSteps = 5_000_000): Verdict {
  const board = new Board(plan, mostSteps);
  const isEvening = plan.operation.kind === 'rebalance' || plan.operation.kind === 'add';
  const isGivenUp = plan.problems.some(({ severity }) => severity === 'hard');
  const fault = isGivenUp ? 'gives up' : board.faultOf(plan.target);
  if (fault !== undefined) {
    const optimal = board.cheapest(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    if (board.isGivenUp) return { kind: 'undecided' };
    return optimal === undefined ? { kind: 'impossible' } : { kind: 'wrong', why: fault, optimal };
  }
  const bytes = board.costOf(plan.target);
  const imbalance = isEvening ? board.imbalanceOf(plan.target) : Number.POSITIVE_INFINITY;
  const cheaper = board.cheapest(bytes, imbalance);
  if (cheaper === undefined && board.isGivenUp) return { kind: 'undecided' };
  return { kind: 'known', bytes, optimal: cheaper ?? bytes };
}

/** One way to hold a partition: its brokers, what it costs, and the places from which it may be led. */
type Choice = { readonly brokers: readonly number[]; readonly cost: number; readonly mayLead: readonly number[] };

/** By cell, of the partitions not chosen yet: what they can add, what they have there now, what of it is one too many. */
type RestBounds = {
  readonly least: Float64Array;
  readonly most: Float64Array;
  readonly home: Float64Array;
  readonly surplus: Float64Array;
};

class Board {
  readonly #model: Model;
  readonly #operation: Operation;
  readonly #rows: readonly number[];
  readonly #brokers: number;
  readonly #share: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #limits: Float64Array;
  readonly #isOverBefore: boolean;
  isGivenUp = false;
  #steps = 0;
  readonly #mostSteps: number;

  constructor({ model, operation, options }: Plan, mostSteps: number) {
    const { band, use } = options;
    this.#mostSteps = mostSteps;
    this.#model = model;
    this.#operation = operation;
    this.#brokers = model.brokerIds.length;
    // Large partitions first: they leave the fewest ways.
    this.#rows = [...model.topicOf.keys()].sort((one, other) => model.sizes[other]! - model.sizes[one]!);
    const before = loadsOf(model, model.replicas);
    const { share, low, high } = targetsOf(model, new SpreadTable(model), band, before);
    this.#share = share;
    this.#low = low;
    this.#high = high;
    this.#limits = before.map((_, cell) => {
      const broker = Math.floor(cell / dimensions);
      const limit = [
        model.diskCapacity[broker]! * use.disk,
        model.inCapacity[broker]! * use.in,
        model.outCapacity[broker]! * use.out,
        model.cpuCapacity[broker]! * use.cpu,
        model.replicaCapacity[broker]!,
      ][cell % dimensions];
      return (limit ?? Number.POSITIVE_INFINITY) * (1 + 1e-9);
    });
    this.#isOverBefore = before.some(
      (load, cell) => load > this.#limits[cell]! && !this.#mustLeave(Math.floor(cell / dimensions)),
    );
  }

  #before(row: number): number[] {
    const { replicas, width } = this.#model;
    return [...replicas.subarray(row * width, (row + 1) * width)].filter((broker) => broker !== nobody);
  }

  #isAlive = (broker: number): boolean => this.#model.conditions[broker] !== 3 && this.#model.conditions[broker] !== 4;
  #isActive = (broker: number): boolean => this.#model.conditions[broker] === 0;
  #mustLeave = (broker: number): boolean => [1, 3].includes(this.#model.conditions[broker]!);

  /** Why the end of a plan is not admissible. */
  faultOf(target: Int32Array): string | undefined {
    const { width } = this.#model;
    for (const row of this.#rows) {
      const after = [...target.subarray(row * width, (row + 1) * width)].filter((broker) => broker !== nobody);
      const isKnown = this.#choices(row).some(
        ({ brokers, mayLead }) =>
          brokers.length === after.length &&
          brokers.every((broker) => after.includes(broker)) &&
          mayLead.includes(after[0]!),
      );
      if (!isKnown) return `row ${row} must not end on ${after.join()}`;
    }
    const loads = loadsOf(this.#model, target);
    const over = loads.findIndex((load, cell) => load > this.#limits[cell]!);
    return over === -1 ? undefined : `broker ${Math.floor(over / dimensions)} passes its limit ${over % dimensions}`;
  }

  costOf(target: Int32Array): number {
    const { width, sizes } = this.#model;
    let bytes = 0;
    for (const row of this.#rows) {
      const before = this.#before(row);
      for (const broker of target.subarray(row * width, (row + 1) * width)) {
        if (broker !== nobody && !before.includes(broker)) bytes += sizes[row]!;
      }
    }
    return bytes;
  }

  imbalanceOf(target: Int32Array): number {
    const loads = loadsOf(this.#model, target);
    return loads.reduce((sum, load, cell) => sum + this.#excess(cell, load, load), 0);
  }

  /** Squared distance from the band of a load of which only bounds are known: the least it can be. */
  #excess(cell: number, least: number, most: number): number {
    const share = this.#share[cell]!;
    if (share === 0) return 0;
    const by = Math.max(0, least / share - this.#high[cell]!, this.#low[cell]! - most / share);
    return by * by;
  }

  #choices(row: number): Choice[] {
    const { factors, sizes, mayLead } = this.#model;
    const before = this.#before(row);
    const isReadable = before.length === 0 || before.some(this.#isAlive);
    const staying = before.filter((broker) => !this.#mustLeave(broker));
    const isDisplaced = staying.length < before.length || before.length < factors[row]! || this.#isUneven(before);
    const { brokers: added = [] } = this.#operation.kind === 'add' ? this.#operation : {};
    const mayGet = (broker: number): boolean =>
      this.#operation.kind !== 'add' ||
      isDisplaced ||
      this.#isOverBefore ||
      added.includes(this.#model.brokerIds[broker]!);
    const choices: Choice[] = [];
    const choose = (from: number, chosen: readonly number[]): void => {
      if (chosen.length === factors[row]) {
        const copies = chosen.filter((broker) => !before.includes(broker));
        if (copies.length > 0 && !isReadable) return;
        if (this.#isUneven(chosen)) return;
        const able = chosen.filter((broker) => mayLead[broker] === 1);
        if (able.length > 0) choices.push({ brokers: chosen, cost: copies.length * sizes[row]!, mayLead: able });
        return;
      }
      for (let broker = from; broker < this.#brokers; broker++) {
        const isThere = staying.includes(broker);
        if (isThere || (this.#isActive(broker) && mayGet(broker))) choose(broker + 1, [...chosen, broker]);
      }
    };
    choose(0, []);
    return choices.sort((one, other) => one.cost - other.cost);
  }

  /** Whether a replica could go to a zone that has two fewer. */
  #isUneven(held: readonly number[]): boolean {
    const { zoneNames, zoneOf } = this.#model;
    const counts = zoneNames.map((_, zone) => held.filter((broker) => zoneOf[broker] === zone).length);
    const hasPlace = zoneNames.map((_, zone) => {
      for (let broker = 0; broker < this.#brokers; broker++) {
        if (zoneOf[broker] === zone && this.#isActive(broker) && !held.includes(broker)) return true;
      }
      return false;
    });
    return counts.some((most) => counts.some((least, zone) => most - least >= 2 && hasPlace[zone]));
  }

  /** Bytes of the cheapest admissible assignment under `bytes` and not less even; undefined: none was found. */
  cheapest(bytes: number, imbalance: number): number | undefined {
    this.#steps = 0;
    this.isGivenUp = false;
    // What is cheap is looked for first: a low limit leaves few assignments to try.
    const limits = Number.isFinite(bytes) ? [bytes / 32, bytes / 8, bytes / 4, bytes / 2, (3 * bytes) / 4] : [];
    for (const limit of [...limits, bytes]) {
      const found = this.#cheapestUnder(limit, imbalance);
      if (found !== undefined || this.isGivenUp) return found;
    }
    return undefined;
  }

  #cheapestUnder(bytes: number, imbalance: number): number | undefined {
    const allowed = imbalance * (1 + 1e-9) + 1e-9;
    const choices = this.#rows.map((row) => this.#choices(row));
    if (choices.some((ofRow) => ofRow.length === 0)) return undefined;
    const leastCost = suffixSums(choices.map((ofRow) => ofRow[0]!.cost));
    const bounds = this.#boundsOfRest(choices);
    const loads = new Float64Array(this.#brokers * dimensions);
    const chosen: Choice[] = [];
    let best = bytes;
    let isFound = false;

    const descend = (depth: number, cost: number): void => {
      if (++this.#steps > this.#mostSteps) this.isGivenUp = true;
      if (this.isGivenUp || cost + leastCost[depth]! >= best) return;
      if (!this.#mayEnd(loads, bounds[depth]!, depth, best - cost, allowed, ofReplicas)) return;
      if (depth === choices.length) {
        if (!this.#canBeLed(chosen, loads, allowed)) return;
        best = cost;
        isFound = true;
        return;
      }
      for (const choice of choices[depth]!) {
        if (cost + choice.cost + leastCost[depth + 1]! >= best) break;
        this.#put(loads, depth, choice, 1);
        chosen.push(choice);
        descend(depth + 1, cost + choice.cost);
        chosen.pop();
        this.#put(loads, depth, choice, -1);
      }
    };
    descend(0, 0);
    return isFound ? best : undefined;
  }

  #put(loads: Float64Array, depth: number, { brokers }: Choice, sign: number): void {
    const row = this.#rows[depth]!;
    const { sizes, inRates } = this.#model;
    for (const broker of brokers) {
      const start = broker * dimensions;
      loads[start + disk]! += sign * sizes[row]!;
      loads[start + inRate]! += sign * inRates[row]!;
      loads[start + count]! += sign;
    }
  }

  /** For each depth: least and most that the partitions not chosen yet can add to each cell, and how they stay put. */
  #boundsOfRest(choices: readonly (readonly Choice[])[]): RestBounds[] {
    const cells = this.#brokers * dimensions;
    const { sizes, inRates } = this.#model;
    let next = {
      least: new Float64Array(cells),
      most: new Float64Array(cells),
      home: new Float64Array(cells),
      surplus: new Float64Array(cells),
    };
    const bounds = [next];
    for (let depth = choices.length - 1; depth >= 0; depth--) {
      const row = this.#rows[depth]!;
      const made = {
        least: next.least.slice(),
        most: next.most.slice(),
        home: next.home.slice(),
        surplus: next.surplus.slice(),
      };
      const before = this.#before(row).filter((broker) => !this.#mustLeave(broker));
      for (let broker = 0; broker < this.#brokers; broker++) {
        const isIn = choices[depth]!.filter(({ brokers }) => brokers.includes(broker)).length;
        for (const dimension of ofReplicas) {
          const amount = dimension === disk ? sizes[row]! : dimension === inRate ? inRates[row]! : 1;
          const cell = broker * dimensions + dimension;
          if (isIn > 0) made.most[cell]! += amount;
          if (isIn === choices[depth]!.length) made.least[cell]! += amount;
          if (!before.includes(broker)) continue;
          made.home[cell]! += amount;
          // More replicas than are wanted: one of them goes at no cost.
          if (before.length > this.#model.factors[row]!) made.surplus[cell]! += amount;
        }
      }
      bounds.unshift(made);
      next = made;
    }
    return bounds;
  }

  /** Whether loads so far can still end inside the limits and even enough, with `budget` bytes left to copy (exclusive). */
  #mayEnd(
    loads: Float64Array,
    { least, most, home, surplus }: RestBounds,
    depth: number,
    budget: number,
    allowed: number,
    over: readonly number[],
  ): boolean {
    let copies = 0;
    for (let at = this.#rows.length - 1, left = budget; at >= depth && Number.isFinite(budget); at--) {
      // The smallest partitions are last; each can be copied as often as it has replicas.
      const size = this.#model.sizes[this.#rows[at]!]!;
      for (let replica = 0; replica < this.#model.factors[this.#rows[at]!]! && left > size; replica++, left -= size)
        copies++;
    }
    let sum = 0;
    for (let broker = 0; broker < this.#brokers; broker++) {
      for (const dimension of over) {
        const cell = broker * dimensions + dimension;
        let low = loads[cell]! + least[cell]!;
        let high = loads[cell]! + most[cell]!;
        const reach = dimension === disk ? budget : dimension === count ? copies : Number.POSITIVE_INFINITY;
        if (Number.isFinite(budget)) {
          // What comes is copied; what goes is copied elsewhere.
          high = Math.min(high, loads[cell]! + home[cell]! + reach);
          low = Math.max(low, loads[cell]! + home[cell]! - surplus[cell]! - reach);
        }
        if (low > this.#limits[cell]!) return false;
        sum += this.#excess(cell, low, high);
        if (sum > allowed) return false;
      }
    }
    return true;
  }

  /** Whether some choice of leaders ends inside the limits and even enough. */
  #canBeLed(chosen: readonly Choice[], ofSets: Float64Array, allowed: number): boolean {
    const { outRates, inRates, factors, leaderCpu, followerCpu } = this.#model;
    const loads = ofSets.slice();
    const cells = this.#brokers * dimensions;
    const rest: Float64Array[] = [new Float64Array(cells)];
    // Followers' CPU is there in any case; a leader adds the difference, and all that only leaders carry.
    const extra = this.#rows.map((row) => {
      const item = new Float64Array(dimensions);
      item[outRate] = outRates[row]! + inRates[row]! * (factors[row]! - 1);
      item[cpu] = leaderCpu[row]! - followerCpu[row]!;
      item[leaders] = 1;
      item[leaderIn] = inRates[row]!;
      return item;
    });
    for (const [depth, { brokers }] of chosen.entries()) {
      for (const broker of brokers) loads[broker * dimensions + cpu]! += followerCpu[this.#rows[depth]!]!;
    }
    for (let depth = chosen.length - 1; depth >= 0; depth--) {
      const made = rest[0]!.slice();
      for (const broker of chosen[depth]!.mayLead) {
        for (const dimension of ofLeaders) made[broker * dimensions + dimension]! += extra[depth]![dimension]!;
      }
      rest.unshift(made);
    }
    let ofReplicasAlone = 0;
    for (let broker = 0; broker < this.#brokers; broker++) {
      for (const dimension of ofReplicas) {
        const cell = broker * dimensions + dimension;
        ofReplicasAlone += this.#excess(cell, loads[cell]!, loads[cell]!);
      }
    }
    const descend = (depth: number): boolean => {
      if (++this.#steps > this.#mostSteps) this.isGivenUp = true;
      if (this.isGivenUp) return false;
      let sum = ofReplicasAlone;
      for (let broker = 0; broker < this.#brokers; broker++) {
        for (const dimension of ofLeaders) {
          const cell = broker * dimensions + dimension;
          if (loads[cell]! > this.#limits[cell]!) return false;
          sum += this.#excess(cell, loads[cell]!, loads[cell]! + rest[depth]![cell]!);
        }
      }
      if (sum > allowed) return false;
      if (depth === chosen.length) return true;
      for (const broker of chosen[depth]!.mayLead) {
        for (const dimension of ofLeaders) loads[broker * dimensions + dimension]! += extra[depth]![dimension]!;
        const isFound = descend(depth + 1);
        for (const dimension of ofLeaders) loads[broker * dimensions + dimension]! -= extra[depth]![dimension]!;
        if (isFound) return true;
      }
      return false;
    };
    return descend(0);
  }
}

function suffixSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let at = values.length - 1; at >= 0; at--) sums[at] = sums[at + 1]! + values[at]!;
  return sums;
}
