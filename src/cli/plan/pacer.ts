import { type Allotment, allot, type Capacities, type Flow } from './allot.ts';
import type { Sample } from './arrivals.ts';
import { type Debt, debtAfter } from './debt.ts';
import { rateBesides, rateFor, type Sent, sentAfter, windowSeconds } from './quota-window.ts';
import { Yield } from './yield.ts';

/** How often a pacer is to be told what was sent, while it is not steady. */
export const sampleMs = 2000;

/** How closely a limit is followed at any time, and how often rates are set for it. */
type Manner = {
  /** For how long a new rate is to last while the quota's window still holds what came before it, */
  readonly nextSeconds: number;
  /** and from when on it holds nothing else, so that a rate lets through what it says. */
  readonly steadyAfterSeconds: number;
  /** A change smaller than this part of what is set for copies is not worth a setting, once the move has lasted so long. */
  readonly leastChange: (lastedSeconds: number) => number;
  /** For how long a rate stays once it is steady, and for which part of the time that there was something to send. */
  readonly holdSeconds: { readonly least: number; readonly part: number; readonly most: number };
  /** Debts are made good in this many times as long. */
  readonly settles: number;
  /** What comes in bursts is looked at over this time. */
  readonly smoothSeconds: number;
  /** What part of its rate a source is taken to send before that is known. */
  readonly granted: number;
  /** What is to be let through stays within these parts of the limit. */
  readonly parts: { readonly least: number; readonly most: number };
};

/**
 * For moves that are over before a mean over ten seconds tells anything: every fetch counts. And where a source feeds
 * several receivers: what it sends can be set, but not who gets how much of it. Whose fetches come first when the quota
 * has room again gets more, for minutes if nothing changes (1.21 and 0.83 times the limit were seen with Kafka 3.9).
 */
const closely: Manner = {
  nextSeconds: 1.5,
  steadyAfterSeconds: Number.POSITIVE_INFINITY,
  leastChange: (lastedSeconds) => Math.max(0.1, Math.min(0.2, lastedSeconds / 1200)),
  holdSeconds: { least: 4, part: 0.067, most: 20 },
  settles: 1.5,
  smoothSeconds: 0,
  granted: 1,
  // Who gets too much from one source that it shares must nearly be left out by the others.
  parts: { least: 0.1, most: 1.5 },
};
const seldom: Manner = {
  nextSeconds: 4,
  steadyAfterSeconds: windowSeconds,
  leastChange: () => 0.07,
  holdSeconds: { least: 16, part: 0.2, most: 40 },
  settles: 1.5,
  smoothSeconds: 8,
  granted: 0.9,
  parts: { least: 0.7, most: 1.4 },
};
/** A rate stays for less when what in-sync followers fetch on top is other than it was by this part of what copies get. */
const mostBesides = 0.2;
/** Who has rested for longer could send much of what a window allows at once: its rate grows anew. */
const mostRestSeconds = 5;
/** From when on rates are set seldom. */
const longSeconds = 75;

const unseen = { restedSeconds: 0, seconds: 0, allowed: 0, sent: 0 };

/** A rate that is set. */
type Setting = {
  readonly rate: number;
  /** The part of it that is meant for copies. */
  readonly copies: number;
  /** And what in-sync followers were taken to fetch on top. */
  readonly besides: number;
  /** What the source was to send, had no broker been owed anything. */
  share: number;
  /** Since that share is what it is. */
  sharedSeconds: number;
  isSteady: boolean;
  /** For how long the source has had nothing to send. */
  restedSeconds: number;
  /** Since it was set or looked at. */
  seconds: number;
  allowed: number;
  sent: number;
};

