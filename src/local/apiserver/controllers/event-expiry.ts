import type { Api } from '../api.ts';
import { storeKey } from '../store/store.ts';

/** Events are kept for an hour, as by the original. */
const eventLifeMs = 3600_000;
const sweepPeriodMs = 60_000;

export function startEventExpiry(api: Api): () => void {
  const sweep = (): void => {
    const oldestMs = api.clock.nowMs() - eventLifeMs;
    for (const event of api.store.list('events')) {
      const { metadata } = event;
      // A repeated event is written again, which is what its life counts from.
      const last = [event.lastTimestamp, event.eventTime, metadata.creationTimestamp]
        .map((time) => (typeof time === 'string' ? Date.parse(time) : Number.NaN))
        .filter((time) => !Number.isNaN(time));
      if (last.length > 0 && Math.max(...last) < oldestMs) {
        api.store.remove('events', storeKey(metadata.namespace, metadata.name as string), event);
      }
    }
  };
  const timer = api.clock.every(sweepPeriodMs, sweep);
  return () => timer.cancel();
}
