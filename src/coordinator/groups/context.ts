import { errorCode } from '../../protocol/kafka/index.ts';
import { Deadlines } from '../deadlines.ts';
import { Outbox } from '../outbox.ts';
import { CommittedOffsets } from './committed-offsets.ts';
import type { Group, Member, Waiting } from './group.ts';
import type { GroupSettings } from './settings.ts';

/** What all commands of one coordinator share. */
export class Context {
  readonly settings: GroupSettings;
  /** A text that nobody can guess and that never comes twice. */
  readonly newId: () => string;
  readonly groups = new Map<string, Group>();
  readonly outbox = new Outbox();
  readonly deadlines = new Deadlines();
  /** Ids that were given out with MEMBER_ID_REQUIRED, in all groups. */
  pendingCount = 0;
  /** Set once by `rebalance.ts`, called when the time of a phase is over. */
  private readonly phases: Phases;

  constructor(settings: GroupSettings, newId: () => string, phases: Phases) {
    this.settings = settings;
    this.newId = newId;
    this.phases = phases;
  }

  createGroup(id: string): Group {
    const group: Group = {
      id,
      state: 'empty',
      previousState: 'dead',
      stateSinceMs: undefined,
      protocolType: null,
      generation: 0,
      protocolName: null,
      leaderId: null,
      members: new Map(),
      staticMembers: new Map(),
      pendingMembers: new Map(),
      pendingSync: new Set(),
      hasNewMember: false,
      initialDelayLeftMs: 0,
      joinPhase: this.deadlines.add((nowMs) => this.phases.joinPhaseOver(this, group, nowMs)),
      syncPhase: this.deadlines.add((nowMs) => this.phases.syncPhaseOver(this, group, nowMs)),
      offsets: new CommittedOffsets(),
    };
    this.groups.set(id, group);
    return group;
  }

  createMember(group: Group, fields: Omit<Member, 'session' | 'joining' | 'syncing' | 'isNew'>): Member {
    const member: Member = {
      ...fields,
      joining: undefined,
      syncing: undefined,
      isNew: false,
      session: this.deadlines.add((nowMs) => this.phases.sessionOver(this, group, member, nowMs)),
    };
    return member;
  }

  /** An id that was given out is used, given back or forgotten. */
  dropPending(group: Group, memberId: string): void {
    const pending = group.pendingMembers.get(memberId);
    if (pending === undefined) return;
    pending.clear();
    group.pendingMembers.delete(memberId);
    this.pendingCount--;
  }

  /** The group is gone: nothing of it may happen any more. */
  dropGroup(group: Group): void {
    group.state = 'dead';
    group.joinPhase.clear();
    group.syncPhase.clear();
    for (const memberId of [...group.pendingMembers.keys()]) this.dropPending(group, memberId);
    for (const member of group.members.values()) member.session.clear();
    this.groups.delete(group.id);
  }

  /** Asking for a member id must not leave a group behind that never had anything. */
  dropIfNothing(group: Group): void {
    const isNothing = group.generation === 0 && group.state === 'empty' && group.pendingMembers.size === 0;
    if (isNothing && group.offsets.isEmpty) this.dropGroup(group);
  }

  refuseJoin(waiting: Waiting, code: number, memberId: string): void {
    this.outbox.reply(waiting.ticket, {
      api: 'joinGroup',
      body: {
        errorCode: code,
        protocolName: waiting.apiVersion >= 7 ? null : '',
        leader: '',
        memberId,
        members: [],
      },
    });
  }

  refuseSync(waiting: Waiting, code: number): void {
    this.outbox.reply(waiting.ticket, { api: 'syncGroup', body: { errorCode: code, assignment: noBytes } });
  }
}

export type Phases = {
  readonly joinPhaseOver: (context: Context, group: Group, nowMs: number) => void;
  readonly syncPhaseOver: (context: Context, group: Group, nowMs: number) => void;
  readonly sessionOver: (context: Context, group: Group, member: Member, nowMs: number) => void;
};

const noBytes = Buffer.alloc(0);

/**
 * Is this the member that it says it is? @returns 0, or why not
 *
 * Source: ClassicGroup.validateMember.
 */
export function memberProblem(group: Group, memberId: string, instanceId: string | null): number {
  if (instanceId !== null) {
    const known = group.staticMembers.get(instanceId);
    if (known === undefined) return errorCode.UNKNOWN_MEMBER_ID;
    if (known !== memberId) return errorCode.FENCED_INSTANCE_ID;
  }
  return group.members.has(memberId) ? errorCode.NONE : errorCode.UNKNOWN_MEMBER_ID;
}

/** What an append's failure means to somebody who talks to a coordinator. Source: GroupMetadataManager's error conversions. */
export function coordinatorError(appendError: number): number {
  switch (appendError) {
    case errorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case errorCode.NOT_ENOUGH_REPLICAS:
    case errorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case errorCode.REQUEST_TIMED_OUT:
      return errorCode.COORDINATOR_NOT_AVAILABLE;
    case errorCode.NOT_LEADER_OR_FOLLOWER:
    case errorCode.KAFKA_STORAGE_ERROR:
      return errorCode.NOT_COORDINATOR;
    case errorCode.MESSAGE_TOO_LARGE:
    case errorCode.RECORD_LIST_TOO_LARGE:
    case errorCode.INVALID_FETCH_SIZE:
      return errorCode.UNKNOWN_SERVER_ERROR;
    default:
      return appendError;
  }
}
