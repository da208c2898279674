import { type Result, success } from '../../base/index.ts';
import type { Patience } from './patience.ts';

/** So many groups at most: whatever there is to do is under way about two seconds later. */
const mostGroups = 6;
const gapMs = 400;

/**
 * Does something to many brokers or partitions, a few at a time. Each setting and each copy that begins costs brokers
 * some milliseconds in which producers wait; where brokers share a machine, or a producer waits for several of them,
 * doing it to all at once adds these up (seen with four brokers on two cores: 100 ms in all that is produced).
 *
 * @param act  on some of the items, in order; the first refusal ends it
 */
export async function spread<Item, Problem>(
  patience: Patience,
  items: readonly Item[],
  act: (some: readonly Item[]) => Promise<Result<undefined, Problem>>,
): Promise<Result<undefined, Problem>> {
  const size = Math.ceil(items.length / mostGroups);
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await patience.pause(gapMs);
    const done = await act(items.slice(at, at + size));
    if (!done.ok) return done;
  }
  return success(undefined);
}
