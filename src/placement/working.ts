import { type ByBroker, byBroker } from './by-broker.ts';
import { Chance } from './chance.ts';
import { constants } from './constants.ts';
import type { Model } from './model.ts';
import type { PlanOptions } from './options.ts';
import { type Survey, surveyOf } from './survey.ts';
import { itemOf, keeps, receives, SpreadTable, type Targets, targetsOf } from './targets.ts';
import { TopicCounts } from './topic-counts.ts';

const { cpu, dimensions, disk, inRate, leaderCount, leaderIn, outRate, replicaCount, nobody } = constants;

const allDimensions = Int32Array.from({ length: dimensions }, (_, dimension) => dimension);
/** Dimensions on which a follower weighs. */
const followerDimensions = Int32Array.of(disk, inRate, cpu, replicaCount);

/**
 * An assignment while it is being improved: replicas, the loads they make, and what one step would change. This is the
 * hot state of the planner, so it is mutable and lives in typed arrays; it belongs to one plan and never leaves it.
 *
 * The potential is the sum, over brokers and dimensions, of the squared distance from the band in shares. Steps are
 * taken only when it falls, so the search ends.
 */
export class Working {
  readonly model: Model;
  readonly options: PlanOptions;
  readonly random: Chance;
  readonly width: number;
  readonly brokers: number;
  readonly partitions: number;
  readonly zones: number;
  readonly replicas: Int32Array;
  /** The assignment at the start: what is there costs nothing. */
  readonly home: Int32Array;
  readonly loads: Float64Array;
  readonly spreads: SpreadTable;
  #topicCounts: TopicCounts | undefined;
  /** Most of a topic that each broker should hold, as a fraction. */
  readonly #topicFactor: Float64Array;
  readonly receiving: Uint8Array;
  readonly keeping: Uint8Array;
  readonly limits: Float64Array;
  /** Of the assignment at the start. */
  readonly survey: Survey;
  targets: Targets;
  /** Taken so far; with none, the assignment is that of the start. */
  steps = 0;
  /** Bytes and replicas that the assignment costs to reach from `home`. */
  costBytes = 0;
  costMoves = 0;
  /** 1 / mean share by dimension: makes bytes, cores and counts comparable. */
  readonly #perMean: Float64Array;
  readonly #moving = new Float64Array(dimensions);
  #movingDimensions: Int32Array = allDimensions;
  #movingCount = 0;
  readonly #weightItem = new Float64Array(dimensions);
  readonly #weightFactor = new Float64Array(dimensions);
  #weighsAsLeader = false;
  #maxBytes: number;
  readonly #item = new Float64Array(dimensions);
  /** What a leader carries beyond a follower. */
  readonly #leading = new Float64Array(dimensions);
  readonly #calm: Float64Array | undefined;
  #cells: Int32Array | undefined;
  #affinity: ((one: number, other: number) => boolean) | undefined;

  /** @param calm  loads in shares at the end of the last plan: see `isCalm` */
  constructor(model: Model, options: PlanOptions, band = options.band, calm?: Float64Array) {
    this.model = model;
    this.#calm = calm;
    this.options = options;
    this.#maxBytes = options.maxBytes;
    this.random = new Chance(options.seed);
    this.width = model.width;
    this.brokers = model.brokerIds.length;
    this.partitions = model.topicOf.length;
    this.zones = model.zoneNames.length;
    this.home = model.replicas;
    this.replicas = model.replicas.slice();
    this.spreads = new SpreadTable(model);
    this.survey = surveyOf(model, this.spreads);
    this.loads = this.survey.loads.slice();
    this.targets = targetsOf(model, this.spreads, band, this.loads, this.survey.kinds);
    this.receiving = Uint8Array.from(model.brokerIds, (_, broker) => (receives(model, broker) ? 1 : 0));
    this.keeping = Uint8Array.from(model.brokerIds, (_, broker) => (keeps(model, broker) ? 1 : 0));
    this.limits = limitsOf(model, options);
    this.#perMean = perMeanOf(this.targets);
    const replicas = this.survey.kinds.reduce((sum, { factor, count }) => sum + factor * count, 0);
    this.#topicFactor = new Float64Array(this.brokers);
    for (let broker = 0; broker < this.brokers; broker++) {
      this.#topicFactor[broker] = (1.5 * this.targets.share[broker * dimensions + replicaCount]!) / replicas;
    }
  }

