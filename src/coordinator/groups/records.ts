import { groupRecords } from '../../protocol/kafka/index.ts';
import type { CoordinatorRecord } from '../effects.ts';
import type { CommittedOffset } from './committed-offsets.ts';
import { type Group, metadataFor } from './group.ts';

/** Versions that Apache writes since 2.1, and that every later version reads. */
const offsetKeyVersion = 1;
const offsetValueVersion = 3;
/** With an expiry of its own, for the clients that asked for a retention. */
const expiringOffsetValueVersion = 1;
const groupKeyVersion = 2;
const groupValueVersion = 3;

function versioned(version: number, bytes: Buffer): Buffer {
  const prefixed = Buffer.allocUnsafe(2 + bytes.length);
  prefixed.writeInt16BE(version);
  bytes.copy(prefixed, 2);
  return prefixed;
}

const offsetKey = (groupId: string, topic: string, partition: number): Buffer =>
  versioned(
    offsetKeyVersion,
    groupRecords.offsetCommitKey.encode(offsetKeyVersion, { group: groupId, topic, partition }),
  );

const groupKey = (groupId: string): Buffer =>
  versioned(groupKeyVersion, groupRecords.groupMetadataKey.encode(groupKeyVersion, { group: groupId }));

export function offsetRecord(
  groupId: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
): CoordinatorRecord {
  const version = committed.expiresMs === undefined ? offsetValueVersion : expiringOffsetValueVersion;
  const value = groupRecords.offsetCommitValue.encode(version, {
    offset: committed.offset,
    leaderEpoch: committed.leaderEpoch,
    metadata: committed.metadata,
    commitTimestamp: committed.committedMs,
    expireTimestamp: committed.expiresMs ?? -1,
  });
  return { key: offsetKey(groupId, topic, partition), value: versioned(version, value) };
}

export const offsetTombstone = (groupId: string, topic: string, partition: number): CoordinatorRecord => ({
  key: offsetKey(groupId, topic, partition),
  value: null,
});

export const groupTombstone = (groupId: string): CoordinatorRecord => ({ key: groupKey(groupId), value: null });

/** @param assignments  those that are about to hold; absent: those that the members have */
export function groupRecord(group: Group, assignments?: ReadonlyMap<string, Buffer>): CoordinatorRecord {
  const value = groupRecords.groupMetadataValue.encode(groupValueVersion, {
    protocolType: group.protocolType ?? '',
    generation: group.generation,
    protocol: group.protocolName,
    leader: group.leaderId,
    currentStateTimestamp: group.stateSinceMs ?? -1,
    members: [...group.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: metadataFor(member, group.protocolName),
      assignment: assignments === undefined ? member.assignment : (assignments.get(member.id) ?? noBytes),
    })),
  });
  return { key: groupKey(group.id), value: versioned(groupValueVersion, value) };
}

const noBytes = Buffer.alloc(0);

export type ParsedRecord =
  | {
      readonly kind: 'offset';
      readonly groupId: string;
      readonly topic: string;
      readonly partition: number;
      readonly committed: CommittedOffset | null;
    }
  | { readonly kind: 'group'; readonly groupId: string; readonly group: GroupValue | null };

export type GroupValue = {
  readonly protocolType: string;
  readonly generation: number;
  readonly protocol: string | null;
  readonly leader: string | null;
  readonly currentStateTimestamp: number;
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    readonly rebalanceTimeout: number;
    readonly sessionTimeout: number;
    readonly subscription: Buffer;
    readonly assignment: Buffer;
  }[];
};

/** @returns undefined for a record of another kind, of a newer version, or one that cannot be read */
export function parseRecord(record: {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}): ParsedRecord | undefined {
  const { key, value } = record;
  if (key === null || key.length < 2) return undefined;
  const keyVersion = key.readInt16BE(0);
  if (keyVersion === 0 || keyVersion === 1) {
    const parsed = groupRecords.offsetCommitKey.decode(key, keyVersion, 2);
    if (!parsed.ok) return undefined;
    const { group, topic, partition } = parsed.value;
    const committed = value === null ? null : parseOffset(value);
    return committed === undefined ? undefined : { kind: 'offset', groupId: group, topic, partition, committed };
  }
  if (keyVersion !== groupKeyVersion) return undefined;
  const parsed = groupRecords.groupMetadataKey.decode(key, keyVersion, 2);
  if (!parsed.ok) return undefined;
  const group = value === null ? null : parseGroup(value);
  return group === undefined ? undefined : { kind: 'group', groupId: parsed.value.group, group };
}

function parseOffset(bytes: Buffer): CommittedOffset | undefined {
  const version = knownVersion(bytes, groupRecords.offsetCommitValue.versions.max);
  if (version === undefined) return undefined;
  const parsed = groupRecords.offsetCommitValue.decode(bytes, version, 2);
  if (!parsed.ok) return undefined;
  const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp } = parsed.value;
  return {
    offset,
    leaderEpoch,
    metadata,
    committedMs: commitTimestamp,
    expiresMs: expireTimestamp === -1 ? undefined : expireTimestamp,
  };
}

function parseGroup(bytes: Buffer): GroupValue | undefined {
  const version = knownVersion(bytes, groupRecords.groupMetadataValue.versions.max);
  if (version === undefined) return undefined;
  const parsed = groupRecords.groupMetadataValue.decode(bytes, version, 2);
  return parsed.ok ? parsed.value : undefined;
}

function knownVersion(bytes: Buffer, newest: number): number | undefined {
  if (bytes.length < 2) return undefined;
  const version = bytes.readInt16BE(0);
  return version < 0 || version > newest ? undefined : version;
}
