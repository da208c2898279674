import { type Model, nobody, partitionName } from './model.ts';
import type { PlanOptions } from './options.ts';
import type { GoalName } from './problems.ts';

/** A rule that a plan breaks, or leaves broken. */
export type Violation = {
  readonly goal: GoalName;
  /** Batch in which it shows; -1: at the end. */
  readonly batch: number;
  readonly subject: string;
  readonly message: string;
  /** `introduced`: the plan does it, and must not. `remaining`: it was so before and stays. */
  readonly kind: 'introduced' | 'remaining';
};

/** What is verified: a cluster, where its replicas are to be, and in which order they get there. */
export type Claim = {
  readonly model: Model;
  readonly target: Int32Array;
  readonly rows: Int32Array;
  readonly first: Int32Array;
};

const mostReported = 1000;

/**
 * Checks the hard goals of a plan at its end and in every batch, while copies are under way and after. It shares no
 * code with the planner: it reads the two assignments and counts for itself.
 */
export function verify(claim: Claim, options: PlanOptions): Violation[] {
  const found: Violation[] = [];
  const report = (violation: Violation): void => {
    if (found.length < mostReported) found.push(violation);
  };
  checkOrder(claim, report);
  const zones = zonesOf(claim.model);
  for (let row = 0; row < claim.model.topicOf.length; row++) checkPartition(claim, zones, row, report);
  checkBrokers(claim, options, report);
  checkBatches(claim, options, report);
  checkBudget(claim, options, report);
  return found;
}

/** What the end of a claim breaks or leaves broken in these rows alone. */
export function verifyRows(claim: Pick<Claim, 'model' | 'target'>, rows: Iterable<number>): Violation[] {
  const found: Violation[] = [];
  const zones = zonesOf(claim.model);
  for (const row of rows) checkPartition(claim, zones, row, (violation) => found.push(violation));
  return found;
}

type Report = (violation: Violation) => void;

function listOf({ width }: Model, replicas: Int32Array, row: number): number[] {
  const held: number[] = [];
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    if (replicas[cell] !== nobody) held.push(replicas[cell]!);
  }
  return held;
}

/** Adds a partition's bytes to every broker that has it by `to` and not by `from`. @returns how many these are */
function addToNew({ width, sizes }: Model, row: number, from: Int32Array, to: Int32Array, sums: Float64Array): number {
  let count = 0;
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    const broker = to[cell]!;
    let isNew = broker !== nobody;
    for (let old = row * width; isNew && old < (row + 1) * width; old++) isNew = from[old] !== broker;
    if (!isNew) continue;
    sums[broker]! += sizes[row]!;
    count++;
  }
  return count;
}

const states = ['active', 'draining', 'cordoned', 'dead', 'away'] as const;
const stateOf = (model: Model, broker: number) => states[model.conditions[broker]!]!;
const isUp = (model: Model, broker: number): boolean =>
  stateOf(model, broker) !== 'dead' && stateOf(model, broker) !== 'away';
const areSame = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((broker, at) => broker === other[at]);

/** Every changed partition is in exactly one batch, and no other is. */
function checkOrder({ model, target, rows, first }: Claim, report: Report): void {
  const times = new Int32Array(model.topicOf.length);
  for (const row of rows) times[row]!++;
  const say = (row: number, message: string): void =>
    report({ goal: 'S8', batch: -1, subject: partitionName(model, row), message, kind: 'introduced' });
  for (let row = 0; row < model.topicOf.length; row++) {
    const differs = !areSame(listOf(model, model.replicas, row), listOf(model, target, row));
    const planned = times[row]!;
    if (differs && planned !== 1) say(row, `changes, and is in ${planned} batches`);
    if (!differs && planned !== 0) say(row, 'is in a batch, and does not change');
  }
  for (let at = 1; at < first.length; at++) {
    if (first[at]! < first[at - 1]!) say(0, 'batches are not in order');
  }
}