  /** Restricts which brokers may share a partition (scatter width). */
  restrictPairs(mayShare: (one: number, other: number) => boolean): void {
    this.#affinity = mayShare;
  }

  /** Made when first asked for: where nothing moves it is not needed. */
  get topicCounts(): TopicCounts {
    this.#topicCounts ??= new TopicCounts(this.model, this.replicas);
    return this.#topicCounts;
  }

  /** Most replicas of a topic that a step may put on a broker: half as many again as its share, and one. */
  topicLimit(topic: number, broker: number): number {
    return Math.ceil(this.topicCounts.replicasOf(topic) * this.#topicFactor[broker]!) + 1;
  }

  /** Whether a load is where the last plan left it, but for noise of sizes and rates. False without a last plan. */
  isCalm(broker: number, dimension: number): boolean {
    if (this.#calm === undefined) return false;
    const cell = broker * dimensions + dimension;
    const before = this.#calm[cell]!;
    const now = this.loads[cell]! * this.targets.perShare[cell]!;
    // The load may have grown by the noise while the sum that is shared has shrunk by it.
    const drift = (1 + this.options.noise) / (1 - this.options.noise) + 1e-6;
    return now <= before * drift && now >= before / drift;
  }

  /** Squared distance from the band of one broker. */
  potentialOf(broker: number): number {
    let sum = 0;
    for (let cell = broker * dimensions, end = cell + dimensions; cell < end; cell++) {
      sum += excessOf(this.targets, cell, this.loads[cell]!);
    }
    return sum;
  }

  potential(): number {
    let sum = 0;
    for (let broker = 0; broker < this.brokers; broker++) sum += this.potentialOf(broker);
    return sum;
  }

  holds(row: number, broker: number): boolean {
    const start = row * this.width;
    for (let column = start; column < start + this.width; column++) if (this.replicas[column] === broker) return true;
    return false;
  }

  isHome(row: number, broker: number): boolean {
    const start = row * this.width;
    for (let column = start; column < start + this.width; column++) if (this.home[column] === broker) return true;
    return false;
  }

  /** Replicas of a row in a zone. */
  inZone(row: number, zone: number): number {
    let count = 0;
    for (let cell = row * this.width, end = cell + this.width; cell < end; cell++) {
      const broker = this.replicas[cell]!;
      if (broker !== nobody && this.model.zoneOf[broker] === zone) count++;
    }
    return count;
  }

  /**
   * Whether replica (`row`, `column`) may go to `to` by the hard goals: a receiving broker of the topic's set that
   * has none of the partition, room under its limits, and zones no less even than before. Unless `isForced`, it also
   * keeps a topic from gathering on a broker.
   */
  mayMove(row: number, column: number, to: number, isForced = false): boolean {
    const { model } = this;
    if (this.receiving[to] === 0 || model.poolOf[to] !== model.poolOfTopic[model.topicOf[row]!]) return false;
    if (model.pinned[model.topicOf[row]!] === 1 && this.replicas[row * this.width + column] !== nobody) return false;
    if (this.survey.readable[row] === 0 || this.holds(row, to)) return false;
    if (column === 0 && model.mayLead[to] === 0) return false;
    const from = this.replicas[row * this.width + column]!;
    const zone = model.zoneOf[to]!;
    if (from === nobody || model.zoneOf[from] !== zone) {
      const spread = this.spreads.of(model.poolOf[to]!, model.factors[row]!);
      if (this.inZone(row, zone) >= spread.most[zone]!) return false;
      if (from !== nobody && this.keeping[from] === 1) {
        const left = model.zoneOf[from]!;
        const inLeft = this.inZone(row, left);
        if (inLeft <= spread.least[left]!) return false;
      }
    }
    const topic = model.topicOf[row]!;
    if (!isForced && this.topicCounts.get(topic, to) >= this.topicLimit(topic, to)) return false;
    return this.hasRoom(row, column === 0, to) && this.#mayPair(row, column, to);
  }

  #mayPair(row: number, column: number, to: number): boolean {
    if (this.#affinity === undefined) return true;
    for (let other = 0; other < this.width; other++) {
      const broker = this.replicas[row * this.width + other]!;
      if (other !== column && broker !== nobody && !this.#affinity(broker, to)) return false;
    }
    return true;
  }

  /** Whether one more replica keeps a broker under its hard limits. */
  hasRoom(row: number, isLeader: boolean, broker: number): boolean {
    const { model, loads, limits } = this;
    const at = broker * dimensions;
    const rate = model.inRates[row]!;
    const exceeds = (cell: number, more: number): boolean => more > 0 && loads[cell]! + more > limits[cell]!;
    if (exceeds(at + disk, model.sizes[row]!) || exceeds(at + inRate, rate) || exceeds(at + replicaCount, 1)) {
      return false;
    }
    if (!isLeader) return !exceeds(at + cpu, model.followerCpu[row]!);
    const out = model.outRates[row]! + rate * (model.factors[row]! - 1);
    return !exceeds(at + outRate, out) && !exceeds(at + cpu, model.leaderCpu[row]!);
  }

  /** Bytes that moving the replica adds to the cost: nothing for a broker that had it at the start. */
  costOfMove(row: number, column: number, to: number): number {
    const from = this.replicas[row * this.width + column]!;
    const size = this.model.sizes[row]!;
    return (this.isHome(row, to) ? 0 : size) - (from === nobody || this.isHome(row, from) ? 0 : size);
  }

  /** Sets the budget of bytes for what follows, counted from the start. */
  limitBytes(bytes: number): void {
    this.#maxBytes = bytes;
  }

  /** Whether the budgets of bytes and moves allow it. */
  isAffordable(row: number, column: number, to: number): boolean {
    const { maxMoves } = this.options;
    if (this.#maxBytes === Number.POSITIVE_INFINITY && maxMoves === Number.POSITIVE_INFINITY) return true;
    return (
      this.costBytes + this.costOfMove(row, column, to) <= this.#maxBytes &&
      (this.costMoves < maxMoves || this.isHome(row, to))
    );
  }

  /**
   * How much a replica weighs on a broker: the growth of the sum of squared relative loads, large brokers counting
   * for more. Smooth inside the band too, so it tells two brokers apart that both have room.
   */
  pressure(row: number, isLeader: boolean, to: number): number {
    this.prepareWeight(row, isLeader);
    return this.weightOn(to);
  }

  /** Fixes the replica that `weightOn` asks about. */
  prepareWeight(row: number, isLeader: boolean): void {
    const item = this.#weightItem;
    itemOf(this.model, row, isLeader, item);
    this.#weighsAsLeader = isLeader;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      this.#weightFactor[dimension] = item[dimension]! * this.#perMean[dimension]!;
    }
  }

  /** `pressure` of the replica fixed by `prepareWeight`. Written out, because placing spends most of its time here. */
  weightOn(to: number): number {
    const { loads } = this;
    const { perShare } = this.targets;
    const item = this.#weightItem;
    const factor = this.#weightFactor;
    const at = to * dimensions;
    const weight =
      factor[disk]! * (2 * loads[at]! + item[disk]!) * perShare[at]! +
      factor[inRate]! * (2 * loads[at + inRate]! + item[inRate]!) * perShare[at + inRate]! +
      factor[cpu]! * (2 * loads[at + cpu]! + item[cpu]!) * perShare[at + cpu]! +
      factor[replicaCount]! * (2 * loads[at + replicaCount]! + 1) * perShare[at + replicaCount]!;
    if (!this.#weighsAsLeader) return weight;
    return (
      weight +
      factor[outRate]! * (2 * loads[at + outRate]! + item[outRate]!) * perShare[at + outRate]! +
      factor[leaderCount]! * (2 * loads[at + leaderCount]! + 1) * perShare[at + leaderCount]! +
      factor[leaderIn]! * (2 * loads[at + leaderIn]! + item[leaderIn]!) * perShare[at + leaderIn]!
    );
  }

  /** By how much the potential falls when the replica goes to `to`. */
  dropOfMove(row: number, column: number, to: number): number {
    return this.prepareMove(row, column) + this.dropOn(to);
  }

  /** Fixes the replica that `dropOn` asks about. @returns by how much the potential falls when it leaves its broker */
  prepareMove(row: number, column: number): number {
    const isLeader = column === 0;
    itemOf(this.model, row, isLeader, this.#moving);
    this.#movingCount = isLeader ? dimensions : followerDimensions.length;
    this.#movingDimensions = isLeader ? allDimensions : followerDimensions;
    const from = this.replicas[row * this.width + column]!;
    return from === nobody ? 0 : this.#change(from, this.#moving, -1);
  }

  /** By how much the potential falls when the replica fixed by `prepareMove` arrives at `to`. */
  dropOn(to: number): number {
    const { loads } = this;
    const { perShare, low, high } = this.targets;
    const item = this.#moving;
    const over = this.#movingDimensions;
    let drop = 0;
    for (let at = 0; at < this.#movingCount; at++) {
      const dimension = over[at]!;
      const cell = to * dimensions + dimension;
      const scale = perShare[cell]!;
      const before = loads[cell]! * scale;
      const after = before + item[dimension]! * scale;
      const top = high[cell]!;
      if (after > top) {
        const one = before > top ? before - top : 0;
        const other = after - top;
        drop += one * one - other * other;
      }
      const bottom = low[cell]!;
      if (before < bottom) {
        const one = bottom - before;
        const other = after < bottom ? bottom - after : 0;
        drop += one * one - other * other;
      }
    }
    return drop;
  }

  /** By how much the potential of `broker` falls when `item` is added `sign` times. */
  #change(broker: number, item: Float64Array, sign: number): number {
    const { targets, loads } = this;
    let drop = 0;
    for (let dimension = 0, cell = broker * dimensions; dimension < dimensions; dimension++, cell++) {
      if (item[dimension] === 0) continue;
      const perShare = targets.perShare[cell]!;
      if (perShare === 0) continue;
      const low = targets.low[cell]!;
      const high = targets.high[cell]!;
      const before = loads[cell]! * perShare;
      const after = before + sign * item[dimension]! * perShare;
      const one = before > high ? before - high : before < low ? low - before : 0;
      const other = after > high ? after - high : after < low ? low - after : 0;
      drop += one * one - other * other;
    }
    return drop;
  }

  move(row: number, column: number, to: number): void {
    const cell = row * this.width + column;
    const from = this.replicas[cell]!;
    const topic = this.model.topicOf[row]!;
    itemOf(this.model, row, column === 0, this.#item);
    const copies = (this.isHome(row, to) ? 0 : 1) - (from === nobody || this.isHome(row, from) ? 0 : 1);
    this.costBytes += copies * this.model.sizes[row]!;
    this.costMoves += copies;
    if (from !== nobody) {
      this.#add(from, this.#item, -1);
      this.#topicCounts?.add(topic, from, -1);
    }
    this.#add(to, this.#item, 1);
    this.#topicCounts?.add(topic, to, 1);
    this.replicas[cell] = to;
    this.steps++;
  }

  /** Takes a replica away; the rest of the row closes up. */
  drop(row: number, column: number): void {
    const start = row * this.width;
    const broker = this.replicas[start + column]!;
    itemOf(this.model, row, column === 0, this.#item);
    this.#add(broker, this.#item, -1);
    this.#topicCounts?.add(this.model.topicOf[row]!, broker, -1);
    if (!this.isHome(row, broker)) {
      this.costBytes -= this.model.sizes[row]!;
      this.costMoves--;
    }
    this.steps++;
    for (let at = column; at < this.width - 1; at++) this.replicas[start + at] = this.replicas[start + at + 1]!;
    this.replicas[start + this.width - 1] = nobody;
    const next = this.replicas[start]!;
    if (column === 0 && next !== nobody) {
      // The next replica leads now: it carries the difference.
      itemOf(this.model, row, false, this.#item);
      this.#add(next, this.#item, -1);
      itemOf(this.model, row, true, this.#item);
      this.#add(next, this.#item, 1);
    }
  }

  mayLead(row: number, column: number): boolean {
    const { model, loads, limits } = this;
    const broker = this.replicas[row * this.width + column]!;
    if (broker === nobody || this.receiving[broker] === 0 || model.mayLead[broker] === 0) return false;
    const at = broker * dimensions;
    const out = model.outRates[row]! + model.inRates[row]! * (model.factors[row]! - 1);
    if (out > 0 && loads[at + outRate]! + out > limits[at + outRate]!) return false;
    const more = model.leaderCpu[row]! - model.followerCpu[row]!;
    return !(more > 0 && loads[at + cpu]! + more > limits[at + cpu]!);
  }

  /** By how much the potential falls when the replica in `column` becomes the leader; costs no bytes. */
  dropOfLead(row: number, column: number): number {
    return this.prepareLead(row) + this.dropOnLeading(this.replicas[row * this.width + column]!);
  }

  /** Fixes the leadership that `dropOnLeading` asks about. @returns by how much the potential falls when it is given up */
  prepareLead(row: number): number {
    const { model } = this;
    const item = this.#leading;
    const rate = model.inRates[row]!;
    item[outRate] = model.outRates[row]! + rate * (model.factors[row]! - 1);
    item[cpu] = model.leaderCpu[row]! - model.followerCpu[row]!;
    item[leaderCount] = 1;
    item[leaderIn] = rate;
    return this.#change(this.replicas[row * this.width]!, item, -1);
  }

  /** By how much the potential falls when `broker` takes the leadership fixed by `prepareLead`. */
  dropOnLeading(broker: number): number {
    return this.#change(broker, this.#leading, 1);
  }

  lead(row: number, column: number): void {
    this.prepareLead(row);
    const start = row * this.width;
    const old = this.replicas[start]!;
    const next = this.replicas[start + column]!;
    this.#add(old, this.#leading, -1);
    this.#add(next, this.#leading, 1);
    this.replicas[start] = next;
    this.replicas[start + column] = old;
    this.steps++;
  }

  #add(broker: number, item: Float64Array, sign: number): void {
    const start = broker * dimensions;
    for (let dimension = 0; dimension < dimensions; dimension++) {
      this.loads[start + dimension]! += sign * item[dimension]!;
    }
  }

  /** As large as the assignment, for lists of cells that are needed one after the other. */
  cellBuffer(): Int32Array {
    this.#cells ??= new Int32Array(this.replicas.length);
    return this.#cells;
  }

  /**
   * Replica cells by broker. The answer holds until the next call: all calls share one array, which in a large cluster
   * is as large as the assignment.
   */
  replicasByBroker(): ByBroker {
    return byBroker(this.replicas, this.brokers, this.cellBuffer());
  }

  /**
   * Rows by weight (bytes on disk and bytes in, as parts of a mean share), heaviest first, in steps of about 3 %; rows
   * of one step stay in order. Linear in their number.
   */
  heaviestFirst(rows: Int32Array): Int32Array {
    const { sizes, inRates } = this.model;
    const perDisk = this.#perMean[disk]!;
    const perRate = this.#perMean[inRate]!;
    const steps = new Uint16Array(rows.length);
    const first = new Int32Array(1025);
    for (let at = 0; at < rows.length; at++) {
      const weight = sizes[rows[at]!]! * perDisk + inRates[rows[at]!]! * perRate;
      const step = Math.max(0, Math.min(1023, Math.floor((3 - Math.log2(weight)) * 24)));
      steps[at] = step;
      first[step + 1]!++;
    }
    for (let step = 1; step < first.length; step++) first[step]! += first[step - 1]!;
    const ordered = new Int32Array(rows.length);
    for (let at = 0; at < rows.length; at++) ordered[first[steps[at]!]!++] = rows[at]!;
    return ordered;
  }

  /** Brokers outside the band in some dimension, furthest first. */
  outside(): number[] {
    const found: { broker: number; by: number }[] = [];
    for (let broker = 0; broker < this.brokers; broker++) {
      const by = this.potentialOf(broker);
      if (by > 1e-9) found.push({ broker, by });
    }
    found.sort((one, other) => other.by - one.by || one.broker - other.broker);
    return found.map(({ broker }) => broker);
  }
}

function excessOf({ perShare, low, high }: Targets, cell: number, load: number): number {
  if (perShare[cell] === 0) return 0;
  const relative = load * perShare[cell]!;
  const by = relative > high[cell]! ? relative - high[cell]! : relative < low[cell]! ? low[cell]! - relative : 0;
  return by * by;
}

function perMeanOf({ share }: Targets): Float64Array {
  const sums = new Float64Array(dimensions);
  for (let first = 0; first < share.length; first += dimensions) {
    for (let dimension = 0; dimension < dimensions; dimension++) sums[dimension]! += share[first + dimension]!;
  }
  return sums.map((sum) => (sum > 0 ? share.length / dimensions / sum : 0));
}

/** Hard limits of each broker in the first five dimensions. */
function limitsOf(model: Model, { use }: PlanOptions): Float64Array {
  const limits = new Float64Array(model.brokerIds.length * dimensions).fill(Number.POSITIVE_INFINITY);
  for (let broker = 0; broker < model.brokerIds.length; broker++) {
    const start = broker * dimensions;
    limits[start + disk] = model.diskCapacity[broker]! * use.disk;
    limits[start + inRate] = model.inCapacity[broker]! * use.in;
    limits[start + outRate] = model.outCapacity[broker]! * use.out;
    limits[start + cpu] = model.cpuCapacity[broker]! * use.cpu;
    limits[start + replicaCount] = model.replicaCapacity[broker]!;
    limits[start + leaderCount] = Number.POSITIVE_INFINITY;
  }
  return limits;
}
