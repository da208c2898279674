import { constants } from './constants.ts';
import { LeaderSearch } from './exact-leaders.ts';
import { condition, type Model } from './model.ts';
import type { PlanOptions } from './options.ts';
import { keeps, loadsOf, receives, SpreadTable, targetsOf } from './targets.ts';

const { dimensions, disk, inRate, replicaCount, nobody } = constants;

/** Clusters up to this size are searched to the end; larger ones have too many ways. */
const mostBrokers = 6;
const mostPartitions = 10;
const mostFactor = 3;
/** Whether `fewestBytes` is worth asking. */
export function isEnumerable({ brokerIds, topicOf, factors, width }: Model): boolean {
  return (
    brokerIds.length <= mostBrokers &&
    topicOf.length <= mostPartitions &&
    width <= mostFactor &&
    factors.every((factor) => factor <= mostFactor)
  );
}

/** Limits of bytes tried one after the other: the first as a part of the bytes to beat, and by what each grows. */
const firstLimit = 1 / 16;
const nextLimit = 1.2;
/** Imbalance by which an end may be less even and still count as even as another: one load off by 0.003 % of its share. */
const negligible = 1e-9;

export type ExactTask = {
  /** Cost to beat, in bytes copied; Infinity: any. */
  readonly bytes: number;
  /** Most imbalance at the end, as `imbalanceOf`; Infinity: any. */
  readonly imbalance: number;
  /** Most load of each cell, broker x dimension. */
  readonly limits: Float64Array;
  /** Whether a copy of a partition may be made on a broker, beyond what the hard goals say. */
  readonly mayCopy: (row: number, broker: number) => boolean;
  /** Partitions that stay where `target` has them. */
  readonly isFixed: (row: number) => boolean;
  readonly target: Int32Array;
  /** Nodes of the tree that may be looked at; counted down. With none left the answer is what was found by then. */
  readonly budget: { steps: number };
};

/** Sum, over brokers and dimensions, of the squared distance from the band, in shares. */
export function imbalanceOf(model: Model, target: Int32Array, { band }: PlanOptions): number {
  const { perShare, low, high } = targetsOf(model, new SpreadTable(model), band, loadsOf(model, model.replicas));
  let sum = 0;
  for (const [cell, load] of loadsOf(model, target).entries()) {
    if (perShare[cell] === 0) continue;
    const relative = load * perShare[cell]!;
    const by = Math.max(0, relative - high[cell]!, low[cell]! - relative);
    sum += by * by;
  }
  return sum;
}

/** Most load of each cell: the hard limits, and where `target` is over them, no more than that. */
export function limitsOf(model: Model, target: Int32Array | undefined, { use }: PlanOptions): Float64Array {
  const loads = target === undefined ? new Float64Array(model.brokerIds.length * dimensions) : loadsOf(model, target);
  return loads.map((load, cell) => {
    const broker = Math.floor(cell / dimensions);
    const limits = [
      model.diskCapacity[broker]! * use.disk,
      model.inCapacity[broker]! * use.in,
      model.outCapacity[broker]! * use.out,
      model.cpuCapacity[broker]! * use.cpu,
      model.replicaCapacity[broker]!,
    ];
    return Math.max(limits[cell % dimensions] ?? Number.POSITIVE_INFINITY, load) * (1 + 1e-12);
  });
}

/** One way to hold a partition. */
type Way = { readonly brokers: readonly number[]; readonly cost: number };

const ofReplicas = [disk, inRate, replicaCount] as const;

/**
 * The assignment that copies fewest bytes of all that satisfy the hard goals, by branch and bound over the partitions,
 * largest first: those not yet decided count as staying where they are, and what the loads then still lack must fit
 * into the bytes that are left to beat. Leaders are chosen last, at no bytes.
 *
 * @returns replicas as `Model.replicas`; undefined when nothing is cheaper (or nothing was found within the steps)
 */
export function fewestBytes(model: Model, options: PlanOptions, task: ExactTask): Int32Array | undefined {
  // Under a low limit most of the tree is cut off: limits rise until something is found, and that is then the cheapest.
  let limit = Number.isFinite(task.bytes) ? task.bytes * firstLimit : task.bytes;
  let refuted = 0;
  for (; limit < task.bytes; limit *= nextLimit) {
    const found = new Search(model, options, { ...task, bytes: limit }, refuted).run();
    if (found !== undefined || task.budget.steps <= 0) return found;
    refuted = limit;
  }
  return new Search(model, options, task, refuted).run();
}

