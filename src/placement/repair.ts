import { type Candidates, isReadable } from './candidates.ts';
import { constants } from './constants.ts';
import { gibibytes, relieveLimits } from './limits.ts';
import { condition, partitionName } from './model.ts';
import type { Problem } from './problems.ts';
import { mostRoomTries, moveByMakingRoom, type RoomBudget } from './room.ts';
import type { Working } from './working.ts';

const { nobody } = constants;

/**
 * Brings the hard goals about: every replica on a broker that may keep it, as many as the replication factor says,
 * zones as even as they can be. Largest first, each to the broker it weighs on least; nothing else moves.
 *
 * What cannot be done stays as it was and is answered as a problem.
 *
 * @param areLimitsLater  leaves brokers over their limits to the caller, who evens loads first and then asks
 *                        `relieveLimits`
 * @param takers          brokers that may take what has to leave a broker so that it has room
 */
export function repair(
  working: Working,
  candidates: Candidates,
  areLimitsLater = false,
  takers: Candidates = candidates,
): Problem[] {
  const problems: Problem[] = [];
  const lacking = new Set<string>();
  const { model, survey } = working;
  dropSurplus(working, survey.flawed);
  const displaced = displacedRows(working, survey.flawed);
  candidates.expect(displaced.length);
  const room: RoomBudget = { tries: mostRoomTries, takers };
  for (const row of working.heaviestFirst(displaced)) {
    for (let column = 0; column < model.factors[row]!; column++) {
      if (!isDisplaced(working, row, column)) continue;
      const reason = settle(working, candidates, row, column, room);
      if (reason === undefined) continue;
      // One sentence a reason is enough: a lost zone would make a hundred thousand.
      if (lacking.has(reason.key)) continue;
      lacking.add(reason.key);
      problems.push(reason.problem());
    }
  }
  candidates.expect(0);
  for (const row of unevenRows(working, survey.flawed)) evenZones(working, candidates, row, room);
  putLeadersWhereTheyMayLead(working, survey.flawed, problems);
  if (!areLimitsLater) relieveLimits(working, candidates, problems);
  return problems;
}

/** Replicas beyond the replication factor: from the fullest zone, then from the most loaded broker. */
function dropSurplus(working: Working, flawed: Int32Array): void {
  const { model, width } = working;
  for (const row of flawed) {
    let held = 0;
    while (held < width && working.replicas[row * width + held] !== nobody) held++;
    for (; held > model.factors[row]!; held--) {
      let worst = -1;
      let worstBy = Number.NEGATIVE_INFINITY;
      for (let column = 0; column < held; column++) {
        const broker = working.replicas[row * width + column]!;
        // In order: unusable, out of its set, in an overfull zone, not the leader, heavy.
        const unusable = working.keeping[broker] === 0 || !isInPool(working, row, broker) ? 1e9 : 0;
        // Away, dead or behind: its loss costs no living copy.
        const isLiving = isReadable(working, broker) && isInSync(working, row, broker);
        const crowded = working.inZone(row, model.zoneOf[broker]!) * 1e6;
        const by =
          unusable +
          (isLiving ? 0 : 1e8) +
          crowded +
          (column === 0 ? 0 : 1e3) +
          working.pressure(row, column === 0, broker);
        if (by > worstBy) {
          worst = column;
          worstBy = by;
        }
      }
      working.drop(row, worst);
    }
  }
}

function isInSync({ model, home, width }: Working, row: number, broker: number): boolean {
  for (let column = 0; column < width; column++) {
    if (home[row * width + column] === broker) return ((model.inSync[row]! >> column) & 1) === 1;
  }
  return true;
}

function isInPool({ model }: Working, row: number, broker: number): boolean {
  return model.poolOf[broker] === model.poolOfTopic[model.topicOf[row]!];
}

/** Whether a replica is missing in this column, or is where it must not stay. */
function isDisplaced(working: Working, row: number, column: number): boolean {
  const broker = working.replicas[row * working.width + column]!;
  return broker === nobody || working.keeping[broker] === 0 || !isInPool(working, row, broker);
}

function displacedRows(working: Working, flawed: Int32Array): Int32Array {
  return flawed.filter((row) => {
    for (let column = 0; column < working.model.factors[row]!; column++) {
      if (isDisplaced(working, row, column)) return true;
    }
    return false;
  });
}

/** Why a replica stays where it is; the sentence is made only for the first of a kind. */
type Reason = { readonly key: string; problem(): Problem };

