import { array, bytes, int8, int32, int64, list, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Key 8 of `__consumer_offsets`. */
export const consumerGroupCurrentMemberAssignmentKey = message({
  name: 'ConsumerGroupCurrentMemberAssignmentKey',
  versions: '8',

  fields: { groupId: string(), memberId: string() },
});

/** What a member of a consumer group owns now. */
export const consumerGroupCurrentMemberAssignmentValue = message({
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: '0',
  flexible: '0+',
  fields: {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: list({ topicId: uuid(), partitions: array(int32()) }),
    partitionsPendingRevocation: list({ topicId: uuid(), partitions: array(int32()) }),
  },
});

/** Key 5 of `__consumer_offsets`. */
export const consumerGroupMemberMetadataKey = message({
  name: 'ConsumerGroupMemberMetadataKey',
  versions: '5',

  fields: { groupId: string(), memberId: string() },
});

/** What a member of a consumer group says of itself. */
export const consumerGroupMemberMetadataValue = message({
  name: 'ConsumerGroupMemberMetadataValue',
  versions: '0',
  flexible: '0+',
  fields: {
    instanceId: string({ nullable: true }),
    rackId: string({ nullable: true }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: string({ nullable: true }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: string({ nullable: true }),
    classicMemberMetadata: struct(
      { sessionTimeoutMs: int32(), supportedProtocols: list({ name: string(), metadata: bytes() }) },
      { nullable: true, tag: 0, default: null },
    ),
  },
});

/** Key 3 of `__consumer_offsets`. */
export const consumerGroupMetadataKey = message({
  name: 'ConsumerGroupMetadataKey',
  versions: '3',

  fields: { groupId: string() },
});

/** Epoch of a consumer group. */
export const consumerGroupMetadataValue = message({
  name: 'ConsumerGroupMetadataValue',
  versions: '0',
  flexible: '0+',
  fields: { epoch: int32() },
});

/** Key 4 of `__consumer_offsets`. */
export const consumerGroupPartitionMetadataKey = message({
  name: 'ConsumerGroupPartitionMetadataKey',
  versions: '4',

  fields: { groupId: string() },
});

/** The topics of a consumer group as its assignment saw them. */
export const consumerGroupPartitionMetadataValue = message({
  name: 'ConsumerGroupPartitionMetadataValue',
  versions: '0',
  flexible: '0+',
  fields: {
    topics: list({
      topicId: uuid(),
      topicName: string(),
      numPartitions: int32(),
      partitionMetadata: list({ partition: int32(), racks: array(string()) }),
    }),
  },
});

/** Key 7 of `__consumer_offsets`. */
export const consumerGroupTargetAssignmentMemberKey = message({
  name: 'ConsumerGroupTargetAssignmentMemberKey',
  versions: '7',

  fields: { groupId: string(), memberId: string() },
});

/** What a member of a consumer group shall own. */
export const consumerGroupTargetAssignmentMemberValue = message({
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  versions: '0',
  flexible: '0+',
  fields: { topicPartitions: list({ topicId: uuid(), partitions: array(int32()) }) },
});

/** Key 6 of `__consumer_offsets`. */
export const consumerGroupTargetAssignmentMetadataKey = message({
  name: 'ConsumerGroupTargetAssignmentMetadataKey',
  versions: '6',

  fields: { groupId: string() },
});

/** Epoch of a consumer group's target assignment. */
export const consumerGroupTargetAssignmentMetadataValue = message({
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: '0',
  flexible: '0+',
  fields: { assignmentEpoch: int32() },
});

/** Key 2 of `__consumer_offsets`. */
export const groupMetadataKey = message({
  name: 'GroupMetadataKey',
  versions: '2',

  fields: { group: string() },
});

/** A classic group: generation, protocol, members with their assignments. */
export const groupMetadataValue = message({
  name: 'GroupMetadataValue',
  versions: '0-4',
  flexible: '4+',
  fields: {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullable: true }),
    leader: string({ nullable: true }),
    currentStateTimestamp: int64({ versions: '2+', default: -1 }),
    members: list({
      memberId: string(),
      groupInstanceId: string({ versions: '3+', nullable: true, default: null }),
      clientId: string(),
      clientHost: string(),
      rebalanceTimeout: int32({ versions: '1+', default: -1 }),
      sessionTimeout: int32(),
      subscription: bytes(),
      assignment: bytes(),
    }),
  },
});

/** Keys 0 and 1 of `__consumer_offsets`; 1 is written. */
export const offsetCommitKey = message({
  name: 'OffsetCommitKey',
  versions: '0-1',

  fields: { group: string(), topic: string(), partition: int32() },
});

/** A committed offset. Version 1 has an expiry of its own, 3 the leader epoch. */
export const offsetCommitValue = message({
  name: 'OffsetCommitValue',
  versions: '0-4',
  flexible: '4+',
  fields: {
    offset: int64(),
    leaderEpoch: int32({ versions: '3+', default: -1 }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64({ versions: '1', default: -1 }),
  },
});
