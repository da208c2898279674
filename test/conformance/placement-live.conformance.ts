import { expect, test } from 'vitest';
import { startLive, walk } from './placement/live.ts';

const codes: Readonly<Record<string, number | null>> = { 'add, killed': null, 'resume, interrupted': 130 };

for (const original of ['kafka-3.9', 'kafka-4'] as const) {
  test(`plan reads, moves, survives kill -9 on, and cleans up after itself on four brokers of ${original} under load`, async () => {
    const live = await startLive(original, 3_000_000);
    try {
      const seen = await walk(live, 4_000_000);
      for (const { step, code } of seen.steps)
        expect([step, code]).toEqual([step, codes[step] ?? (step in codes ? null : 0)]);
      expect(seen.onBroker4.afterAdd).toBeGreaterThan(0);
      expect(seen.onBroker4.afterRemove).toBe(0);
      expect(seen.onEmptiedDisk).toEqual([]);
      expect(seen.apacheVerify.completed).toBe(seen.apacheVerify.asked);
      expect(seen.throttleLeftBehind).toEqual([]);
      expect(seen.produceErrors).toBe(0);
      expect(seen.produced).toBeGreaterThan(0);
    } finally {
      await live.stop();
    }
  }, 420_000);
}
