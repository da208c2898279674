import { array, bool, bytes, float64, int8, int16, int32, int64, list, string, uint16, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Drops the metadata transaction that is open. */
export const abortTransactionRecord = message({
  name: 'AbortTransactionRecord',
  versions: '0',
  flexible: '0+',
  fields: { reason: string({ nullable: true, tag: 0, default: null }) },
});

/** An access control entry. */
export const accessControlEntryRecord = message({
  name: 'AccessControlEntryRecord',
  versions: '0',
  flexible: '0+',
  fields: {
    id: uuid(),
    resourceType: int8(),
    resourceName: string(),
    patternType: int8(),
    principal: string(),
    host: string(),
    operation: int8(),
    permissionType: int8(),
  },
});

/** Opens a metadata transaction: apply nothing until it ends. */
export const beginTransactionRecord = message({
  name: 'BeginTransactionRecord',
  versions: '0',
  flexible: '0+',
  fields: { name: string({ nullable: true, tag: 0, default: null }) },
});

/** A broker becomes fenced, unfenced, or begins to shut down. */
export const brokerRegistrationChangeRecord = message({
  name: 'BrokerRegistrationChangeRecord',
  versions: '0-2',
  flexible: '0+',
  fields: {
    brokerId: int32(),
    brokerEpoch: int64(),
    fenced: int8({ tag: 0 }),
    inControlledShutdown: int8({ versions: '1+', tag: 1 }),
    logDirs: array(uuid(), { versions: '2+', tag: 2 }),
  },
});

/** A quota. */
export const clientQuotaRecord = message({
  name: 'ClientQuotaRecord',
  versions: '0',
  flexible: '0+',
  fields: {
    entity: list({ entityType: string(), entityName: string({ nullable: true }) }),
    key: string(),
    value: float64(),
    remove: bool(),
  },
});

/** A setting of a resource; a null value removes it. */
export const configRecord = message({
  name: 'ConfigRecord',
  versions: '0',
  flexible: '0+',
  fields: { resourceType: int8(), resourceName: string(), name: string(), value: string({ nullable: true }) },
});

/** A delegation token. */
export const delegationTokenRecord = message({
  name: 'DelegationTokenRecord',
  versions: '0',
  flexible: '0+',
  fields: {
    owner: string(),
    requester: string(),
    renewers: array(string()),
    issueTimestamp: int64(),
    maxTimestamp: int64(),
    expirationTimestamp: int64(),
    tokenId: string(),
  },
});

/** Applies the metadata transaction that is open. */
export const endTransactionRecord = message({
  name: 'EndTransactionRecord',
  versions: '0',
  flexible: '0+',
  fields: {},
});

/** A finalized feature level. */
export const featureLevelRecord = message({
  name: 'FeatureLevelRecord',
  versions: '0',
  flexible: '0+',
  fields: { name: string(), featureLevel: int16() },
});

/** A broker is fenced; written by old controllers. */
export const fenceBrokerRecord = message({
  name: 'FenceBrokerRecord',
  versions: '0',
  flexible: '0+',
  fields: { id: int32(), epoch: int64() },
});

/** Nothing; shows that the quorum is alive. */
export const noOpRecord = message({
  name: 'NoOpRecord',
  versions: '0',
  flexible: '0+',
  fields: {},
});

/** A change of a partition; what is null stays. */
export const partitionChangeRecord = message({
  name: 'PartitionChangeRecord',
  versions: '0-2',
  flexible: '0+',
  fields: {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    isr: array(int32(), { nullable: true, tag: 0, default: null }),
    leader: int32({ tag: 1, default: -2 }),
    replicas: array(int32(), { nullable: true, tag: 2, default: null }),
    removingReplicas: array(int32(), { nullable: true, tag: 3, default: null }),
    addingReplicas: array(int32(), { nullable: true, tag: 4, default: null }),
    leaderRecoveryState: int8({ tag: 5, default: -1 }),
    directories: array(uuid(), { versions: '1+', nullable: true, tag: 8, default: null }),
    eligibleLeaderReplicas: array(int32(), { versions: '2+', nullable: true, tag: 6, default: null }),
    lastKnownElr: array(int32(), { versions: '2+', nullable: true, tag: 7, default: null }),
  },
});

/** A partition. */
export const partitionRecord = message({
  name: 'PartitionRecord',
  versions: '0-2',
  flexible: '0+',
  fields: {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    replicas: array(int32()),
    isr: array(int32()),
    removingReplicas: array(int32()),
    addingReplicas: array(int32()),
    leader: int32({ default: -1 }),
    leaderRecoveryState: int8({ tag: 0 }),
    leaderEpoch: int32({ default: -1 }),
    partitionEpoch: int32({ default: -1 }),
    directories: array(uuid(), { versions: '1+' }),
    eligibleLeaderReplicas: array(int32(), { versions: '2+', nullable: true, tag: 1, default: null }),
    lastKnownElr: array(int32(), { versions: '2+', nullable: true, tag: 2, default: null }),
  },
});

/** The next producer id that is free. */
export const producerIdsRecord = message({
  name: 'ProducerIdsRecord',
  versions: '0',
  flexible: '0+',
  fields: { brokerId: int32(), brokerEpoch: int64({ default: -1 }), nextProducerId: int64() },
});

/** A broker's registration. */
export const registerBrokerRecord = message({
  name: 'RegisterBrokerRecord',
  versions: '0-3',
  flexible: '0+',
  fields: {
    brokerId: int32(),
    isMigratingZkBroker: bool({ versions: '2+' }),
    incarnationId: uuid(),
    brokerEpoch: int64(),
    endPoints: list({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: list({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    rack: string({ nullable: true }),
    fenced: bool({ default: true }),
    inControlledShutdown: bool({ versions: '1+' }),
    logDirs: array(uuid(), { versions: '3+', tag: 0 }),
  },
});

/** A controller's registration. */
export const registerControllerRecord = message({
  name: 'RegisterControllerRecord',
  versions: '0',
  flexible: '0+',
  fields: {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    endPoints: list({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: list({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
});

/** Removes an access control entry by id. */
export const removeAccessControlEntryRecord = message({
  name: 'RemoveAccessControlEntryRecord',
  versions: '0',
  flexible: '0+',
  fields: { id: uuid() },
});

/** Removes a delegation token. */
export const removeDelegationTokenRecord = message({
  name: 'RemoveDelegationTokenRecord',
  versions: '0',
  flexible: '0+',
  fields: { tokenId: string() },
});

/** Removes a topic. */
export const removeTopicRecord = message({
  name: 'RemoveTopicRecord',
  versions: '0',
  flexible: '0+',
  fields: { topicId: uuid() },
});

/** Removes a SCRAM credential. */
export const removeUserScramCredentialRecord = message({
  name: 'RemoveUserScramCredentialRecord',
  versions: '0',
  flexible: '0+',
  fields: { name: string(), mechanism: int8() },
});

/** A topic: its name and id. */
export const topicRecord = message({
  name: 'TopicRecord',
  versions: '0',
  flexible: '0+',
  fields: { name: string(), topicId: uuid() },
});

/** A broker is unfenced; written by old controllers. */
export const unfenceBrokerRecord = message({
  name: 'UnfenceBrokerRecord',
  versions: '0',
  flexible: '0+',
  fields: { id: int32(), epoch: int64() },
});

/** Removes a broker's registration. */
export const unregisterBrokerRecord = message({
  name: 'UnregisterBrokerRecord',
  versions: '0',
  flexible: '0+',
  fields: { brokerId: int32(), brokerEpoch: int64() },
});

/** A SCRAM credential. */
export const userScramCredentialRecord = message({
  name: 'UserScramCredentialRecord',
  versions: '0',
  flexible: '0+',
  fields: {
    name: string(),
    mechanism: int8(),
    salt: bytes(),
    storedKey: bytes(),
    serverKey: bytes(),
    iterations: int32(),
  },
});

/** State of the migration from ZooKeeper. */
export const zkMigrationStateRecord = message({
  name: 'ZkMigrationStateRecord',
  versions: '0',
  flexible: '0+',
  fields: { zkMigrationState: int8() },
});
