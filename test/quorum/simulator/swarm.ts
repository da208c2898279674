import { type Random, seededRandom } from '../../../src/base/index.ts';

/**
 * What one seed makes its cluster suffer. Each fault is on or off by a coin, and has its own rate: a run that has all
 * faults at once finds less than runs that each have a few ("swarm testing", Groce et al. 2012).
 * Rates are per simulated second and cluster unless they are named a chance.
 */
export type Swarm = {
  readonly voters: number;
  /** Members beyond the configured voters; they observe, and may become voters. */
  readonly extras: number;
  /** Voters' volumes are named from the start, so that a member may lose its volume. */
  readonly directories: boolean;
  readonly unanimousFormation: boolean;
  readonly durationMs: number;
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  readonly lossChance: number;
  readonly repeatChance: number;
  /** A message that is late by up to half a second. */
  readonly stragglerChance: number;
  readonly flushMinMs: number;
  readonly flushMaxMs: number;
  /** A flush that takes up to a second. */
  readonly slowFlushChance: number;
  readonly crashChancePerStep: number;
  readonly crashRate: number;
  readonly crashAllRate: number;
  readonly wipeRate: number;
  readonly pauseRate: number;
  readonly clockJumpRate: number;
  readonly clockDrift: boolean;
  readonly partitionRate: number;
  readonly asymmetricPartitions: boolean;
  readonly disconnectChance: number;
  readonly proposalRate: number;
  readonly readRate: number;
  readonly snapshotRate: number;
  readonly refusedSnapshotChance: number;
  readonly voterChangeRate: number;
  readonly transferRate: number;
  readonly resignRate: number;
  readonly newsAhead: boolean;
};

/** The same seed draws the same swarm, whatever else is drawn later. */
export function drawSwarm(seed: number): Swarm {
  const random: Random = seededRandom((seed ^ 0x5eed5eed) >>> 0);
  const coin = (chance: number): boolean => random.next() < chance;
  const rate = (chance: number, most: number): number => (coin(chance) ? most * (0.1 + 0.9 * random.next()) : 0);
  const voterCounts = [1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5];
  const delayMinMs = 0.2 + random.next();
  const flushMinMs = 0.2 + random.next();
  const swarm = {
    voters: voterCounts[random.below(voterCounts.length)] as number,
    extras: coin(0.4) ? 1 + random.below(2) : 0,
    directories: coin(0.5),
    unanimousFormation: coin(0.3),
    durationMs: 500 + random.below(1500),
    delayMinMs,
    delayMaxMs: delayMinMs + rate(0.8, 12),
    lossChance: rate(0.4, 0.2),
    repeatChance: rate(0.4, 0.2),
    stragglerChance: rate(0.4, 0.1),
    flushMinMs,
    flushMaxMs: flushMinMs + rate(0.8, 10),
    slowFlushChance: rate(0.25, 0.25),
    crashChancePerStep: rate(0.4, 0.02),
    crashRate: rate(0.5, 4),
    crashAllRate: rate(0.2, 2),
    wipeRate: rate(0.25, 2),
    pauseRate: rate(0.4, 4),
    clockJumpRate: rate(0.3, 5),
    clockDrift: coin(0.3),
    partitionRate: rate(0.5, 5),
    asymmetricPartitions: coin(0.4),
    disconnectChance: coin(0.5) ? random.next() : 0,
    proposalRate: 10 + rate(0.9, 120),
    readRate: rate(0.4, 40),
    snapshotRate: rate(0.5, 15),
    refusedSnapshotChance: rate(0.2, 0.3),
    voterChangeRate: rate(0.4, 12),
    transferRate: rate(0.3, 5),
    resignRate: rate(0.2, 3),
    newsAhead: coin(0.6),
  };
  // Where hardly anything is written, a leader of the past is not held up by what it cannot commit.
  return coin(0.25) ? { ...swarm, proposalRate: 4, readRate: 400 } : swarm;
}
