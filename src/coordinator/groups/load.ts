import type { Context } from './context.ts';
import type { Group } from './group.ts';
import { heard, prepareRebalance } from './rebalance.ts';
import { type GroupValue, parseRecord } from './records.ts';

/** Applies one record of the log. Source: GroupMetadataManager.replay, OffsetMetadataManager.replay. */
export function replay(
  context: Context,
  record: { readonly key: Buffer | null; readonly value: Buffer | null },
  producerId: number | undefined,
): void {
  const parsed = parseRecord(record);
  if (parsed === undefined) return;
  if (parsed.kind === 'group') {
    replayGroup(context, parsed.groupId, parsed.group);
    return;
  }
  const { groupId, topic, partition, committed } = parsed;
  const group = context.groups.get(groupId);
  if (committed === null) {
    group?.offsets.delete(topic, partition);
    group?.offsets.deletePending(topic, partition);
    return;
  }
  const { offsets } = group ?? context.createGroup(groupId);
  if (producerId === undefined) offsets.set(topic, partition, committed);
  else offsets.setPending(producerId, topic, partition, committed);
}

function replayGroup(context: Context, groupId: string, value: GroupValue | null): void {
  const known = context.groups.get(groupId);
  if (value === null) {
    if (known === undefined) return;
    if (known.offsets.isEmpty) context.dropGroup(known);
    else fill(context, known, nobody);
    return;
  }
  fill(context, known ?? context.createGroup(groupId), value);
}

const nobody: GroupValue = {
  protocolType: '',
  generation: 0,
  protocol: null,
  leader: null,
  currentStateTimestamp: -1,
  members: [],
};

function fill(context: Context, group: Group, value: GroupValue): void {
  for (const member of group.members.values()) member.session.clear();
  group.members.clear();
  group.staticMembers.clear();
  group.protocolType = value.protocolType === '' ? null : value.protocolType;
  group.generation = value.generation;
  group.protocolName = value.protocol;
  group.leaderId = value.leader;
  group.stateSinceMs = value.currentStateTimestamp === -1 ? undefined : value.currentStateTimestamp;
  group.previousState = 'empty';
  group.state = value.members.length === 0 ? 'empty' : 'stable';
  for (const each of value.members) {
    const { memberId: id, groupInstanceId: instanceId } = each;
    const member = context.createMember(group, {
      id,
      instanceId,
      clientId: each.clientId,
      clientHost: each.clientHost,
      rebalanceTimeoutMs: each.rebalanceTimeout === -1 ? each.sessionTimeout : each.rebalanceTimeout,
      sessionTimeoutMs: each.sessionTimeout,
      protocols: [{ name: value.protocol ?? '', metadata: Buffer.from(each.subscription) }],
      assignment: Buffer.from(each.assignment),
    });
    group.members.set(id, member);
    if (instanceId !== null) group.staticMembers.set(instanceId, id);
  }
}

/** Members that the log knows have a whole session to be heard of. */
export function loaded(context: Context, nowMs: number): void {
  for (const group of context.groups.values()) {
    for (const member of group.members.values()) heard(member, nowMs);
    if (group.members.size > context.settings.maxMembers) prepareRebalance(context, group, nowMs);
  }
}
