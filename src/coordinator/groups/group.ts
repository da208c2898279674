import type { Deadline } from '../deadlines.ts';
import type { Ticket } from '../effects.ts';
import type { CommittedOffsets } from './committed-offsets.ts';

/**
 *   empty ──join──▶ preparing ──all joined, or time──▶ completing ──leader's sync is stored──▶ stable
 *     ▲                │  ▲                                │                                     │
 *     │                │  └──── join, leave, expiry ───────┴─────────────────────────────────────┘
 *     └── nobody left ─┘                                       dead: deleted, holds no state any more
 *
 * Source: ClassicGroupState.java; the names on the wire are in `stateNames`.
 */
export type GroupState = 'empty' | 'preparing' | 'completing' | 'stable' | 'dead';

export const stateNames = {
  empty: 'Empty',
  preparing: 'PreparingRebalance',
  completing: 'CompletingRebalance',
  stable: 'Stable',
  dead: 'Dead',
} as const satisfies Record<GroupState, string>;

/** A request that waits; its version decides about the form of an error. */
export type Waiting = { readonly ticket: Ticket; readonly apiVersion: number };

export type Protocol = { readonly name: string; readonly metadata: Buffer };

/** Mutable: owned by its group. */
export type Member = {
  id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  /** In the member's order of preference. */
  protocols: readonly Protocol[];
  assignment: Buffer;
  /** The JoinGroup request that waits for the rebalance to end. */
  joining: Waiting | undefined;
  /** The SyncGroup request that waits for the leader. */
  syncing: Waiting | undefined;
  /** Has never been told of a generation, so it cannot send heartbeats yet. */
  isNew: boolean;
  readonly session: Deadline;
};

/** Mutable: owned by the coordinator of its partition, which is one owner. */
export type Group = {
  readonly id: string;
  state: GroupState;
  previousState: GroupState;
  /** When it entered the state; undefined: unknown, from an old record. */
  stateSinceMs: number | undefined;
  /** Null: never had members, only offsets. */
  protocolType: string | null;
  generation: number;
  protocolName: string | null;
  leaderId: string | null;
  readonly members: Map<string, Member>;
  /** Member id by group.instance.id. */
  readonly staticMembers: Map<string, string>;
  /** Ids that were given out with MEMBER_ID_REQUIRED and have not come back yet. */
  readonly pendingMembers: Map<string, Deadline>;
  /** Members of this generation that have not asked for their assignment yet. */
  readonly pendingSync: Set<string>;
  /** Somebody came during the initial delay. */
  hasNewMember: boolean;
  /** What is left of the first member's rebalance time-out after the initial delay. */
  initialDelayLeftMs: number;
  /** End of the join phase. */
  readonly joinPhase: Deadline;
  /** End of the sync phase. */
  readonly syncPhase: Deadline;
  readonly offsets: CommittedOffsets;
};

export const awaitingJoin = (group: Group): number => {
  let count = 0;
  for (const member of group.members.values()) if (member.joining !== undefined) count++;
  return count;
};

export const hasEveryoneJoined = (group: Group): boolean =>
  group.pendingMembers.size === 0 && awaitingJoin(group) === group.members.size;

/** The longest that any member asks for. */
export const rebalanceTimeoutMs = (group: Group): number =>
  Math.max(0, ...[...group.members.values()].map((member) => member.rebalanceTimeoutMs));

/** Could a member with these protocols live in the group? */
export function supportsProtocols(group: Group, protocolType: string, protocols: readonly Protocol[]): boolean {
  if (protocolType === '' || protocols.length === 0) return false;
  if (group.members.size === 0) return true;
  if (group.protocolType !== protocolType) return false;
  const common = commonProtocols(group);
  return protocols.some((protocol) => common.has(protocol.name));
}

function commonProtocols(group: Group): ReadonlySet<string> {
  let common: Set<string> | undefined;
  for (const { protocols } of group.members.values()) {
    const names = new Set<string>();
    for (const { name } of protocols) if (common === undefined || common.has(name)) names.add(name);
    common = names;
  }
  return common ?? new Set();
}

/** Every member votes for the first of its protocols that all have; the most votes win. */
export function votedProtocol(group: Group): string | null {
  const common = commonProtocols(group);
  const votes = new Map<string, number>();
  for (const { protocols } of group.members.values()) {
    const choice = protocols.find((protocol) => common.has(protocol.name));
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let winner: string | null = null;
  for (const [name, count] of votes) if (winner === null || count > (votes.get(winner) as number)) winner = name;
  return winner;
}

const noBytes = Buffer.alloc(0);

export const metadataFor = (member: Member, protocolName: string | null): Buffer =>
  member.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? noBytes;

export const sameProtocols = (one: readonly Protocol[], other: readonly Protocol[]): boolean =>
  one.length === other.length &&
  one.every((protocol, index) => {
    const match = other[index];
    return match?.name === protocol.name && match.metadata.equals(protocol.metadata);
  });

export function enterState(group: Group, state: GroupState, nowMs: number): void {
  group.previousState = group.state;
  group.state = state;
  group.stateSinceMs = nowMs;
}
