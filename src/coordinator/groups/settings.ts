/** What `server.properties` says about groups. */
export type GroupSettings = {
  /** `group.initial.rebalance.delay.ms` */
  readonly initialRebalanceDelayMs: number;
  /** `group.min.session.timeout.ms` */
  readonly minSessionTimeoutMs: number;
  /** `group.max.session.timeout.ms` */
  readonly maxSessionTimeoutMs: number;
  /** `group.max.size` */
  readonly maxMembers: number;
  /** `offsets.retention.minutes`, in milliseconds */
  readonly offsetsRetentionMs: number;
  /** `offsets.retention.check.interval.ms` */
  readonly offsetsRetentionCheckMs: number;
  /** `offset.metadata.max.bytes` */
  readonly offsetMetadataMaxBytes: number;
};

/** Apache's defaults. */
export const defaultGroupSettings: GroupSettings = {
  initialRebalanceDelayMs: 3000,
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  maxMembers: 0x7fffffff,
  offsetsRetentionMs: 7 * 24 * 3600 * 1000,
  offsetsRetentionCheckMs: 600_000,
  offsetMetadataMaxBytes: 4096,
};
