import { changedRows } from './changed-rows.ts';
import { costOf } from './cost.ts';
import type { Model } from './model.ts';
import type { Operation } from './operations.ts';
import type { PlanOptions } from './options.ts';
import { isSmall, type Searched, search, sharesOf, tightening } from './search.ts';
import { cheapestOnSmall } from './small-clusters.ts';
import { keeps, receives } from './targets.ts';
import { unmetProblems } from './unmet.ts';
import { verify } from './verify.ts';
import { Working } from './working.ts';

/**
 * Where an earlier plan of the same operation ends (or ended): what a caller keeps of it and hands in when it plans
 * again, so that a plan cut short is carried on with, and a plan carried out is left in peace until loads have drifted
 * by more than noise. Without it, planning again from the very end of a plan moves nothing too, but noise may carry a
 * load over a threshold that it was just short of: no rule without memory can know that.
 */
export type PlanEnd = Pick<Searched, 'target' | 'shares'>;

/** Searches on until nothing changes, at most: in large clusters, and in small ones. */
const mostRepeats = 2;
const mostRepeatsOfSmall = 32;

/** The end that is planned for. From it, the same operation finds nothing more to do. */
export function restingEnd(
  start: Model,
  operation: Operation,
  options: PlanOptions,
  earlier: PlanEnd | undefined,
): Searched {
  const end = carriedOn(start, operation, options, earlier);
  const found = { ...end, problems: [...end.problems, ...unmetProblems(start, operation, options, end)] };
  // What cordoned and away brokers hold is not shared: a plan that changes it changes everybody's share.
  const isShareFixed = start.conditions.every((_, broker) => receives(start, broker) || !keeps(start, broker));
  return isShareFixed ? found : { ...found, shares: sharesAt({ ...start, replicas: found.target }, options) };
}

function carriedOn(start: Model, operation: Operation, options: PlanOptions, earlier: PlanEnd | undefined): Searched {
  if (earlier === undefined || earlier.target.length !== start.replicas.length) {
    return decided(start, operation, options);
  }
  if (areSame(earlier.target, start.replicas)) return decided(start, operation, options, earlier.shares);
  return cheaper(decided(start, operation, options), start, operation, options, earlier.target);
}

const sharesAt = (start: Model, options: PlanOptions): Float64Array => sharesOf(new Working(start, options));

/** What the search finds; on a small cluster, what no assignment of all beats. */
function decided(start: Model, operation: Operation, options: PlanOptions, calm?: Float64Array): Searched {
  const again = operation.kind === 'rebalance' ? tighter(options) : options;
  const settle = (from: Model): Searched => settled(from, operation, again);
  const found = settled(start, operation, options, calm);
  // Where the earlier plan is carried out and nothing has drifted, there is nothing to be made cheaper.
  if (calm !== undefined && areSame(found.target, start.replicas)) return found;
  return cheapestOnSmall(start, operation, options, found, settle);
}

/** What was found, or the rest of an unfinished plan where that is safe still, leaves nothing to do, and copies less. */
function cheaper(
  found: Searched,
  start: Model,
  operation: Operation,
  options: PlanOptions,
  unfinished: Int32Array,
): Searched {
  const rows = changedRows(start.replicas, unfinished, start.width);
  const violations = verify({ model: start, target: unfinished, rows, first: Int32Array.of(0, rows.length) }, options);
  // Batches are made anew: only what holds at the end counts here.
  if (violations.some(({ kind, batch }) => kind === 'introduced' && batch === -1)) return found;
  if (costOf(start, unfinished).bytes >= costOf(start, found.target).bytes) return found;
  // The earlier end must be one: from there, nothing more to do.
  const beyond = settled({ ...start, replicas: unfinished }, operation, options);
  if (!areSame(beyond.target, unfinished)) return found;
  return { ...found, target: unfinished.slice(), shares: beyond.shares, loads: beyond.loads };
}

const areSame = (one: Int32Array, other: Int32Array): boolean => {
  if (one === other) return true;
  for (let cell = 0; cell < one.length; cell++) if (one[cell] !== other[cell]) return false;
  return true;
};

/**
 * Once it acts, a plan goes further than what would make it act: what is left must be well below the trigger, or the
 * next breath of noise would set it off again.
 */
function tighter(options: PlanOptions): PlanOptions {
  return { ...options, trigger: options.trigger * tightening, leastGain: options.leastGain / 4 };
}

/**
 * Searches again from each result until nothing changes, so that planning again moves nothing. A small cluster, where
 * one replica makes a difference, is always searched again; a large one only when the search knows of more to do.
 */
function settled(start: Model, operation: Operation, options: PlanOptions, calm?: Float64Array): Searched {
  let found = search(start, operation, options, calm);
  // A budget is for one plan: what it did not allow is left to the next.
  const isBudgeted = Number.isFinite(options.maxBytes) || Number.isFinite(options.maxMoves);
  if (isBudgeted || areSame(found.target, start.replicas)) return found;
  const isAlwaysRepeated = isSmall(start);
  const again = operation.kind === 'rebalance' ? tighter(options) : options;
  for (let repeat = 0; repeat < (isAlwaysRepeated ? mostRepeatsOfSmall : mostRepeats); repeat++) {
    if (!isAlwaysRepeated && !found.isUnsettled) return found;
    const next = search({ ...start, replicas: found.target }, operation, again);
    if (areSame(next.target, found.target)) return found;
    found = { ...found, target: next.target, shares: next.shares, loads: next.loads, problems: next.problems };
  }
  // A search that goes round in circles does not know what is better: then nothing that is not forced moves at all.
  if (!isAlwaysRepeated || found.bounds.forced > 0) return found;
  const working = new Working(start, options);
  return { ...found, target: start.replicas, shares: sharesOf(working), loads: working.loads };
}
