import type { Result } from '../../base/index.ts';
import {
  type PlanDocument,
  type PlannedChange,
  type Remaining,
  remainingOf,
  type Stale,
} from '../../placement/index.ts';
import { nameOf } from './cluster-moves.ts';

/**
 * What is left of a plan on a cluster that may have cancelled moves. Kafka gives a cancelled partition its replicas
 * back, but not always in their old order: the plan counts it as not begun.
 *
 * @param now  replicas of a partition by `nameOf`
 */
export function standing(
  document: Pick<PlanDocument, 'batches'>,
  now: (name: string) => readonly number[] | undefined,
): Result<Remaining, readonly Stale[]> {
  const changes = new Map<string, PlannedChange>();
  for (const change of document.batches.flat()) changes.set(nameOf(change), change);
  return remainingOf(document, (topic, partition) => {
    const name = nameOf({ topic, partition });
    const held = now(name);
    const { from, to } = changes.get(name)!;
    return held !== undefined && held.join() !== to.join() && isReordered(held, from) ? from : held;
  });
}

const isReordered = (held: readonly number[], from: readonly number[]): boolean =>
  held.length === from.length && held.every((id) => from.includes(id));