function settle(
  working: Working,
  candidates: Candidates,
  row: number,
  column: number,
  room: RoomBudget,
): Reason | undefined {
  const { model, width } = working;
  const topic = model.topicOf[row]!;
  const from = working.replicas[row * width + column]!;
  if (model.pinned[topic] === 1 && from !== nobody) {
    return { key: `pinned ${topic}`, problem: () => pinnedProblem(working, row, from) };
  }
  if (working.survey.readable[row] === 0) return { key: 'unreadable', problem: () => unreadableProblem(working, row) };
  const zones = candidates.zonesFor(row, column);
  if (from !== nobody && isZoneLost(working, from) && !working.options.sameZoneAllowed) {
    if (zones.every((zone) => working.inZone(row, zone) > 0)) {
      const key = `zone ${model.zoneOf[from]} ${model.factors[row]} ${model.minInSync[topic]}`;
      return { key, problem: () => keptForZone(working, row, from) };
    }
  }
  let to = candidates.best(row, column, zones);
  if (to === nobody) to = candidates.best(row, column, zones, true);
  if (to === nobody) {
    if (moveByMakingRoom(working, candidates, row, column, zones, room)) return undefined;
    const key = `unsettled ${zones.join()} ${zones.length === 0 ? model.factors[row] : ''}`;
    return { key, problem: () => unsettled(working, candidates, row, column, zones) };
  }
  if (!working.isAffordable(row, column, to)) return { key: 'budget', problem: () => budgetProblem(working, row) };
  working.move(row, column, to);
  return undefined;
}

function pinnedProblem({ model }: Working, row: number, from: number): Problem {
  const topic = model.topicNames[model.topicOf[row]!]!;
  return {
    goal: 'H9',
    severity: 'hard',
    subject: partitionName(model, row),
    reason: `topic ${topic} must leave broker ${model.brokerIds[from]}, but is pinned`,
    remedy: `unpin topic ${topic}`,
  };
}

function unreadableProblem({ model }: Working, row: number): Problem {
  return {
    goal: 'H11',
    severity: 'hard',
    subject: partitionName(model, row),
    reason: 'none of its replicas is on a living broker, so it cannot be copied',
    remedy: 'bring one of its brokers back',
  };
}

function budgetProblem({ model }: Working, row: number): Problem {
  return {
    goal: 'H12',
    severity: 'hard',
    subject: partitionName(model, row),
    reason: 'the budget of bytes or moves is used up before every replica is where it must be',
    remedy: 'raise the budget',
  };
}

/** Whether no broker of the zone of this dead one is left. */
function isZoneLost({ model, spreads }: Working, broker: number): boolean {
  return model.conditions[broker] === condition.dead && !spreads.hasBrokers(model.zoneOf[broker]!);
}

/** Every zone left has a copy: another one there would not survive that zone, and would have to move back later. */
function keptForZone({ model }: Working, row: number, from: number): Problem {
  const zone = model.zoneNames[model.zoneOf[from]!] || '(none)';
  const left = model.factors[row]! - 1;
  const least = model.minInSync[model.topicOf[row]!]!;
  const effect =
    left < least
      ? `its partitions are under min.insync.replicas ${least} until then`
      : left - 1 < least
        ? `the loss of one more broker puts partitions under min.insync.replicas ${least}`
        : `min.insync.replicas ${least} is still met`;
  return {
    goal: 'H4',
    severity: 'hard',
    subject: partitionName(model, row),
    reason: `zone ${zone} is lost and every other zone has a copy already: its copies wait for the zone to return; ${effect}`,
    remedy: `bring zone ${zone} back, add 1 broker in another zone, or allow a second copy in one zone`,
  };
}

/** Why a replica finds no place. */
function unsettled(
  working: Working,
  candidates: Candidates,
  row: number,
  column: number,
  zones: readonly number[],
): Problem {
  const { model } = working;
  const pool = model.poolOfTopic[model.topicOf[row]!]!;
  const subject = partitionName(model, row);
  const whose = model.poolNames[pool] === '' ? '' : ` of set ${model.poolNames[pool]}`;
  if (zones.length === 0) {
    let receivers = 0;
    for (let zone = 0; zone < working.zones; zone++) receivers += candidates.inZone(pool, zone).length;
    return {
      goal: 'H2',
      severity: 'hard',
      subject,
      reason: `replication factor ${model.factors[row]} needs more active brokers${whose} than the ${receivers} there are, or zones with room`,
      remedy: `add ${Math.max(1, model.factors[row]! - receivers)} broker${model.factors[row]! - receivers > 1 ? 's' : ''}${whose}`,
    };
  }
  const names = zones.map((zone) => model.zoneNames[zone] || '(none)').join(', ');
  let free = 0;
  let hosts = 0;
  for (const zone of zones) {
    for (const broker of candidates.inZone(pool, zone)) {
      if (working.holds(row, broker)) continue;
      hosts++;
      if (working.hasRoom(row, column === 0, broker)) free++;
    }
  }
  if (hosts > 0 && free === 0) {
    return {
      goal: 'H6',
      severity: 'hard',
      subject,
      reason: `no broker in zone ${names} has room under its limits for another replica`,
      remedy: missingCapacity(working, row, names),
    };
  }
  return {
    goal: 'H3',
    severity: 'hard',
    subject,
    reason: `every active broker in zone ${names} already has a replica of it`,
    remedy: `add 1 broker in zone ${names}`,
  };
}

