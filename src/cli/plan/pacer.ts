import type { Sample } from './arrivals.ts';
import { freshPace, type Pace, paced } from './pace.ts';
import type { Step } from './steps.ts';
import type { BrokerRates } from './throttle.ts';

/** Follows each throttled broker, in both directions, and says which rates must be set anew. */
export class Pacer {
  private readonly limit: number;
  private readonly received = new Map<number, Pace>();
  private readonly sent = new Map<number, Pace>();
  private readonly begun = new Set<string>();

  constructor(limit: number) {
    this.limit = limit;
  }

  ratesOf(broker: number): BrokerRates {
    const fresh = freshPace(this.limit);
    return {
      sent: (this.sent.get(broker) ?? fresh).rate,
      received: (this.received.get(broker) ?? fresh).rate,
    };
  }

  /** @param running  what is being copied: a broker without any owes nothing */
  changedBy(sample: Sample, running: readonly Step[], sourceOf: (step: Step) => number): Map<number, BrokerRates> {
    const receivers = new Set(running.flatMap((step) => step.receivers));
    const sources = new Set(running.map(sourceOf));
    const before = new Map([...receivers, ...sources].map((id) => [id, this.ratesOf(id)]));
    for (const id of receivers)
      this.follow(this.received, `to ${id}`, id, sample.received.get(id) ?? 0, sample.seconds);
    for (const id of sources) this.follow(this.sent, `from ${id}`, id, sample.sent.get(id) ?? 0, sample.seconds);
    const changed = new Map<number, BrokerRates>();
    for (const [id, old] of before) {
      const rates = this.ratesOf(id);
      if (rates.sent !== old.sent || rates.received !== old.received) changed.set(id, rates);
    }
    return changed;
  }

  private follow(paces: Map<number, Pace>, key: string, id: number, bytes: number, seconds: number): void {
    // Until the first byte comes, the copy is being prepared: that time is not made good.
    if (bytes > 0) this.begun.add(key);
    if (!this.begun.has(key) || id < 0) return;
    paces.set(id, paced(paces.get(id) ?? freshPace(this.limit), this.limit, bytes, seconds));
  }
}
