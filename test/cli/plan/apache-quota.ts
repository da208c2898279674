import type { Flow } from '../../../src/cli/plan/allot.ts';
import { leftAloneMs } from '../../../src/cli/plan/calm.ts';
import { isToBeLifted, liftedBytes, liftedInSeconds } from '../../../src/cli/plan/lift.ts';
import { type Pacer, sampleMs } from '../../../src/cli/plan/pacer.ts';
import { nextSteps, stepOf } from '../../../src/cli/plan/steps.ts';

/**
 * Apache's replication quota of a leader, as `SampledStat` and `Rate` of org.apache.kafka.common.metrics.stats count
 * it: eleven samples of a second; the mean is over the time since the oldest, and over ten seconds at least.
 */
class LeaderQuota {
  rate = Number.POSITIVE_INFINITY;
  #samples: { startMs: number; bytes: number }[] = [];

  #purge(nowMs: number): void {
    this.#samples = this.#samples.filter(({ startMs }) => nowMs - startMs < 11_000);
  }

  record(nowMs: number, bytes: number): void {
    this.#purge(nowMs);
    const last = this.#samples.at(-1);
    if (last === undefined || nowMs - last.startMs >= 1000) this.#samples.push({ startMs: nowMs, bytes });
    else last.bytes += bytes;
  }

  isExceeded(nowMs: number): boolean {
    this.#purge(nowMs);
    const sum = this.#samples.reduce((all, { bytes }) => all + bytes, 0);
    const elapsedMs = nowMs - (this.#samples[0]?.startMs ?? nowMs);
    const fullWindows = Math.floor(elapsedMs / 1000);
    const countedMs = elapsedMs + Math.max(0, 10 - fullWindows) * 1000;
    return sum / (countedMs / 1000) > this.rate;
  }
}

export type Copy = Flow & { readonly bytes: number };
/** For how long the broker with most to send or to receive is at it, at this many bytes per second. */
export function secondsOf(copies: readonly Copy[], limit: number): number {
  const sums = new Map<string, number>();
  for (const { source, receiver, bytes } of copies)
    for (const end of [`sent ${source}`, `received ${receiver}`]) sums.set(end, (sums.get(end) ?? 0) + bytes);
  return Math.max(...sums.values()) / limit;
}

export type Copied = {
  /** Of each broker and direction: mean bytes per second between its first and its last byte, and how long that was. */
  readonly rates: ReadonlyMap<string, { readonly bytes: number; readonly seconds: number; readonly rate: number }>;
  /** How often the rate of a broker was set. */
  readonly ratesSet: number;
  /** And how often copies were looked at. */
  readonly looks: number;
};

const stepMs = 10;
const fetchBytes = 1024 * 1024;
/** How long a fetch waits that brings nothing (`replica.fetch.wait.max.ms`). */
const emptyFetchMs = 500;
/** Settings are there this long after they were set. */
const settingMs = 150;
/** Copies that have not come by then never will. */
const longestMs = 3_600_000;

/**
 * Copies in a cluster of Apache's while a pacer sets the rates of its sources.
 *
 * @param kept    part of what a fetch brings that a log keeps: fetches end in the middle of a batch, quotas count all
 * @param first   whose fetches come first whenever a quota has room again
 * @param atOnce  copies that one receiver takes at a time
 * @param lifts   whether the throttle is lifted before a copy ends
 * @param inSync  bytes per second that a partition's in-sync followers fetch: never held back, but counted while a copy
 *   of it is throttled
 * @throws when the copies do not end
 */