/** The capacity that all displaced replicas lack, as brokers of the usual size. */
function missingCapacity(working: Working, row: number, zoneNames: string): string {
  const { model } = working;
  let bytes = 0;
  for (let other = 0; other < working.partitions; other++) {
    for (let column = 0; column < model.factors[other]!; column++) {
      const broker = working.replicas[other * working.width + column]!;
      if (broker === nobody || working.keeping[broker] === 0) bytes += model.sizes[other]!;
    }
  }
  const size = Math.max(bytes, model.sizes[row]!) / working.options.use.disk;
  return `add 1 broker in zone ${zoneNames} with ${gibibytes(size)}`;
}

/** Rows whose zones hold more than they may, or less than they must while another zone could give. */
function unevenRows(working: Working, flawed: Int32Array): Int32Array {
  const { model, width, zones } = working;
  const held = new Int32Array(zones);
  return flawed.filter((row) => {
    held.fill(0);
    for (let column = 0; column < width; column++) {
      const broker = working.replicas[row * width + column]!;
      if (broker !== nobody) held[model.zoneOf[broker]!]!++;
    }
    const spread = working.spreads.of(model.poolOfTopic[model.topicOf[row]!]!, model.factors[row]!);
    for (let zone = 0; zone < zones; zone++) {
      if (held[zone]! < spread.least[zone]! || held[zone]! > spread.most[zone]!) return true;
    }
    return false;
  });
}

/** Moves replicas from a row's overfull zones to its thin ones, as far as there are brokers for them. */
function evenZones(working: Working, candidates: Candidates, row: number, room: RoomBudget): void {
  const { width } = working;
  for (let step = 0; step < width; step++) {
    let bestColumn = -1;
    let bestTo: number = nobody;
    let bestBy = 0;
    for (let column = 0; column < width; column++) {
      const thin = thinZones(working, row, column);
      if (thin.length === 0) continue;
      let to = candidates.best(row, column, thin);
      if (to === nobody) to = candidates.best(row, column, thin, true);
      if (to === nobody || !working.isAffordable(row, column, to)) continue;
      const by = 1e6 + working.dropOfMove(row, column, to) + (column === 0 ? 0 : 1e-3);
      if (bestColumn === -1 || by > bestBy) {
        bestColumn = column;
        bestTo = to;
        bestBy = by;
      }
    }
    if (bestColumn !== -1) working.move(row, bestColumn, bestTo);
    else if (!evenByMakingRoom(working, candidates, row, room)) return;
  }
}

function evenByMakingRoom(working: Working, candidates: Candidates, row: number, room: RoomBudget): boolean {
  for (let column = 0; column < working.width; column++) {
    const thin = thinZones(working, row, column);
    if (thin.length > 0 && moveByMakingRoom(working, candidates, row, column, thin, room)) return true;
  }
  return false;
}

/** Zones in which the replica would leave the row's zones more even. */
function thinZones(working: Working, row: number, column: number): number[] {
  const { model, width, zones } = working;
  const broker = working.replicas[row * width + column]!;
  if (broker === nobody || working.keeping[broker] === 0) return [];
  const zone = model.zoneOf[broker]!;
  const inOwn = working.inZone(row, zone);
  const spread = working.spreads.of(model.poolOfTopic[model.topicOf[row]!]!, model.factors[row]!);
  if (inOwn <= spread.least[zone]!) return [];
  const thin: number[] = [];
  for (let other = 0; other < zones; other++) {
    if (other === zone) continue;
    const inOther = working.inZone(row, other);
    const isBetter = inOwn > spread.most[zone]! ? inOther < spread.most[other]! : inOther < spread.least[other]!;
    if (isBetter) thin.push(other);
  }
  return thin;
}

/** First replicas on brokers that may not lead, or cannot: another replica of the partition leads. */
function putLeadersWhereTheyMayLead(working: Working, flawed: Int32Array, problems: Problem[]): void {
  const { model, width } = working;
  for (const row of flawed) {
    const leader = working.replicas[row * width]!;
    if (leader === nobody || (model.mayLead[leader] === 1 && working.keeping[leader] === 1)) continue;
    let best = -1;
    let bestDrop = Number.NEGATIVE_INFINITY;
    for (let column = 1; column < width; column++) {
      if (!working.mayLead(row, column)) continue;
      const drop = working.dropOfLead(row, column);
      if (drop > bestDrop) {
        best = column;
        bestDrop = drop;
      }
    }
    if (best !== -1) working.lead(row, best);
    else if (model.mayLead[leader] === 0 && problems.every(({ goal }) => goal !== 'H10')) {
      problems.push({
        goal: 'H10',
        severity: 'hard',
        subject: partitionName(model, row),
        reason: `none of its replicas is on a broker that may lead`,
        remedy: 'let one of its brokers lead',
      });
    }
  }
}
