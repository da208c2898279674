/**
 * Who belongs to an ensemble, step by step: pure, from what the servers themselves say now.
 *
 * A server joins as a learner, catches up, and becomes a voter; when all that are wanted vote, those that are not leave.
 * One change at a time, each checked by the ensemble against the version that this decision was made from. Whatever
 * interrupts it, the next look at the servers tells how to go on.
 *
 *     pod runs ──▶ learner ──▶ (all new ones have caught up) ──▶ voter ──▶ (not wanted any more) ──▶ gone, pod ends
 *                     ▲                                            │
 *                     └────────── removed: its volume is new ◀─────┘
 */
import type { MemberRole } from '../desired/zookeeper.ts';
import type { Membership } from '../observe/server-words.ts';
import type { ObservedServer } from '../observe/zookeeper.ts';
import type { Why } from './action.ts';

export type MemberStep =
  | { readonly kind: 'join'; readonly id: number; readonly as: MemberRole }
  | { readonly kind: 'leave'; readonly id: number };

export type EnsembleView = {
  readonly servers: ReadonlyMap<number, ObservedServer>;
  readonly leader: ObservedServer | undefined;
  /** Undefined: no leader says, or another server knows of a newer one. */
  readonly membership: Membership | undefined;
  /** In the order of their numbers. */
  readonly participants: readonly number[];
  /** Participants that follow or lead, and have caught up. */
  readonly voting: ReadonlySet<number>;
};

/** Who has this many transactions before it, or fewer, has caught up: so many are on their way under load. */
const nearTransactions = 1_000;

/** Undefined: one of the two does not tell. */
export function transactionsBehind(
  server: ObservedServer | undefined,
  leader: ObservedServer | undefined,
): number | undefined {
  if (leader?.committedOffset === undefined || server?.appliedOffset === undefined) return undefined;
  const behind = leader.committedOffset - server.appliedOffset;
  return behind <= nearTransactions ? 0 : behind;
}

export function ensembleView(servers: readonly ObservedServer[]): EnsembleView {
  const [leader] = servers
    .filter(({ mode }) => mode === 'leader' || mode === 'standalone')
    .sort((a, b) => (b.epoch ?? 0) - (a.epoch ?? 0));
  const said = leader?.membership;
  const isNewest = said !== undefined && servers.every(({ membership }) => (membership?.version ?? 0) <= said.version);
  const membership = isNewest ? said : undefined;
  const byId = new Map(servers.map((server) => [server.id, server]));
  const participants = [...(membership?.members ?? [])]
    .filter(([, role]) => role === 'participant')
    .map(([id]) => id)
    .sort((a, b) => a - b);
  const voting = participants.filter((id) => {
    const server = byId.get(id);
    return (server?.mode === 'leader' || server?.mode === 'follower') && transactionsBehind(server, leader) === 0;
  });
  return { servers: byId, leader, membership, participants, voting: new Set(voting) };
}

/**
 * How many pods there are to be: a new server's before it joins, a leaving server's until it has left.
 *
 * @param asked      the servers that are wanted
 * @param live       the pods that the StatefulSet makes now; undefined: there is none
 * @param isFounded  the ensemble has served: who belongs to it is in its log
 */
export function serverCountOf(input: {
  readonly asked: number;
  readonly live: number | undefined;
  readonly view: EnsembleView;
  readonly isFounded: boolean;
}): number {
  const { asked, live, view, isFounded } = input;
  if (live === undefined) return asked;
  if (view.membership !== undefined) return Math.max(asked, ...view.membership.members.keys());
  return isFounded ? live : asked;
}

export type MembershipPlan = {
  readonly step: MemberStep | undefined;
  /** What is done or waited for; undefined: exactly the wanted servers are voters. */
  readonly waiting: Why | undefined;
};

/**
 * @param podOf      the name of a server's pod
 * @param troubleOf  why it does not run, in the words of Kubernetes
 */
export function planMembership(
  asked: number,
  view: EnsembleView,
  podOf: (id: number) => string,
  troubleOf: (id: number) => string | undefined,
): MembershipPlan {
  const { membership, participants, voting, servers } = view;
  if (membership === undefined) return { step: undefined, waiting: undefined };
  const { members, version } = membership;
  const wanted = Array.from({ length: asked }, (_, index) => index + 1);
  const counted = `${asked === 1 ? '1 server is' : `${asked} servers are`} wanted, ${voting.size} of ${participants.length} voters serve`;
  const plan = (reason: Why['reason'], message: string, step?: MemberStep): MembershipPlan => ({
    step,
    waiting: { reason, message: `${counted}; ${message}` },
  });
  const modeOf = (id: number): ObservedServer['mode'] => servers.get(id)?.mode ?? 'unknown';

  // A voter that only listens has another volume than the one it voted with: it has to begin again.
  const lost = participants.find((id) => modeOf(id) === 'observer' && servers.get(id)?.membership?.version === version);
  if (lost !== undefined) {
    // It counted as one that is down: without it the others need no more than they have.
    const what = `${podOf(lost)} has lost its data: it leaves, and joins again with a copy`;
    return plan('ReplacingServer', what, { kind: 'leave', id: lost });
  }

  const missing = wanted.filter((id) => !members.has(id));
  const present = missing.find((id) => modeOf(id) === 'looking' || modeOf(id) === 'observer');
  if (present !== undefined) {
    const step = { kind: 'join', id: present, as: 'observer' } as const;
    return plan('ScalingUp', `${podOf(present)} joins as a learner`, step);
  }
  const learners = wanted.filter((id) => members.get(id) === 'observer');
  const slow = [...missing, ...learners].find(
    (id) => !members.has(id) || !['observer', 'follower'].includes(modeOf(id)) || behindOf(id) !== 0,
  );
  if (slow !== undefined) {
    const trouble = troubleOf(slow);
    const behind = behindOf(slow);
    const state =
      modeOf(slow) === 'unknown'
        ? `does not run yet${trouble === undefined ? '' : `: ${trouble}`}`
        : `is catching up${behind === undefined ? '' : `, ${behind} transactions behind`}`;
    return plan('ScalingUp', `${podOf(slow)} ${state}`);
  }
  // All new ones are ready, so an even number of voters does not last long.
  const [learner] = learners;
  if (learner !== undefined) {
    return plan('ScalingUp', `${podOf(learner)} becomes a voter`, { kind: 'join', id: learner, as: 'participant' });
  }

  const leaving = [...members.keys()].filter((id) => id > asked);
  const inOrder = leaving.toSorted(
    (a, b) =>
      Number(participants.includes(a)) - Number(participants.includes(b)) ||
      Number(voting.has(a)) - Number(voting.has(b)) ||
      b - a,
  );
  const [next] = inOrder;
  if (next === undefined) return { step: undefined, waiting: undefined };
  const step = { kind: 'leave', id: next } as const;
  if (members.get(next) === 'observer') return plan('ScalingDown', `${podOf(next)} leaves`, step);
  const silent = wanted.find((id) => !voting.has(id));
  if (silent !== undefined && voting.has(next)) {
    return plan('ScalingDown', `${podOf(next)} leaves as soon as ${podOf(silent)} serves`);
  }
  return plan('ScalingDown', `${podOf(next)} leaves`, step);

  function behindOf(id: number): number | undefined {
    return transactionsBehind(servers.get(id), view.leader);
  }
}
