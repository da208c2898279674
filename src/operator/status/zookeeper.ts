import { quantityValue, type ZooKeeper, type ZooKeeperPhase, type ZooKeeperStatus } from '../../api/index.ts';
import { selectorLabels } from '../desired/names.ts';
import { zooKeeperConnect } from '../desired/zookeeper.ts';
import type { ObservedPod } from '../observe/pods.ts';
import type { ObservedZooKeeper } from '../observe/zookeeper.ts';
import type { Why } from '../plan/action.ts';
import { type EnsembleView, transactionsBehind } from '../plan/membership.ts';
import { selectorText } from '../plan/waiting.ts';

/** The ensemble has served at some time, as far as its status tells: what it was then is kept while it is silent. */
export const isFounded = ({ status }: Pick<ZooKeeper, 'status'>): boolean => status.mode !== undefined;

/**
 * What there is, apart from conditions.
 *
 * @param ensemble         with the spec that is in effect; undefined: nothing was made
 * @param outdatedBecause  why a pod will be restarted
 * @param waiting          what is done or waited for
 */
export function zooKeeperFacts(
  resource: Pick<ZooKeeper, 'metadata' | 'status'>,
  ensemble: ZooKeeper | undefined,
  observed: ObservedZooKeeper,
  view: EnsembleView,
  outdatedBecause: (pod: ObservedPod) => string | undefined,
  waiting: Why | undefined,
): ZooKeeperStatus {
  const { name, namespace = '' } = resource.metadata;
  const replicas = observed.statefulSet?.spec?.replicas ?? 0;
  const wanted = ensemble?.spec.replicas ?? replicas;
  const { leader } = view;
  const servers = observed.pods.map((pod) => {
    const id = pod.index + 1;
    const server = view.servers.get(id);
    const behind = transactionsBehind(server, leader);
    const pendingRestart = outdatedBecause(pod);
    return {
      id,
      pod: pod.name,
      ...(pod.zone === undefined ? {} : { zone: pod.zone }),
      ready: pod.ready && !pod.terminating,
      mode: server?.mode ?? ('unknown' as const),
      ...(view.membership === undefined ? {} : { member: view.membership.members.get(id) ?? ('none' as const) }),
      ...(behind === undefined ? {} : { behind: rounded(behind) }),
      ...(pendingRestart === undefined ? {} : { pendingRestart }),
    };
  });
  // A server alone of an older kind has no membership to tell of.
  const readyReplicas = servers.filter(
    ({ id, ready }) => ready && (view.voting.has(id) || leader?.mode === 'standalone'),
  ).length;
  const epoch = leader?.epoch ?? resource.status.epoch;
  const mode = modeOf(view) ?? resource.status.mode;
  const zones = [
    ...Map.groupBy(
      observed.pods.filter(({ node }) => node !== undefined),
      ({ zone }) => zone ?? 'none',
    ),
  ]
    .map(([zone, pods]) => `${zone}=${pods.length}`)
    .sort();
  return {
    replicas,
    selector: selectorText(selectorLabels('zookeeper', name)),
    readyReplicas,
    ready: `${readyReplicas}/${wanted}`,
    phase: phaseOf(waiting, leader !== undefined, mode !== undefined),
    ...(mode === undefined ? {} : { mode }),
    ...(leader === undefined ? {} : { leader: leader.pod }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(zones.length === 0 ? {} : { zones: zones.join(' ') }),
    ...(ensemble === undefined ? {} : { connect: zooKeeperConnect(name, namespace) }),
    servers,
    ...storageFact(observed),
  };
}

/** Undefined: nobody says. */
function modeOf({ leader, membership, participants }: EnsembleView): ZooKeeperStatus['mode'] {
  if (leader?.mode === 'standalone') return 'standalone';
  if (membership === undefined) return undefined;
  return participants.length > 1 ? 'replicated' : 'standalone';
}

/** One digit is enough for a person, and a status that changes at every look would be written at every look. */
function rounded(count: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, count)));
  return Math.round(count / unit) * unit;
}

function phaseOf(waiting: Why | undefined, hasLeader: boolean, isFounded: boolean): ZooKeeperPhase {
  if (!hasLeader) return isFounded ? 'NoQuorum' : 'Forming';
  switch (waiting?.reason) {
    case 'ScalingUp':
    case 'ScalingDown':
      return 'Scaling';
    case 'RestartingPods':
      return 'Restarting';
    case 'ReplacingServer':
      return 'Healing';
    case 'WaitingForPods':
    case 'WaitingForVolumes':
    case 'WaitingForLeader':
      return 'Degraded';
    default:
      return 'Running';
  }
}

/** The smallest of the volumes: what every server has at least. */
export function storageFact(observed: {
  readonly claims: readonly {
    readonly spec?: { readonly resources?: { readonly requests?: object | undefined } | undefined } | undefined;
  }[];
}): { storage?: string } {
  const sizes = observed.claims
    .map((claim) => (claim.spec?.resources?.requests as { storage?: string } | undefined)?.storage)
    .filter((size) => size !== undefined)
    .sort((a, b) => quantityValue(a) - quantityValue(b));
  const [smallest] = sizes;
  return smallest === undefined ? {} : { storage: smallest };
}