/** H1-H4 and H8-H11 of one partition at the end. */
function checkPartition(
  { model, target }: Pick<Claim, 'model' | 'target'>,
  zones: Zones,
  row: number,
  report: Report,
): void {
  const before = listOf(model, model.replicas, row);
  const after = listOf(model, target, row);
  const topic = model.topicOf[row]!;
  const say = (goal: GoalName, message: string, isOld: boolean): void =>
    report({ goal, batch: -1, subject: partitionName(model, row), message, kind: isOld ? 'remaining' : 'introduced' });

  if (after.some((broker, at) => after.indexOf(broker) !== at)) say('H1', 'has two replicas on one broker', false);
  const factor = model.factors[row]!;
  if (after.length !== factor) {
    const isOld =
      before.length < factor
        ? after.length >= before.length && after.length < factor
        : after.length <= before.length && after.length > factor;
    say('H2', `has ${after.length} replicas, not ${factor}`, isOld);
  }
  const added = after.filter((broker) => !before.includes(broker));
  for (const broker of after) {
    const state = stateOf(model, broker);
    const id = model.brokerIds[broker];
    if (state !== 'active' && added.includes(broker)) say('H8', `gets a replica on ${state} broker ${id}`, false);
    if ((state === 'draining' || state === 'dead') && !added.includes(broker)) {
      say('H8', `keeps a replica on ${state} broker ${id}`, true);
    }
    if (model.poolOf[broker] !== model.poolOfTopic[topic])
      say('H9', `is on broker ${id} of another set`, !added.includes(broker));
  }
  if (model.pinned[topic] === 1 && added.length > 0 && before.length >= factor) say('H9', 'is pinned and moves', false);
  if (after.length > 0 && model.mayLead[after[0]!] === 0) {
    say(
      'H10',
      `has its preferred leader on broker ${model.brokerIds[after[0]!]}, which may not lead`,
      before[0] === after[0],
    );
  }
  checkZones(model, zones, row, before, after, say);
  const inSync = before.filter((_, column) => ((model.inSync[row]! >> column) & 1) === 1);
  const least = Math.min(model.minInSync[topic]!, factor);
  const living = after.filter((broker) => isUp(model, broker) && (added.includes(broker) || inSync.includes(broker)));
  const livingBefore = inSync.filter((broker) => isUp(model, broker));
  if (living.length < least && living.length < livingBefore.length) {
    say('H11', `is left with ${living.length} living in-sync replicas, under min.insync.replicas ${least}`, false);
  }
  // Copies need a source.
  if (added.length > 0 && before.length > 0 && before.every((broker) => !isUp(model, broker))) {
    say('H11', 'is to be copied, and none of its replicas can be read', false);
  }
}

/** As even over zones as the numbers allow: no replica could go to another zone and make two zones more alike. */
function checkZones(
  model: Model,
  zones: Zones,
  row: number,
  before: readonly number[],
  after: readonly number[],
  say: (goal: GoalName, message: string, isOld: boolean) => void,
): void {
  const is = unevenness(model, zones, row, after);
  if (is !== undefined) {
    const was = unevenness(model, zones, row, before);
    // A pinned topic cannot be evened: where its dead copies go, its zones are as even as its living ones were.
    const isPinned = model.pinned[model.topicOf[row]!] === 1;
    const living = isPinned ? before.filter((broker) => isUp(model, broker)) : before;
    const wasLiving = unevenness(model, zones, row, living);
    const isOld = Math.max(was?.by ?? 0, wasLiving?.by ?? 0) >= is.by;
    // Fewer zones hold what was held by a zone that is gone: nothing the plan does.
    say(
      'H3',
      `has ${is.most} replicas in zone ${is.full || '(none)'} and ${is.least} in ${is.thin || '(none)'}`,
      isOld || areSame(after, before),
    );
  }
}

/** What the zones look like to every partition alike: names in order, and which have an active broker of a set. */
type Zones = {
  readonly names: readonly string[];
  /** Of each broker, its place in `names`. */
  readonly of: Int32Array;
  /** Active brokers by set and zone. */
  readonly active: Int32Array;
};

function zonesOf(model: Model): Zones {
  const names = [...new Set(Array.from(model.zoneOf, (zone) => model.zoneNames[zone]!))];
  const of = Int32Array.from(model.zoneOf, (zone) => names.indexOf(model.zoneNames[zone]!));
  const active = new Int32Array(model.poolNames.length * names.length);
  for (let broker = 0; broker < of.length; broker++) {
    if (stateOf(model, broker) === 'active') active[model.poolOf[broker]! * names.length + of[broker]!]!++;
  }
  return { names, of, active };
}

/** The two zones that differ most where the thinner one has a broker that could take a replica. */
function unevenness(model: Model, zones: Zones, row: number, held: readonly number[]) {
  const counts = zones.names.map(() => 0);
  let most = 0;
  for (const broker of held) most = Math.max(most, ++counts[zones.of[broker]!]!);
  // With one replica a zone at most, no two zones differ by two.
  if (most < 2) return undefined;
  const pool = model.poolOfTopic[model.topicOf[row]!]!;
  let worst: { by: number; full: string; thin: string; most: number; least: number } | undefined;
  for (const [thin, least] of counts.entries()) {
    let places = zones.active[pool * zones.names.length + thin]!;
    for (const broker of held) {
      if (zones.of[broker] === thin && stateOf(model, broker) === 'active' && model.poolOf[broker] === pool) places--;
    }
    const by = most - least;
    if (by < 2 || places <= 0 || (worst !== undefined && by <= worst.by)) continue;
    worst = { by, full: zones.names[counts.indexOf(most)]!, thin: zones.names[thin]!, most, least };
  }
  return worst;
}

