import { expect, test } from 'vitest';
import type { Offset } from '../../src/base/index.ts';
import * as quorum from '../../src/quorum/index.ts';
import type { QuorumModule } from './simulator/member.ts';
import { simulate } from './simulator/simulation.ts';

const seeds = 10_000;

/** The log claims to be durable before it is: found by the simulator within a few seeds. */
class HastyIndex extends quorum.LogIndex {
  override get flushedOffset(): Offset {
    return super.endOffset;
  }
}
const hasty: QuorumModule = { ...quorum, LogIndex: HastyIndex };

test(`${seeds} clusters keep every promise under loss, crashes, partitions, pauses and changes of voters`, () => {
  const failures: string[] = [];
  let committed = 0;
  for (let seed = 1; seed <= seeds && failures.length < 3; seed++) {
    const outcome = simulate(quorum, seed);
    committed += outcome.committed;
    if (outcome.failure !== undefined) {
      failures.push(`npm run simulate -- --seeds 1 --from ${seed}: ${outcome.failure.seen}`);
    }
  }
  expect(failures).toEqual([]);
  expect(committed).toBeGreaterThan(50 * seeds);
}, 300_000);

test('the same seed runs the same way each time, also when it fails', () => {
  for (const seed of [1, 2, 3, 500]) expect(simulate(quorum, seed)).toEqual(simulate(quorum, seed));
  let failed = 0;
  for (let seed = 1; failed < 3 && seed < 100; seed++) {
    const outcome = simulate(hasty, seed);
    if (outcome.failure === undefined) continue;
    failed++;
    for (let again = 0; again < 3; again++) expect(simulate(hasty, seed)).toEqual(outcome);
  }
  expect(failed).toBe(3);
});

test('different seeds run differently', () => {
  const traces = new Set(Array.from({ length: 100 }, (_, seed) => simulate(quorum, seed + 1).trace));
  expect(traces.size).toBe(100);
});