/**
 * Keeps every broker within a limit in both directions by what the sources send. The quota of a receiver is left alone:
 * by that, Kafka holds back replicas that are in sync as well. A follower that hears of a new leader epoch (and every
 * finished move brings one) does not know its lag until it has fetched, counts as behind, and does not fetch while its
 * quota is used up (`AbstractFetcherThread.shouldFollowerThrottle`); meanwhile nothing that asks for acks=all is
 * answered. A source knows the in-sync replicas, and never holds them back.
 *
 * Rates are set seldom where a move lasts: every one that is set makes Apache's broker read all of its settings anew and
 * log them, about eight milliseconds in which whatever it has to do with waits (seen with 3.9).
 */
export class Pacer {
  private readonly limit: number;
  private readonly isLong: boolean;
  private manner: Manner;
  private readonly debts = { sent: new Map<number, Debt>(), received: new Map<number, Debt>() };
  /** The same without the bursts in which copies come. */
  private readonly smooth = { sent: new Map<number, Debt>(), received: new Map<number, Debt>() };
  /** For how many seconds there has been something to send, or to receive. */
  private readonly lasted = { sent: new Map<number, number>(), received: new Map<number, number>() };
  private allotted: Allotment = { rates: new Map(), full: { sent: new Set(), received: new Set() } };
  /** Of the sources: what they sent lately, what is set, and how much of that they send. */
  private readonly windows = new Map<number, readonly Sent[]>();
  private readonly settings = new Map<number, Setting>();
  private readonly yields = new Map<number, Yield>();

  /**
   * @param limit  bytes per second
   * @param lasts  seconds that all copies will take, about
   */
  constructor(limit: number, lasts: number) {
    this.limit = limit;
    this.isLong = lasts >= longSeconds;
    this.manner = closely;
  }