/** H5-H7 of every broker at the end: under the limit, or no more than before. */
function checkBrokers({ model, target }: Claim, { use }: PlanOptions, report: Report): void {
  const before = usesOf(model, model.replicas);
  const after = usesOf(model, target);
  for (let broker = 0; broker < model.brokerIds.length; broker++) {
    const limits: [GoalName, string, number, number, number][] = [
      ['H5', 'replicas', before[broker]!.replicas, after[broker]!.replicas, model.replicaCapacity[broker]!],
      ['H6', 'bytes on disk', before[broker]!.disk, after[broker]!.disk, model.diskCapacity[broker]! * use.disk],
      ['H7', 'bytes/s in', before[broker]!.in, after[broker]!.in, model.inCapacity[broker]! * use.in],
      ['H7', 'bytes/s out', before[broker]!.out, after[broker]!.out, model.outCapacity[broker]! * use.out],
      ['H7', 'cores', before[broker]!.cpu, after[broker]!.cpu, model.cpuCapacity[broker]! * use.cpu],
    ];
    for (const [goal, what, was, is, limit] of limits) {
      if (is <= limit * (1 + 1e-9)) continue;
      const kind = is <= was * (1 + 1e-9) ? 'remaining' : 'introduced';
      const message = `${is.toPrecision(4)} ${what}, the limit is ${limit.toPrecision(4)}`;
      report({ goal, batch: -1, subject: `broker ${model.brokerIds[broker]}`, message, kind });
    }
  }
}

type Uses = { replicas: number; disk: number; in: number; out: number; cpu: number };

function usesOf(model: Model, replicas: Int32Array): Uses[] {
  const uses = Array.from(model.brokerIds, (): Uses => ({ replicas: 0, disk: 0, in: 0, out: 0, cpu: 0 }));
  for (let row = 0; row < model.topicOf.length; row++) {
    let isLeader = true;
    for (let cell = row * model.width; cell < (row + 1) * model.width; cell++) {
      if (replicas[cell] === nobody) continue;
      const sums = uses[replicas[cell]!]!;
      sums.replicas++;
      sums.disk += model.sizes[row]!;
      sums.in += model.inRates[row]!;
      sums.cpu += isLeader ? model.leaderCpu[row]! : model.followerCpu[row]!;
      if (isLeader) sums.out += model.outRates[row]! + model.inRates[row]! * (model.factors[row]! - 1);
      isLeader = false;
    }
  }
  return uses;
}

/** H6 while copies run: old and new side by side, and the growth of what is copied. Each batch is safe to stop after. */
function checkBatches(
  { model, target, rows, first }: Claim,
  { transientDiskUse, batch }: PlanOptions,
  report: Report,
): void {
  const brokers = model.brokerIds.length;
  const used = Float64Array.from(usesOf(model, model.replicas), ({ disk }) => disk);
  const start = used.slice();
  const incoming = new Float64Array(brokers);
  const leaving = new Float64Array(brokers);
  for (let at = 0; at + 1 < first.length; at++) {
    incoming.fill(0);
    leaving.fill(0);
    for (let place = first[at]!; place < first[at + 1]!; place++) {
      addToNew(model, rows[place]!, model.replicas, target, incoming);
      addToNew(model, rows[place]!, target, model.replicas, leaving);
    }
    for (let broker = 0; broker < brokers; broker++) {
      const peak = used[broker]! + incoming[broker]!;
      used[broker] = peak - leaving[broker]!;
      const limit = model.diskCapacity[broker]! * transientDiskUse;
      if (incoming[broker] === 0 || peak <= Math.max(limit, start[broker]!) * (1 + 1e-9)) continue;
      const message = `holds ${peak.toPrecision(4)} bytes while copies run, the limit is ${limit.toPrecision(4)}`;
      report({ goal: 'H6', batch: at, subject: `broker ${model.brokerIds[broker]}`, message, kind: 'introduced' });
    }
    const partitions = first[at + 1]! - first[at]!;
    if (partitions > batch.partitions) {
      report({
        goal: 'H12',
        batch: at,
        subject: `batch ${at}`,
        message: `changes ${partitions} partitions, the limit is ${batch.partitions}`,
        kind: 'introduced',
      });
    }
  }
}

/** H12: bytes and replicas copied. */
function checkBudget({ model, target }: Claim, { maxBytes, maxMoves }: PlanOptions, report: Report): void {
  const copied = new Float64Array(model.brokerIds.length);
  let moves = 0;
  for (let row = 0; row < model.topicOf.length; row++) {
    // A new partition has nothing to copy.
    if (listOf(model, model.replicas, row).length > 0) moves += addToNew(model, row, model.replicas, target, copied);
  }
  const bytes = copied.reduce((sum, received) => sum + received, 0);
  if (bytes > maxBytes * (1 + 1e-9))
    report({
      goal: 'H12',
      batch: -1,
      subject: 'plan',
      message: `copies ${bytes} bytes, the budget is ${maxBytes}`,
      kind: 'introduced',
    });
  if (moves > maxMoves)
    report({
      goal: 'H12',
      batch: -1,
      subject: 'plan',
      message: `copies ${moves} replicas, the budget is ${maxMoves}`,
      kind: 'introduced',
    });
}
