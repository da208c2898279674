import { type Allotment, allot, type Capacities, type Flow } from './allot.ts';
import type { Sample } from './arrivals.ts';
import { type Debt, debtAfter, paceFor } from './pace.ts';
import { rateBesides, rateFor, type Sent, sentAfter, windowSeconds } from './quota-window.ts';

/**
 * How often a pacer is to be told what was sent. Seldom: every rate that is set makes Apache's broker read all of its
 * settings anew and log them, about eight milliseconds in which whatever it has to do with waits (seen with 3.9).
 */
export const sampleMs = 2000;
/** A change smaller than this part of what is set for copies is not worth that at first, */
const leastChange = 0.1;
/** nor later one that is smaller than what grows to this part in so many seconds: the whole move is long by then. */
const leastChangeLater = 0.2;
const laterSeconds = 240;

/**
 * Keeps every broker within a limit in both directions by what the sources send. The quota of a receiver is left alone:
 * by that, Kafka holds back replicas that are in sync as well. A follower that hears of a new leader epoch (and every
 * finished move brings one) does not know its lag until it has fetched, counts as behind, and does not fetch while its
 * quota is used up (`AbstractFetcherThread.shouldFollowerThrottle`); meanwhile nothing that asks for acks=all is
 * answered. A source knows the in-sync replicas, and never holds them back.
 */
export class Pacer {
  private readonly limit: number;
  private readonly debts = { sent: new Map<number, Debt>(), received: new Map<number, Debt>() };
  /** For how many seconds there has been something to send, or to receive. */
  private readonly lasted = { sent: new Map<number, number>(), received: new Map<number, number>() };
  private allotted: Allotment = { rates: new Map(), full: { sent: new Set(), received: new Set() } };
  /** Of the sources: what they sent lately, and the rates that are set. */
  private readonly windows = new Map<number, readonly Sent[]>();
  private readonly rates = new Map<number, { readonly rate: number; readonly copies: number }>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** At first what a source without copies may have. */
  rateOf(broker: number): number {
    return this.setAt(broker).rate;
  }

  /** Bytes per second that a source is to send now. */
  paceOf(broker: number): number {
    return this.allotted.rates.get(broker) ?? this.limit;
  }

  /** @param flows  what was being copied: a broker without any owes nothing */
  see({ seconds, received, sent, besides }: Sample, flows: readonly Flow[]): void {
    const receivers = new Set(flows.map(({ receiver }) => receiver));
    const sources = new Set(flows.map(({ source }) => source));
    for (const id of receivers) this.follow('received', id, received.get(id) ?? 0, seconds);
    for (const id of sources) this.follow('sent', id, sent.get(id) ?? 0, seconds);
    for (const id of new Set([...this.windows.keys(), ...sent.keys(), ...besides.keys()])) {
      const meant = this.paceOf(id) * seconds;
      const now = { seconds, bytes: sent.get(id) ?? 0, meant, besides: besides.get(id) ?? 0 };
      this.windows.set(id, sentAfter(this.windows.get(id) ?? [], now));
    }
  }

  /** Counts bytes before they come, or takes them back (negative) when they are about to be counted as they come. */
  foresee({ source, receiver }: Flow, bytes: number): void {
    const { sent, received } = this.debts;
    sent.set(source, (sent.get(source) ?? 0) - bytes);
    received.set(receiver, (received.get(receiver) ?? 0) - bytes);
  }

  /** Rates of sources that must be set anew for what is being copied from now on. */
  changedFor(flows: readonly Flow[]): Map<number, number> {
    const { limit, debts, lasted } = this;
    this.allotted = allot(flows, {
      sent: (id) => paceFor(debts.sent.get(id) ?? 0, limit, lasted.sent.get(id) ?? 0),
      received: (id) => paceFor(debts.received.get(id) ?? 0, limit, lasted.received.get(id) ?? 0),
    });
    const changed = new Map<number, number>();
    const least = leastChangeAt(Math.max(0, ...lasted.sent.values(), ...lasted.received.values()));
    for (const [id, pace] of this.allotted.rates) {
      const window = this.windows.get(id) ?? [];
      const copies = rateFor(window, pace);
      const rate = Math.ceil(copies + rateBesides(window));
      const old = this.setAt(id);
      if (Math.abs(rate - old.rate) <= least * old.copies) continue;
      this.rates.set(id, { rate, copies });
      changed.set(id, rate);
    }
    return changed;
  }

  private setAt(broker: number): { readonly rate: number; readonly copies: number } {
    const first = Math.ceil(this.limit / windowSeconds);
    return this.rates.get(broker) ?? { rate: first, copies: first };
  }

  private follow(direction: keyof Capacities, id: number, bytes: number, seconds: number): void {
    // Until the first byte comes, the copy is being prepared: that time is not made good.
    const lastedBefore = this.lasted[direction].get(id);
    if (bytes === 0 && lastedBefore === undefined) return;
    const lasted = (lastedBefore ?? 0) + seconds;
    this.lasted[direction].set(id, lasted);
    const debts = this.debts[direction];
    const before = debts.get(id) ?? 0;
    const after = debtAfter(before, this.limit, bytes, seconds, lasted);
    // Who could have done more, had the others, is owed nothing for it.
    debts.set(id, this.allotted.full[direction].has(id) ? after : Math.min(Math.max(before, 0), after));
  }
}

/** @param lasted  seconds for which there has been something to send or to receive */
const leastChangeAt = (lasted: number): number =>
  Math.max(leastChange, Math.min(leastChangeLater, (leastChangeLater * lasted) / laterSeconds));
