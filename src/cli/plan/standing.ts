import type { Result } from '../../base/index.ts';
import { type PlanDocument, type Remaining, remainingOf, type Stale } from '../../placement/index.ts';
import { nameOf } from './cluster-moves.ts';

/** What is left of a plan. @param now  replicas of a partition by `nameOf` */
export const standing = (
  document: Pick<PlanDocument, 'batches'>,
  now: (name: string) => readonly number[] | undefined,
): Result<Remaining, readonly Stale[]> =>
  remainingOf(document, (topic, partition) => now(nameOf({ topic, partition })));
