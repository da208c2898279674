import { expect, test } from 'vitest';
import { planOnApache } from './placement/live.ts';

for (const original of ['kafka-3.9', 'kafka-4'] as const) {
  test(`plan reads, moves, survives kill -9 on, and cleans up after itself on four brokers of ${original} under load`, async () => {
    const seen = await planOnApache(original, { partitionBytes: 4_000_000, throttle: 4_000_000 });
    for (const { step, code } of seen.steps) expect([step, code]).toEqual([step, step === 'add, killed' ? null : 0]);
    expect(seen.onBroker4.afterAdd).toBeGreaterThan(0);
    expect(seen.onBroker4.afterRemove).toBe(0);
    expect(seen.apacheVerify.completed).toBe(seen.apacheVerify.asked);
    expect(seen.throttleLeftBehind).toEqual([]);
    expect(seen.produceErrors).toBe(0);
    expect(seen.produced).toBeGreaterThan(0);
  }, 420_000);
}
