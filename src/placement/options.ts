/** What bounds a plan. Every part has a default; fractions are of the capacity or of the share. */
export type PlanOptions = {
  /** Chance of the search: the same seed gives the same plan. */
  readonly seed: number;
  /** Each broker's load ends within this fraction of its share, where the partitions allow it. */
  readonly band: number;
  /** A rebalance starts only when some broker is further than this fraction from its share. */
  readonly trigger: number;
  /** A rebalance is proposed only when some broker out of `trigger` comes nearer by this fraction of its share. */
  readonly leastGain: number;
  /** Sizes and rates that change by no more than this fraction are noise: they do not bring a finished plan back. */
  readonly noise: number;
  /** Hard limits of use, as fractions of the capacities given. */
  readonly use: { readonly disk: number; readonly in: number; readonly out: number; readonly cpu: number };
  /** Use of disk that must never be passed even while old and new copies exist side by side. */
  readonly transientDiskUse: number;
  /** Most bytes that may be copied; Infinity: no limit. What repairs need comes first. */
  readonly maxBytes: number;
  /** Most replicas that may be copied. */
  readonly maxMoves: number;
  readonly batch: BatchLimits;
  /** Milliseconds after which a broker that is away counts as dead. */
  readonly deadAfterMs: number;
  /** Repairs may put a second copy into a zone when a zone is lost. */
  readonly sameZoneAllowed: boolean;
  /** Most brokers that share partitions with one broker; undefined: no limit. */
  readonly scatterWidth: number | undefined;
};

export type BatchLimits = {
  /** Replicas copied at once to one broker while a batch runs: who carries the plan out keeps to it. */
  readonly movesPerBroker: number;
  /** Partitions changed by one batch. */
  readonly partitions: number;
  /** Bytes copied by one batch. */
  readonly bytes: number;
  /** Bytes per second that a broker sends or receives for copies; for estimates of time and of growth. */
  readonly throttle: number;
};

export const defaultOptions: PlanOptions = {
  seed: 1,
  band: 0.05,
  trigger: 0.12,
  leastGain: 0.1,
  noise: 0.03,
  use: { disk: 0.85, in: 0.8, out: 0.8, cpu: 0.7 },
  transientDiskUse: 0.95,
  maxBytes: Number.POSITIVE_INFINITY,
  maxMoves: Number.POSITIVE_INFINITY,
  batch: { movesPerBroker: 10, partitions: 1000, bytes: Number.POSITIVE_INFINITY, throttle: 50e6 },
  deadAfterMs: 15 * 60_000,
  sameZoneAllowed: false,
  scatterWidth: undefined,
};
