/**
 * What a role measures, read when somebody asks: hot paths count in plain numbers, and `platform/health.ts` turns a
 * reading into Prometheus' text with prom-client.
 */
export interface Metric {
  /** Prometheus' rules: `[a-z_:][a-z0-9_:]*`, counters end in `_total`, base units. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** Every sample of one metric has the same label names. */
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

export type MetricSource = () => readonly Metric[];
