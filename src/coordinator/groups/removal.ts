import { errorCode } from '../../protocol/kafka/index.ts';
import type { CoordinatorRecord } from '../effects.ts';
import { type Context, coordinatorError } from './context.ts';
import type { Group } from './group.ts';
import type { Caller } from './group-coordinator.ts';
import { groupTombstone, offsetTombstone } from './records.ts';
import { subscribedTopics } from './subscription.ts';

/** Largest batch of tombstones that one step writes. */
const tombstonesPerAppend = 1000;

/** An offset that was dropped from memory and gets a tombstone. */
export type Dropped = { readonly groupId: string; readonly topic: string; readonly partition: number };

/** Takes an offset out of memory at once, also one that an open transaction would bring back. */
export function dropOffset(group: Group, topic: string, partition: number): Dropped {
  group.offsets.delete(topic, partition);
  group.offsets.deletePending(topic, partition);
  return { groupId: group.id, topic, partition };
}

/**
 * Stores tombstones. When they are committed the offsets are dropped once more: a commit that was written before them may
 * have been applied after, and in the log the tombstone has the last word.
 */
export function storeTombstones(
  context: Context,
  dropped: readonly Dropped[],
  groups: readonly string[],
  ended: (code: number) => void,
): void {
  const records: CoordinatorRecord[] = [
    ...dropped.map(({ groupId, topic, partition }) => offsetTombstone(groupId, topic, partition)),
    ...groups.map(groupTombstone),
  ];
  if (records.length === 0) {
    ended(errorCode.NONE);
    return;
  }
  context.outbox.append(records, {
    committed: () => {
      for (const { groupId, topic, partition } of dropped) {
        context.groups.get(groupId)?.offsets.delete(topic, partition);
      }
      ended(errorCode.NONE);
    },
    notCommitted: (code) => ended(coordinatorError(code)),
  });
}

/** DeleteGroups: only groups without members. They are gone at once; the answer waits for the tombstones. */
export function deleteGroups(context: Context, caller: Caller, groupIds: readonly string[]): void {
  const results: { groupId: string; errorCode: number }[] = [];
  const dropped: Dropped[] = [];
  for (const groupId of groupIds) {
    const group = context.groups.get(groupId);
    if (group === undefined || group.state !== 'empty') {
      const code = group === undefined ? errorCode.GROUP_ID_NOT_FOUND : errorCode.NON_EMPTY_GROUP;
      results.push({ groupId, errorCode: code });
      continue;
    }
    results.push({ groupId, errorCode: errorCode.NONE });
    for (const { topic, partition } of [...group.offsets.all()]) dropped.push(dropOffset(group, topic, partition));
    context.dropGroup(group);
  }
  const gone = results.filter((each) => each.errorCode === errorCode.NONE);
  storeTombstones(
    context,
    dropped,
    gone.map((each) => each.groupId),
    (code) => {
      for (const each of gone) each.errorCode = code;
      context.outbox.reply(caller.ticket, { api: 'deleteGroups', body: { results } });
    },
  );
}

/** Offsets of a topic that is no more. */
export function topicDeleted(context: Context, topic: string): void {
  const dropped: Dropped[] = [];
  for (const group of context.groups.values()) {
    for (const each of [...group.offsets.all()]) {
      if (each.topic === topic) dropped.push(dropOffset(group, topic, each.partition));
    }
  }
  storeInParts(context, dropped, []);
}

/**
 * Drops offsets that nobody has used for the retention time, and groups that hold nothing any more.
 * Source: OffsetMetadataManager.cleanupExpiredOffsets, KIP-211.
 */
export function expireOffsets(context: Context, nowMs: number): void {
  const dropped: Dropped[] = [];
  const gone: string[] = [];
  for (const group of [...context.groups.values()]) {
    const isExpired = expiryOf(context, group, nowMs);
    for (const { topic, partition, committed } of [...group.offsets.all()]) {
      if (group.offsets.isPending(topic, partition)) continue;
      const { expiresMs, committedMs } = committed;
      const isOver = expiresMs === undefined ? isExpired(topic, committedMs) : nowMs >= expiresMs;
      if (isOver) dropped.push(dropOffset(group, topic, partition));
    }
    if (group.state !== 'empty' || !group.offsets.isEmpty || group.pendingMembers.size > 0) continue;
    if (group.generation > 0) gone.push(group.id);
    context.dropGroup(group);
  }
  storeInParts(context, dropped, gone);
}

function expiryOf(context: Context, group: Group, nowMs: number): (topic: string, committedMs: number) => boolean {
  const { offsetsRetentionMs } = context.settings;
  const isOld = (sinceMs: number): boolean => nowMs - sinceMs >= offsetsRetentionMs;
  if (group.protocolType === null || group.protocolType === '') return (_, committedMs) => isOld(committedMs);
  if (group.state === 'empty') {
    const since = group.stateSinceMs;
    return (_, committedMs) => isOld(since ?? committedMs);
  }
  const subscribed = group.state === 'stable' ? subscribedTopics(group) : undefined;
  if (subscribed === undefined) return () => false;
  return (topic, committedMs) => !subscribed.has(topic) && isOld(committedMs);
}

/** Nobody waits. Should a tombstone fail to be stored, the next coordinator finds the offset and drops it in its turn. */
function storeInParts(context: Context, dropped: readonly Dropped[], groups: readonly string[]): void {
  const ignore = (): void => {};
  for (let from = 0; from < dropped.length; from += tombstonesPerAppend) {
    storeTombstones(context, dropped.slice(from, from + tombstonesPerAppend), [], ignore);
  }
  for (let from = 0; from < groups.length; from += tombstonesPerAppend) {
    storeTombstones(context, [], groups.slice(from, from + tombstonesPerAppend), ignore);
  }
}
