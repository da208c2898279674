import type { DimensionName } from '../../../src/placement/index.ts';
import type { Measured } from './measure.ts';

/** What a row must show; absent: nothing is asked. Seconds are CPU seconds: a busy machine lengthens only wall time. */
export type Limits = {
  readonly seconds?: number;
  readonly rssMiB?: number;
  /** Bytes over the lower bound; `bytes` and `copies` are absolute. */
  readonly ratio?: number;
  readonly bytes?: number;
  readonly copies?: number;
  /** Most brokers further than 5 % from their share, as a fraction. */
  readonly brokersOut?: number;
  /** Instead of all dimensions: none out in these. */
  readonly evenIn?: readonly DimensionName[];
  readonly most?: Partial<Readonly<Record<DimensionName, number>>>;
  readonly makespan?: number;
  readonly figures?: Readonly<Record<string, number>>;
};

/** One limit beside what was measured. */
export type Verdict = { readonly what: string; readonly limit: number; readonly is: number; readonly meets: boolean };

/** No row may break a hard goal or leave zones uneven, whatever else is asked of it. */
export function verdictsOf(limits: Limits, measured: Measured): Verdict[] {
  const verdicts: Verdict[] = [];
  const atMost = (what: string, is: number | undefined, limit: number | undefined): void => {
    if (limit !== undefined && is !== undefined) verdicts.push({ what, limit, is, meets: is <= limit });
  };
  atMost('s', measured.cpuMs / 1000, limits.seconds);
  atMost('MiB', measured.rssMiB, limits.rssMiB);
  atMost('x LB', measured.ratio, limits.ratio);
  atMost('bytes', measured.bytes, limits.bytes);
  atMost('copies', measured.copies, limits.copies);
  if (limits.brokersOut !== undefined) {
    atMost('brokers out of +-5 %', measured.brokersOut, Math.floor(limits.brokersOut * measured.brokers));
  }
  for (const name of limits.evenIn ?? []) atMost(`${name} out of +-5 %`, measured.loads[name].out, 0);
  for (const [name, limit] of Object.entries(limits.most ?? {})) {
    atMost(`${name} max/mean`, measured.loads[name as DimensionName].most, limit);
  }
  atMost('makespan x LB', measured.makespan, limits.makespan);
  for (const [name, limit] of Object.entries(limits.figures ?? {})) {
    // A figure that is not there is no figure that is met.
    atMost(name, measured.figures?.[name] ?? Number.POSITIVE_INFINITY, limit);
  }
  atMost('hard goals broken', measured.violations, 0);
  atMost('zones uneven', measured.zoneViolations, 0);
  return verdicts;
}
