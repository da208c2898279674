import type { BalanceScope } from './balance.ts';
import { constants } from './constants.ts';
import { withBand } from './targets.ts';
import type { Working } from './working.ts';

const { cpu, dimensions, leastDrop, leaderCount, leaderIn, outRate, nobody } = constants;

/** What changes with the leader. */
const ofLeaders = [outRate, cpu, leaderCount, leaderIn];
/** Part of the band that leaderships are evened to where there are many. */
const leaderBand = 0.5;

/**
 * Passes leaderships further into the band than asked: at no bytes, and what is well inside has room for what the
 * brokers that are left must get rid of.
 */
export function passLeadershipsDeep(working: Working, scope: BalanceScope, isLed: Uint8Array): void {
  const asked = working.targets;
  working.targets = withBand(asked, leaderBand * working.options.band);
  passLeaderships(working, scope, isLed);
  working.targets = asked;
  passLeaderships(working, scope, isLed);
}

/**
 * Passes leaderships to followers while that brings leaders, their bytes and CPU nearer to even. Each is an election:
 * none passes that does not help a broker that is to be led into the band.
 */
export function passLeaderships(working: Working, scope: BalanceScope, isLed: Uint8Array): void {
  for (let round = 0; round < 4; round++) {
    const isOut = brokersOut(working, isLed);
    if (!isOut.includes(1)) return;
    let changes = 0;
    for (const row of rowsOn(working, isOut)) if (passLeadership(working, scope, row, isOut)) changes++;
    if (changes === 0) return;
  }
}

/** Rows with a replica on one of the brokers that are marked. Holds until the working's buffer of cells is used again. */
function rowsOn(working: Working, isMarked: Uint8Array): Int32Array {
  const { replicas, width } = working;
  const rows = working.cellBuffer();
  let count = 0;
  for (let cell = 0; cell < replicas.length; cell++) {
    if (replicas[cell] === nobody || isMarked[replicas[cell]!] === 0) continue;
    const row = Math.floor(cell / width);
    rows[count++] = row;
    cell = (row + 1) * width - 1;
  }
  return rows.subarray(0, count);
}

function passLeadership(working: Working, scope: BalanceScope, row: number, isOut: Uint8Array): boolean {
  const { model, replicas, width } = working;
  if (replicas[row * width] === nobody || model.pinned[model.topicOf[row]!] === 1) return false;
  if (scope.mayChange !== undefined && !scope.mayChange(row)) return false;
  const best = bestLeader(working, row, isOut);
  if (best !== -1) working.lead(row, best);
  return best !== -1;
}

/** The column of the follower whose leadership lowers the potential most; -1 when none helps one that is out. */
function bestLeader(working: Working, row: number, isOut: Uint8Array): number {
  const { width, replicas } = working;
  const isLeaderOut = isOut[replicas[row * width]!] === 1;
  let best = -1;
  let bestDrop: number = leastDrop;
  const relief = working.prepareLead(row);
  for (let column = 1; column < width; column++) {
    const broker = replicas[row * width + column]!;
    if (broker === nobody || !(isLeaderOut || isOut[broker] === 1)) continue;
    const drop = relief + working.dropOnLeading(broker);
    if (drop <= bestDrop || !working.mayLead(row, column)) continue;
    best = column;
    bestDrop = drop;
  }
  return best;
}

/** 1 for those of the brokers that are out of the band in what leadership changes. */
function brokersOut({ targets, loads, brokers }: Working, isLed: Uint8Array): Uint8Array {
  const out = new Uint8Array(brokers);
  const { perShare, high, low } = targets;
  for (let broker = 0; broker < brokers; broker++) {
    if (isLed[broker] === 0) continue;
    for (const dimension of ofLeaders) {
      const cell = broker * dimensions + dimension;
      const relative = loads[cell]! * perShare[cell]!;
      if (perShare[cell]! > 0 && (relative > high[cell]! || relative < low[cell]!)) out[broker] = 1;
    }
  }
  return out;
}
