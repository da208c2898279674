import { errorCode } from '../../protocol/kafka/index.ts';
import type { AppendId, Effect } from '../effects.ts';
import { Context } from './context.ts';
import { describeGroup, listedGroup } from './describe.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { heartbeat } from './heartbeat.ts';
import { joinGroup } from './join.ts';
import { leaveGroup } from './leave.ts';
import { loaded, replay } from './load.ts';
import { fetchOffsets, offsetCommit, offsetDelete, txnOffsetCommit } from './offsets.ts';
import { joinPhaseOver, sessionOver, syncPhaseOver } from './rebalance.ts';
import { deleteGroups, expireOffsets, topicDeleted } from './removal.ts';
import type { GroupSettings } from './settings.ts';
import { syncGroup } from './sync.ts';

/**
 * The groups of one partition of `__consumer_offsets`, empty until records are replayed.
 *
 * @param newId  gives a text that nobody can guess and that never comes twice; member ids end with it
 */
export function createGroupCoordinator(settings: GroupSettings, newId: () => string): GroupCoordinator {
  const context = new Context(settings, newId, { joinPhaseOver, syncPhaseOver, sessionOver });
  const { outbox, deadlines, groups } = context;
  const expiry = deadlines.add((nowMs) => {
    expireOffsets(context, nowMs);
    expiry.set(nowMs + settings.offsetsRetentionCheckMs);
  });
  /** Runs one step and hands out what it caused. */
  const step = (run: () => void): readonly Effect[] => {
    run();
    return outbox.drain();
  };
  return {
    replay: (record, producerId) => replay(context, record, producerId),
    replayMarker: (producerId, outcome) => {
      for (const group of groups.values()) group.offsets.endTransaction(producerId, outcome);
    },
    loaded: (nowMs) =>
      step(() => {
        loaded(context, nowMs);
        expiry.set(nowMs + settings.offsetsRetentionCheckMs);
      }),
    unload: () => step(() => unload(context)),

    joinGroup: (caller, request, nowMs) => step(() => joinGroup(context, caller, request, nowMs)),
    syncGroup: (caller, request, nowMs) => step(() => syncGroup(context, caller, request, nowMs)),
    heartbeat: (caller, request, nowMs) =>
      step(() => {
        const body = { errorCode: heartbeat(context, request, nowMs) };
        outbox.reply(caller.ticket, { api: 'heartbeat', body });
      }),
    leaveGroup: (caller, request, nowMs) =>
      step(() => {
        const body = leaveGroup(context, caller, request, nowMs);
        outbox.reply(caller.ticket, { api: 'leaveGroup', body });
      }),
    offsetCommit: (caller, request, nowMs) => step(() => offsetCommit(context, caller, request, nowMs)),
    txnOffsetCommit: (caller, request, nowMs) => step(() => txnOffsetCommit(context, caller, request, nowMs)),
    offsetDelete: (caller, request) => step(() => offsetDelete(context, caller, request)),
    deleteGroups: (caller, groupIds) => step(() => deleteGroups(context, caller, groupIds)),
    topicDeleted: (topic) => step(() => topicDeleted(context, topic)),

    offsetFetch: (query) => fetchOffsets(context, query),
    describeGroup: (groupId) => describeGroup(groupId, groups.get(groupId)),
    listGroups: () => [...groups.values()].map(listedGroup),

    committed: (id: AppendId, nowMs) => step(() => outbox.committed(id, nowMs)),
    notCommitted: (id: AppendId, code, nowMs) => step(() => outbox.notCommitted(id, code, nowMs)),

    get nextTickMs() {
      return deadlines.nextMs;
    },
    tick: (nowMs) => step(() => deadlines.run(nowMs)),
  };
}

/** This broker is not the coordinator any more: whoever waits must look for the new one. */
function unload(context: Context): void {
  for (const group of [...context.groups.values()]) {
    for (const member of group.members.values()) {
      if (member.joining !== undefined) context.refuseJoin(member.joining, errorCode.NOT_COORDINATOR, member.id);
      if (member.syncing !== undefined) context.refuseSync(member.syncing, errorCode.NOT_COORDINATOR);
      member.joining = undefined;
      member.syncing = undefined;
    }
    context.dropGroup(group);
  }
  context.outbox.failAll(errorCode.NOT_LEADER_OR_FOLLOWER, 0);
}