  /** At first what a source without copies may have. */
  rateOf(broker: number): number {
    return this.settings.get(broker)?.rate ?? Math.ceil(this.limit / windowSeconds);
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
      const setting = this.settings.get(id);
      if (setting === undefined) continue;
      setting.restedSeconds = sources.has(id) ? 0 : setting.restedSeconds + seconds;
      if (!sources.has(id)) continue;
      setting.sharedSeconds += seconds;
      setting.seconds += seconds;
      setting.sent += now.bytes;
      setting.allowed += setting.rate * seconds - now.besides;
    }
  }

  /** Whether what is set for these copies stays for long and lets through what it says, so that a look once in a while is enough. */
  isSteady(flows: readonly Flow[]): boolean {
    return flows.every(({ source }) => this.settings.get(source)?.isSteady === true);
  }

  /** Counts bytes before they come, or takes them back (negative) when they are about to be counted as they come. */
  foresee({ source, receiver }: Flow, bytes: number): void {
    for (const { sent, received } of [this.debts, this.smooth]) {
      sent.set(source, (sent.get(source) ?? 0) - bytes);
      received.set(receiver, (received.get(receiver) ?? 0) - bytes);
    }
  }

  /** Rates of sources that must be set anew for what is being copied from now on. */
  changedFor(flows: readonly Flow[]): Map<number, number> {
    const { limit } = this;
    this.manner = this.isLong && areFedAlone(flows) ? seldom : closely;
    this.allotted = allot(flows, {
      sent: (id) => this.capacity('sent', id),
      received: (id) => this.capacity('received', id),
    });
    const shares = allot(flows, { sent: () => limit, received: () => limit }).rates;
    const changed = new Map<number, number>();
    for (const [id, pace] of this.allotted.rates) {
      const receivers = flows.filter(({ source }) => source === id).map(({ receiver }) => receiver);
      const setting = this.next(id, { pace, share: shares.get(id)!, holdSeconds: this.holdSeconds(id, receivers) });
      if (setting === undefined) continue;
      this.settings.set(id, setting);
      changed.set(id, setting.rate);
    }
    return changed;
  }

  /** What is to be set for a source now, if anything. */
  private next(
    id: number,
    { pace, share, holdSeconds }: { readonly pace: number; readonly share: number; readonly holdSeconds: number },
  ): Setting | undefined {
    const { nextSeconds, steadyAfterSeconds } = this.manner;
    const { sent, received } = this.lasted;
    const leastChange = this.manner.leastChange(Math.max(0, ...sent.values(), ...received.values()));
    const is = this.settings.get(id);
    const isOther = is !== undefined && Math.abs(share - is.share) > leastChange * is.share;
    if (is !== undefined && (isOther || is.restedSeconds > mostRestSeconds)) {
      is.share = share;
      is.sharedSeconds = 0;
      is.isSteady = false;
    }
    const sharedSeconds = is?.sharedSeconds ?? 0;
    const isSteady = sharedSeconds >= steadyAfterSeconds;
    const window = this.windows.get(id) ?? [];
    const besides = rateBesides(window);
    if (is?.isSteady === true) {
      if (is.seconds >= holdSeconds) this.yieldOf(id).learn(is.sent, is.allowed, is.seconds);
      else if (Math.abs(besides - is.besides) <= mostBesides * is.copies) return undefined;
    }
    if (!isSteady && is !== undefined && is.sharedSeconds > 0 && is.seconds < nextSeconds) return undefined;
    const wanted = isSteady ? pace : rateFor(window, pace, nextSeconds);
    const copies = wanted / this.yieldOf(id).part;
    const rate = Math.ceil(copies + besides);
    const setting = { rate, copies, besides, share, sharedSeconds, isSteady, ...unseen };
    if (is === undefined || Math.abs(rate - is.rate) > leastChange * is.copies) return setting;
    // What is set does as well, and is looked at again after as long.
    if (isSteady) Object.assign(is, { isSteady, ...unseen });
    return undefined;
  }

  private yieldOf(id: number): Yield {
    const known = this.yields.get(id) ?? new Yield(this.limit, this.manner.granted);
    this.yields.set(id, known);
    return known;
  }

  private capacity(direction: keyof Capacities, id: number): number {
    const { limit, manner } = this;
    const settleSeconds = manner.settles * this.held(this.lasted[direction].get(id) ?? 0);
    const meant = limit + (this.smooth[direction].get(id) ?? 0) / settleSeconds;
    return Math.max(limit * manner.parts.least, Math.min(limit * manner.parts.most, meant));
  }

  private holdSeconds(source: number, receivers: readonly number[]): number {
    const { sent, received } = this.lasted;
    return this.held(Math.max(sent.get(source) ?? 0, ...receivers.map((id) => received.get(id) ?? 0)));
  }

  private held(lasted: number): number {
    const { least, part, most } = this.manner.holdSeconds;
    return Math.max(least, Math.min(most, lasted * part));
  }

  private follow(direction: keyof Capacities, id: number, bytes: number, seconds: number): void {
    // Until the first byte comes, the copy is being prepared: that time is not made good.
    const lastedBefore = this.lasted[direction].get(id);
    if (bytes === 0 && lastedBefore === undefined) return;
    const lasted = (lastedBefore ?? 0) + seconds;
    this.lasted[direction].set(id, lasted);
    const debts = this.debts[direction];
    const before = debts.get(id) ?? 0;
    const owed = debtAfter(before, this.limit, bytes, seconds, lasted);
    // Who could have done more, had the others, is owed nothing for it.
    const after = this.allotted.full[direction].has(id) ? owed : Math.min(Math.max(before, 0), owed);
    debts.set(id, after);
    const smooth = this.smooth[direction];
    const was = smooth.get(id) ?? 0;
    const { smoothSeconds } = this.manner;
    smooth.set(id, smoothSeconds === 0 ? after : was + (after - was) * (1 - Math.exp(-seconds / smoothSeconds)));
  }
}

/** Whether no source feeds two receivers. */
function areFedAlone(flows: readonly Flow[]): boolean {
  const fed = new Map<number, number>();
  for (const { source, receiver } of flows) {
    if ((fed.get(source) ?? receiver) !== receiver) return false;
    fed.set(source, receiver);
  }
  return true;
}
