import type { Entry, NodeId, Voter, VoterSetAt } from './types.ts';

export const majorityOf = (voters: readonly Voter[]): number => Math.floor(voters.length / 2) + 1;

/** Whether two voters, any two, decide. */
export const pairDecides = (voters: readonly Voter[]): boolean => majorityOf(voters) === 2;

/**
 * The largest value that a majority of the voters has reached; undefined without voters.
 *
 * @param reachedBy  what one voter has reached
 */
export function reachedByMajority<Value extends number>(
  voters: readonly Voter[],
  reachedBy: (voter: Voter) => Value,
): Value | undefined {
  const values = voters.map(reachedBy).sort((left, right) => right - left);
  return values[majorityOf(voters) - 1];
}

/** The sets that entries state are in force from the moment they are appended, committed or not. */
export function withAppended(sets: readonly VoterSetAt[], entries: readonly Entry[]): readonly VoterSetAt[] {
  let result = sets;
  for (const entry of entries) {
    if (entry.body.kind === 'voters') result = [...result, { offset: entry.offset, voters: entry.body.voters }];
  }
  return result;
}

/** A cut takes back the sets that it takes from the log. */
export function withTruncated(sets: readonly VoterSetAt[], to: number): readonly VoterSetAt[] {
  return sets.filter((set) => set.offset < to);
}

/** Sets that were replaced below `start` cannot come back: nothing below is ever cut. */
export function withPrefixDropped(sets: readonly VoterSetAt[], start: number): readonly VoterSetAt[] {
  const inForce = sets.findLastIndex((set) => set.offset < start);
  return inForce <= 0 ? sets : sets.slice(inForce);
}

export const findVoter = (voters: readonly Voter[], id: NodeId): Voter | undefined =>
  voters.find((voter) => voter.id === id);