export function copyPaced(
  pacer: Pacer,
  copies: readonly Copy[],
  { kept = 1, atOnce = 2, lifts = false, inSync = 0, first = 0 } = {},
): Copied {
  const quotas = new Map<number, LeaderQuota>();
  for (const { source } of copies) {
    const quota = new LeaderQuota();
    quota.rate = pacer.rateOf(source);
    quotas.set(source, quota);
  }
  const waiting = [...copies];
  const stepsOf = new Map(
    copies.map((copy, partition) => {
      const { source, receiver, bytes } = copy;
      return [copy, stepOf({ topic: 't', partition, bytes, from: [source], to: [receiver] }, 0)];
    }),
  );
  const running: { copy: Copy; left: number; nextMs: number; isLifted: boolean; foreseen: number }[] = [];
  const settings: { atMs: number; source: number; rate: number }[] = [];
  const seen = new Map<string, { firstMs: number; lastMs: number; bytes: number }>();
  let sent = new Map<number, number>();
  let received = new Map<number, number>();
  let besides = new Map<number, number>();
  let [ratesSet, looks] = [0, 0];
  let [nowMs, sampledMs, unsampledMs] = [0, 0, sampleMs];
  const set = (): void => {
    const changed = pacer.changedFor(running.map(({ copy }) => copy));
    ratesSet += changed.size;
    for (const [source, rate] of changed) settings.push({ atMs: nowMs + settingMs, source, rate });
  };
  const note = (key: string, bytes: number): void => {
    const end = seen.get(key) ?? { firstMs: nowMs, lastMs: nowMs, bytes: 0 };
    seen.set(key, { ...end, lastMs: nowMs, bytes: end.bytes + bytes });
  };
  const paceOf = ({ source }: Copy): number =>
    pacer.paceOf(source) / running.filter(({ copy }) => copy.source === source).length;
  const lift = (): void => {
    for (const one of running) {
      const { copy, left, isLifted, foreseen } = one;
      if (isLifted || !isToBeLifted({ all: copy.bytes, arrived: copy.bytes - left }, paceOf(copy))) continue;
      one.isLifted = true;
      pacer.foresee(copy, -foreseen);
    }
  };
  for (; waiting.length + running.length > 0; nowMs += stepMs) {
    if (nowMs > longestMs) throw new Error(`${waiting.length + running.length} copies do not end`);
    const next = nextSteps(
      waiting.map((copy) => stepsOf.get(copy)!),
      running.map(({ copy }) => stepsOf.get(copy)!),
      { movesPerBroker: atOnce, partitions: copies.length },
      { isLive: () => true },
    ).map((step) => copies[step.change.partition]!);
    for (const copy of next) {
      waiting.splice(waiting.indexOf(copy), 1);
      running.push({ copy, left: copy.bytes, nextMs: nowMs + 2 * settingMs, isLifted: false, foreseen: 0 });
    }
    if (next.length > 0) set();
    for (const one of running) {
      if (!lifts || !next.includes(one.copy)) continue;
      one.foreseen = liftedBytes(one.copy.bytes, paceOf(one.copy));
      pacer.foresee(one.copy, one.foreseen);
    }
    while (settings[0] !== undefined && settings[0].atMs <= nowMs) {
      const { source, rate } = settings.shift()!;
      quotas.get(source)!.rate = rate;
    }
    for (const { copy, isLifted } of running) {
      if (isLifted || inSync === 0) continue;
      const bytes = (inSync * stepMs) / 1000;
      quotas.get(copy.source)!.record(nowMs, bytes);
      besides.set(copy.source, (besides.get(copy.source) ?? 0) + bytes);
    }
    for (const one of running) {
      if (one.nextMs > nowMs) continue;
      const { source, receiver } = one.copy;
      const quota = quotas.get(source)!;
      if (!one.isLifted && quota.isExceeded(nowMs)) {
        one.nextMs = nowMs + (receiver === first ? stepMs : emptyFetchMs);
        continue;
      }
      const fetched = Math.min(fetchBytes, one.left / kept);
      if (!one.isLifted) quota.record(nowMs, fetched);
      const bytes = fetched * kept;
      one.left -= bytes;
      one.nextMs = nowMs + stepMs;
      sent.set(source, (sent.get(source) ?? 0) + bytes);
      received.set(receiver, (received.get(receiver) ?? 0) + bytes);
      note(`sent ${source}`, bytes);
      note(`received ${receiver}`, bytes);
    }
    const flows = running.map(({ copy }) => copy);
    for (const one of running.filter(({ left }) => left <= 1)) {
      if (!one.isLifted) pacer.foresee(one.copy, -one.foreseen);
      running.splice(running.indexOf(one), 1);
    }
    if (next.length > 0 || !pacer.isSteady(running.map(({ copy }) => copy))) unsampledMs = sampleMs;
    if (nowMs - sampledMs < unsampledMs) continue;
    pacer.see({ seconds: (nowMs - sampledMs) / 1000, sent, received, besides }, flows);
    sampledMs = nowMs;
    looks++;
    sent = new Map();
    received = new Map();
    besides = new Map();
    set();
    if (lifts) lift();
    const ends = running.map(({ copy, left, isLifted }) =>
      isLifted ? 0 : liftedInSeconds({ all: copy.bytes, arrived: copy.bytes - left }, paceOf(copy)),
    );
    unsampledMs = Math.max(sampleMs, leftAloneMs(Math.min(...ends)));
  }
  const rates = [...seen].map(([key, { firstMs, lastMs, bytes }]) => {
    const seconds = (lastMs - firstMs) / 1000;
    return [key, { bytes, seconds, rate: bytes / seconds }] as const;
  });
  return { rates: new Map(rates), ratesSet, looks };
}
