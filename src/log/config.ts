/** A partition's settings as the log needs them, under the topic settings' own names. */
export type LogConfig = {
  /** `segment.bytes` */
  readonly segmentBytes: number;
  /** `segment.ms` */
  readonly segmentMs: number;
  /** `segment.index.bytes` */
  readonly segmentIndexBytes: number;
  /** `index.interval.bytes` */
  readonly indexIntervalBytes: number;
  /** `max.message.bytes`: of a whole batch */
  readonly maxMessageBytes: number;
  /** `retention.ms`; -1: for ever */
  readonly retentionMs: number;
  /** `retention.bytes`; -1: no limit */
  readonly retentionBytes: number;
  /** `cleanup.policy` contains `delete` */
  readonly deletes: boolean;
  /** `cleanup.policy` contains `compact`: every record must have a key */
  readonly compacts: boolean;
  /** `message.timestamp.type` */
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** `message.timestamp.before.max.ms` */
  readonly timestampBeforeMaxMs: number;
  /** `message.timestamp.after.max.ms` */
  readonly timestampAfterMaxMs: number;
  /** `min.insync.replicas`: not the log's own business; kept here with the topic's other settings. */
  readonly minInSyncReplicas: number;
  /** `flush.messages`: sync after so many records, whoever waits. */
  readonly flushMessages: number;
  /** `flush.ms`: sync at least so often while there is something to sync. */
  readonly flushMs: number;
};

/** Apache Kafka's defaults. */
export const defaultLogConfig: LogConfig = {
  segmentBytes: 1024 ** 3,
  segmentMs: 7 * 24 * 3_600_000,
  segmentIndexBytes: 10 * 1024 ** 2,
  indexIntervalBytes: 4096,
  maxMessageBytes: 1_048_588,
  retentionMs: 7 * 24 * 3_600_000,
  retentionBytes: -1,
  deletes: true,
  compacts: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  minInSyncReplicas: 1,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
};
