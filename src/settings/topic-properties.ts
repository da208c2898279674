import type { PropertyDefinition } from './definition.ts';

/**
 * Every topic-level property of Apache Kafka 3.9. `synonym` is the broker property whose value a topic without its
 * own takes.
 *
 * Source: `LogConfig` of Kafka 3.9.2, printed by `ConfigDef` itself.
 */
export const topicProperties = {
  'cleanup.policy': { type: 'list', fallback: 'delete', oneOf: ['compact', 'delete'], synonym: 'log.cleanup.policy' },
  'compression.gzip.level': { type: 'int', fallback: '-1', min: -1, max: 9, synonym: 'compression.gzip.level' },
  'compression.lz4.level': { type: 'int', fallback: '9', min: 1, max: 17, synonym: 'compression.lz4.level' },
  'compression.type': { type: 'string', fallback: 'producer', synonym: 'compression.type' },
  'compression.zstd.level': { type: 'int', fallback: '3', min: -131072, max: 22, synonym: 'compression.zstd.level' },
  'delete.retention.ms': { type: 'long', fallback: '86400000', min: 0, synonym: 'log.cleaner.delete.retention.ms' },
  'file.delete.delay.ms': { type: 'long', fallback: '60000', min: 0, synonym: 'log.segment.delete.delay.ms' },
  'flush.messages': { type: 'long', fallback: '9223372036854775807', min: 1, synonym: 'log.flush.interval.messages' },
  'flush.ms': { type: 'long', fallback: '9223372036854775807', min: 0, synonym: 'log.flush.interval.ms' },
  'follower.replication.throttled.replicas': { type: 'list', fallback: '' },
  'index.interval.bytes': { type: 'int', fallback: '4096', min: 0, synonym: 'log.index.interval.bytes' },
  'leader.replication.throttled.replicas': { type: 'list', fallback: '' },
  'local.retention.bytes': { type: 'long', fallback: '-2', min: -2, synonym: 'log.local.retention.bytes' },
  'local.retention.ms': { type: 'long', fallback: '-2', min: -2, synonym: 'log.local.retention.ms' },
  'max.compaction.lag.ms': {
    type: 'long',
    fallback: '9223372036854775807',
    min: 1,
    synonym: 'log.cleaner.max.compaction.lag.ms',
  },
  'max.message.bytes': { type: 'int', fallback: '1048588', min: 0, synonym: 'message.max.bytes' },
  'message.downconversion.enable': { type: 'boolean', fallback: 'true', synonym: 'log.message.downconversion.enable' },
  'message.format.version': { type: 'string', fallback: '3.0-IV1', synonym: 'log.message.format.version' },
  'message.timestamp.after.max.ms': {
    type: 'long',
    fallback: '9223372036854775807',
    min: 0,
    synonym: 'log.message.timestamp.after.max.ms',
  },
  'message.timestamp.before.max.ms': {
    type: 'long',
    fallback: '9223372036854775807',
    min: 0,
    synonym: 'log.message.timestamp.before.max.ms',
  },
  'message.timestamp.difference.max.ms': {
    type: 'long',
    fallback: '9223372036854775807',
    min: 0,
    synonym: 'log.message.timestamp.difference.max.ms',
  },
  'message.timestamp.type': {
    type: 'string',
    fallback: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    synonym: 'log.message.timestamp.type',
  },
  'min.cleanable.dirty.ratio': {
    type: 'double',
    fallback: '0.5',
    min: 0,
    max: 1,
    synonym: 'log.cleaner.min.cleanable.ratio',
  },
  'min.compaction.lag.ms': { type: 'long', fallback: '0', min: 0, synonym: 'log.cleaner.min.compaction.lag.ms' },
  'min.insync.replicas': { type: 'int', fallback: '1', min: 1, synonym: 'min.insync.replicas' },
  preallocate: { type: 'boolean', fallback: 'false', synonym: 'log.preallocate' },
  'remote.log.copy.disable': { type: 'boolean', fallback: 'false' },
  'remote.log.delete.on.disable': { type: 'boolean', fallback: 'false' },
  'remote.storage.enable': { type: 'boolean', fallback: 'false' },
  'retention.bytes': { type: 'long', fallback: '-1', synonym: 'log.retention.bytes' },
  'retention.ms': { type: 'long', fallback: '604800000', min: -1, synonym: 'log.retention.ms' },
  'segment.bytes': { type: 'int', fallback: '1073741824', min: 14, synonym: 'log.segment.bytes' },
  'segment.index.bytes': { type: 'int', fallback: '10485760', min: 4, synonym: 'log.index.size.max.bytes' },
  'segment.jitter.ms': { type: 'long', fallback: '0', min: 0, synonym: 'log.roll.jitter.ms' },
  'segment.ms': { type: 'long', fallback: '604800000', min: 1, synonym: 'log.roll.ms' },
  'unclean.leader.election.enable': { type: 'boolean', fallback: 'false', synonym: 'unclean.leader.election.enable' },
} as const satisfies Record<string, PropertyDefinition>;