class Search {
  readonly #model: Model;
  readonly #task: ExactTask;
  readonly #rows: readonly number[];
  readonly #ways: readonly (readonly Way[])[];
  readonly #brokers: number;
  /** Loads with undecided partitions at home. */
  readonly #loads: Float64Array;
  readonly #share: Float64Array;
  readonly #perShare: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #allowed: number;
  /** By depth: the least that the undecided cost, and what can leave a cell without a copy elsewhere. */
  readonly #leastCost: Float64Array;
  readonly #free: readonly Float64Array[];
  /** By depth: the most that the undecided can bring to a cell, and take from it. */
  readonly #arriving: readonly Float64Array[];
  readonly #leaving: readonly Float64Array[];
  /** By depth: most of a dimension that one byte copied can carry, and sizes of the undecided, smallest first. */
  readonly #inPerByte: Float64Array;
  readonly #leaderSearch: LeaderSearch;
  readonly #chosen: Way[] = [];
  readonly #refuted: number;
  #best: number;
  #found: Int32Array | undefined;

  /** @param refuted  nothing that costs less than this will do: it has been tried */
  constructor(model: Model, options: PlanOptions, task: ExactTask, refuted: number) {
    this.#model = model;
    this.#refuted = refuted;
    this.#task = task;
    this.#brokers = model.brokerIds.length;
    this.#best = task.bytes;
    this.#allowed = task.imbalance * (1 + 1e-9) + negligible;
    const before = loadsOf(model, model.replicas);
    const spreads = new SpreadTable(model);
    const targets = targetsOf(model, spreads, options.band, before);
    this.#share = targets.share;
    this.#perShare = targets.perShare;
    this.#low = targets.low;
    this.#high = targets.high;
    const { sizes, inRates } = model;
    this.#rows = [...model.topicOf.keys()].sort((one, other) => sizes[other]! - sizes[one]! || one - other);
    this.#leaderSearch = new LeaderSearch(model, this.#rows, targets, task.limits, task.budget);
    this.#ways = this.#rows.map((row) => waysOf(model, spreads, row, task));
    const count = this.#rows.length;
    this.#leastCost = new Float64Array(count + 1);
    this.#inPerByte = new Float64Array(count + 1);
    const cells = this.#brokers * dimensions;
    const free = [new Float64Array(cells)];
    const arriving = [new Float64Array(cells)];
    const leaving = [new Float64Array(cells)];
    this.#loads = new Float64Array(this.#brokers * dimensions);
    for (let depth = count - 1; depth >= 0; depth--) {
      const row = this.#rows[depth]!;
      this.#leastCost[depth] = this.#leastCost[depth + 1]! + (this.#ways[depth]![0]?.cost ?? 0);
      this.#inPerByte[depth] = Math.max(this.#inPerByte[depth + 1]!, inRates[row]! / sizes[row]!) || 0;
      const home = this.#homeOf(row);
      const made = free[0]!.slice();
      if (home.length > model.factors[row]!) for (const broker of home) addReplica(model, row, broker, made, 1);
      free.unshift(made);
      arriving.unshift(arriving[0]!.slice());
      leaving.unshift(leaving[0]!.slice());
      for (let broker = 0; broker < this.#brokers; broker++) {
        const isHome = home.includes(broker);
        const uses = this.#ways[depth]!.filter(({ brokers }) => brokers.includes(broker)).length;
        if (!isHome && uses > 0) addReplica(model, row, broker, arriving[0]!, 1);
        if (isHome && uses < this.#ways[depth]!.length) addReplica(model, row, broker, leaving[0]!, 1);
      }
      for (const broker of home) addReplica(model, row, broker, this.#loads, 1);
    }
    this.#free = free;
    this.#arriving = arriving;
    this.#leaving = leaving;
  }

  run(): Int32Array | undefined {
    if (this.#ways.every((ways) => ways.length > 0)) this.#descend(0, 0);
    return this.#found;
  }

  /** Where an undecided partition counts: brokers that it need not leave. */
  #homeOf(row: number): number[] {
    return heldBy(this.#model, this.#model.replicas, row).filter((broker) => keeps(this.#model, broker));
  }

  #descend(depth: number, cost: number): void {
    if (--this.#task.budget.steps < 0 || cost + this.#leastCost[depth]! >= this.#best) return;
    if (!this.#isReachable(depth, cost)) return;
    if (depth === this.#rows.length) {
      if (cost < this.#refuted) return;
      const led = this.#leaders();
      if (led === undefined) return;
      this.#best = cost;
      this.#found = this.#written(led);
      return;
    }
    const row = this.#rows[depth]!;
    const home = this.#homeOf(row);
    for (const broker of home) addReplica(this.#model, row, broker, this.#loads, -1);
    for (const way of this.#ways[depth]!) {
      if (cost + way.cost + this.#leastCost[depth + 1]! >= this.#best) break;
      for (const broker of way.brokers) addReplica(this.#model, row, broker, this.#loads, 1);
      this.#chosen.push(way);
      this.#descend(depth + 1, cost + way.cost);
      this.#chosen.pop();
      for (const broker of way.brokers) addReplica(this.#model, row, broker, this.#loads, -1);
    }
    for (const broker of home) addReplica(this.#model, row, broker, this.#loads, 1);
  }

  /**
   * Whether the bytes left to copy can bring the loads inside the limits and even enough. Every copy arrives at one
   * broker and lets one leave, so what all brokers lack together, and what they have too much, must fit into them.
   */
  #isReachable(depth: number, cost: number): boolean {
    const budget = this.#best - cost;
    const isOpen = depth < this.#rows.length;
    let sum = 0;
    for (const dimension of ofReplicas) {
      const reach = !isOpen ? 0 : this.#reach(depth, dimension, budget);
      let lacking = 0;
      let surplus = 0;
      let lackingShares = 0;
      let surplusShares = 0;
      let lackingAlone = 0;
      let surplusAlone = 0;
      for (let broker = 0; broker < this.#brokers; broker++) {
        const cell = broker * dimensions + dimension;
        const load = this.#loads[cell]!;
        const free = isOpen ? this.#free[depth]![cell]! : 0;
        const more = Math.min(reach, this.#arriving[depth]![cell]!);
        const less = Math.min(reach + free, this.#leaving[depth]![cell]!);
        if (load - less > this.#task.limits[cell]! + 1e-6) return false;
        const perShare = this.#perShare[cell]!;
        if (perShare === 0 || this.#allowed === Number.POSITIVE_INFINITY) continue;
        const share = this.#share[cell]!;
        const under = this.#low[cell]! * share - load;
        const over = load - this.#high[cell]! * share;
        if (under > 0) {
          lacking += under;
          lackingShares += share * share;
          lackingAlone += (Math.max(0, under - more) * perShare) ** 2;
        } else if (over > free) {
          surplus += over - free;
          surplusShares += share * share;
          surplusAlone += (Math.max(0, over - less) * perShare) ** 2;
        }
      }
      // What all lack beyond what can be carried is shared out best in proportion to squared shares (Cauchy and Schwarz).
      const slack = 1e-9 * reach + 1e-9;
      const lackingLeft = Math.max(0, lacking - reach - slack);
      const surplusLeft = Math.max(0, surplus - reach - slack);
      sum += Math.max(lackingAlone, lackingLeft > 0 ? lackingLeft ** 2 / lackingShares : 0);
      sum += Math.max(surplusAlone, surplusLeft > 0 ? surplusLeft ** 2 / surplusShares : 0);
      if (sum > this.#allowed) return false;
    }
    return true;
  }

  /** Most of a dimension that `budget` bytes can carry from broker to broker. */
  #reach(depth: number, dimension: number, budget: number): number {
    if (!Number.isFinite(budget) || dimension === disk) return budget;
    if (dimension === inRate) {
      const perByte = this.#inPerByte[depth]!;
      return Number.isFinite(perByte) ? budget * perByte : Number.POSITIVE_INFINITY;
    }
    let copies = 0;
    for (let at = this.#rows.length - 1, left = budget; at >= depth; at--) {
      const size = this.#model.sizes[this.#rows[at]!]!;
      for (let replica = this.#model.factors[this.#rows[at]!]!; replica > 0 && left > size; replica--) {
        copies++;
        left -= size;
      }
    }
    return copies;
  }

  /** Leaders (by depth) with which the chosen brokers end inside the limits and even enough; undefined: none do. */
  #leaders(): number[] | undefined {
    const { mayLead, replicas, width } = this.#model;
    const allowed = this.#allowed - this.#imbalance();
    // Not "<": NaN is to end it too.
    if (!(allowed >= 0)) return undefined;
    const brokersOf = this.#chosen.map(({ brokers }) => brokers);
    const orders = brokersOf.map((brokers, depth) => {
      const row = this.#rows[depth]!;
      // Who leads now is asked first: leaderships pass only for a reason.
      const leader = (this.#task.isFixed(row) ? this.#task.target : replicas)[row * width]!;
      if (this.#task.isFixed(row)) return [leader];
      const able = brokers.filter((broker) => mayLead[broker] === 1);
      return able.includes(leader) ? [leader, ...able.filter((broker) => broker !== leader)] : able;
    });
    return this.#leaderSearch.find(brokersOf, orders, allowed);
  }

  /** Imbalance of what does not depend on leaders; NaN, which is under nothing, when a limit is passed. */
  #imbalance(): number {
    let sum = 0;
    for (let broker = 0; broker < this.#brokers; broker++) {
      for (const dimension of ofReplicas) {
        const cell = broker * dimensions + dimension;
        if (this.#loads[cell]! > this.#task.limits[cell]!) return Number.NaN;
        if (this.#perShare[cell] === 0) continue;
        const relative = this.#loads[cell]! * this.#perShare[cell]!;
        sum += Math.max(0, relative - this.#high[cell]!, this.#low[cell]! - relative) ** 2;
      }
    }
    return sum;
  }

  /** The choice as rows of replicas: the leader first, those that stay in their order, then the new ones. */
  #written(led: readonly number[]): Int32Array {
    const { width, replicas } = this.#model;
    const target = this.#task.target.slice();
    for (const [depth, { brokers }] of this.#chosen.entries()) {
      const row = this.#rows[depth]!;
      if (this.#task.isFixed(row)) continue;
      const before = heldBy(this.#model, replicas, row);
      const staying = before.filter((broker) => brokers.includes(broker));
      const ordered = [...staying, ...brokers.filter((broker) => !staying.includes(broker))];
      const at = ordered.indexOf(led[depth]!);
      [ordered[0], ordered[at]] = [ordered[at]!, ordered[0]!];
      for (let column = 0; column < width; column++) target[row * width + column] = ordered[column] ?? nobody;
    }
    return target;
  }
}

function addReplica({ sizes, inRates }: Model, row: number, broker: number, loads: Float64Array, sign: number): void {
  const start = broker * dimensions;
  loads[start + disk]! += sign * sizes[row]!;
  loads[start + inRate]! += sign * inRates[row]!;
  loads[start + replicaCount]! += sign;
}

function heldBy({ width }: Model, replicas: Int32Array, row: number): number[] {
  return [...replicas.subarray(row * width, (row + 1) * width)].filter((broker) => broker !== nobody);
}

/** All ways to hold a partition by the hard goals that concern it alone, cheapest first. */
function waysOf(model: Model, spreads: SpreadTable, row: number, { mayCopy, isFixed, target }: ExactTask): Way[] {
  const { factors, sizes, zoneOf, topicOf, poolOf, poolOfTopic, conditions, mayLead, minInSync } = model;
  const before = heldBy(model, model.replicas, row);
  const costOf = (brokers: readonly number[]): number =>
    before.length === 0 ? 0 : brokers.filter((broker) => !before.includes(broker)).length * sizes[row]!;
  const asInTarget = (): Way[] => {
    const brokers = heldBy(model, target, row);
    return [{ brokers, cost: costOf(brokers) }];
  };
  if (isFixed(row)) return asInTarget();
  const pool = poolOfTopic[topicOf[row]!]!;
  const factor = factors[row]!;
  const { least, most } = spreads.of(pool, factor);
  const isUp = (broker: number): boolean =>
    conditions[broker] !== condition.dead && conditions[broker] !== condition.away;
  const inSync = before.filter((_, column) => ((model.inSync[row]! >> column) & 1) === 1).filter(isUp);
  const mustLive = Math.min(minInSync[topicOf[row]!]!, factor, inSync.length);
  const ways: Way[] = [];
  const chosen: number[] = [];
  const inZone = new Int32Array(model.zoneNames.length);
  const choose = (from: number): void => {
    if (chosen.length === factor) {
      if (inZone.some((held, zone) => held < least[zone]! || held > most[zone]!)) return;
      if (chosen.every((broker) => mayLead[broker] === 0)) return;
      const living = chosen.filter((broker) => !before.includes(broker) || inSync.includes(broker)).length;
      if (living >= mustLive) ways.push({ brokers: [...chosen], cost: costOf(chosen) });
      return;
    }
    for (let broker = from; broker < model.brokerIds.length; broker++) {
      if (poolOf[broker] !== pool) continue;
      const isLegal = before.includes(broker) ? keeps(model, broker) : receives(model, broker) && mayCopy(row, broker);
      if (!isLegal) continue;
      chosen.push(broker);
      inZone[zoneOf[broker]!]!++;
      choose(broker + 1);
      inZone[zoneOf[broker]!]!--;
      chosen.pop();
    }
  };
  choose(0);
  return ways.sort((one, other) => one.cost - other.cost);
}
