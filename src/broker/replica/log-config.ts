import type { LogConfig } from '../../log/index.ts';
import type { TopicSettings } from '../../settings/index.ts';

const bounded = (value: number | bigint): number => Math.min(Number(value), Number.MAX_SAFE_INTEGER);

/** A topic's settings in the log's words. */
export function logConfigOf(settings: TopicSettings): LogConfig {
  const policy = settings.get('cleanup.policy');
  return {
    segmentBytes: bounded(settings.get('segment.bytes')),
    segmentMs: bounded(settings.get('segment.ms')),
    segmentIndexBytes: bounded(settings.get('segment.index.bytes')),
    indexIntervalBytes: bounded(settings.get('index.interval.bytes')),
    maxMessageBytes: bounded(settings.get('max.message.bytes')),
    retentionMs: bounded(settings.get('retention.ms')),
    retentionBytes: bounded(settings.get('retention.bytes')),
    deletes: policy.includes('delete'),
    compacts: policy.includes('compact'),
    timestampType: settings.get('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: bounded(settings.get('message.timestamp.before.max.ms')),
    timestampAfterMaxMs: bounded(settings.get('message.timestamp.after.max.ms')),
    minInSyncReplicas: bounded(settings.get('min.insync.replicas')),
    flushMessages: bounded(settings.get('flush.messages')),
    flushMs: bounded(settings.get('flush.ms')),
  };
}
