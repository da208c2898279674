import type { ZooKeeper } from '../../api/index.ts';
import { apiVersion, zooKeeperNames as kindNames } from '../../api/index.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims, statefulSets } from '../../kube/index.ts';
import { objectLabels, selectorLabels, zooKeeperNames } from '../desired/names.ts';
import { desiredClaim } from '../desired/volume-claims.ts';
import type { DesiredZooKeeper } from '../desired/zookeeper.ts';
import type { ObservedPod } from '../observe/pods.ts';
import type { ObservedZooKeeper } from '../observe/zookeeper.ts';
import { type Action, objectText, type Plan, type Why } from './action.ts';
import { type EnsembleView, planMembership } from './membership.ts';
import { planObjects } from './objects.ts';
import { isBehind, planRestart } from './pods.ts';
import { claimActions, podsWaiting, selectorText } from './waiting.ts';

/** While an answer of a server is waited for. */
const askAgainMs = 250;
/** After a change of the membership: the next one may be due. */
const nextStepMs = 50;

export type ZooKeeperPlanInput = {
  /** With the spec that is in effect. */
  readonly ensemble: ZooKeeper;
  readonly desired: DesiredZooKeeper;
  readonly observed: ObservedZooKeeper;
  readonly view: EnsembleView;
  readonly serverCount: number;
  /** The ensemble has served: who belongs to it is in its log. */
  readonly isFounded: boolean;
};

/** Why a pod must be restarted; undefined: it runs as the spec asks. */
export function serverOutdatedBecause({
  desired,
  view,
  serverCount,
  isFounded,
}: Pick<ZooKeeperPlanInput, 'desired' | 'view' | 'serverCount' | 'isFounded'>): (
  pod: ObservedPod,
) => string | undefined {
  return (pod) => {
    if (pod.revision !== desired.revision) return 'its settings have changed';
    const isForming = !isFounded && view.leader === undefined;
    if (isForming && !pod.ready && pod.servers !== undefined && pod.servers !== serverCount) {
      return 'it waits for servers that are not wanted any more, or does not know all that are';
    }
    return undefined;
  };
}

export function planZooKeeper(input: ZooKeeperPlanInput): Plan {
  const { ensemble, desired, observed, view, serverCount } = input;
  const { name, namespace = '' } = ensemble.metadata;
  const podOf = (id: number): string => zooKeeperNames.pod(name, id - 1);
  const objects: Action[] = planObjects(desired.objects, observed.objects);
  if (observed.superUser.kind === 'missing') {
    const message = `making ${objectText(desired.superUser.object)}`;
    objects.unshift({ kind: 'create', desired: desired.superUser, reason: 'CreatingObjects', message });
  }
  const owner = { apiVersion, kind: kindNames.kind, name, uid: ensemble.metadata.uid ?? '' };
  const claims = claimActions(
    observed.claims,
    observed.claims.map((claim) => desiredClaim(claim, ensemble.spec.storage, owner, objectLabels('zookeeper', name))),
    kindNames.kind,
  );
  const expected = Array.from({ length: serverCount }, (_, index) => podOf(index + 1));
  const membership = planMembership(
    ensemble.spec.replicas,
    view,
    podOf,
    (id) => observed.pods.find(({ index }) => index === id - 1)?.trouble,
  );
  const heldBack = notInSync(view, podOf);
  const restart = planRestart({
    pods: observed.pods,
    // Whether a server that does not vote yet is up does not matter to those that do.
    expected: view.membership === undefined ? expected : view.participants.map(podOf),
    selector: selectorText(selectorLabels('zookeeper', name)),
    outdatedBecause: serverOutdatedBecause(input),
    last: view.leader?.pod,
    heldBack,
  });
  const isSettling =
    objects.some((action) => action.kind === 'apply' && action.desired.type.kind === statefulSets.kind) ||
    isBehind(observed.statefulSet);
  const change = changeOf(membership, view, restart.action !== undefined || isSettling, { namespace, name });
  const actions: Action[] = [
    ...objects,
    ...claims,
    ...unusedClaims(input),
    ...(restart.action === undefined || isSettling ? [] : [restart.action]),
    ...change,
  ];
  const waiting =
    restart.waiting ??
    membership.waiting ??
    podsEnding(ensemble.spec.replicas, observed) ??
    quorumLost(input) ??
    podsWaiting({ pods: observed.pods, expected, claims: observed.claims }) ??
    heldBack ??
    claims[0];
  return { actions, waiting, lookAgainMs: change.length > 0 ? nextStepMs : lookAgainMs(waiting) };
}

function lookAgainMs(waiting: Why | undefined): number | undefined {
  switch (waiting?.reason) {
    case 'WaitingForLeader':
    case 'RestartingPods':
    case 'ScalingUp':
    case 'ScalingDown':
    case 'ReplacingServer':
      return askAgainMs;
    default:
      return undefined;
  }
}

/** An ensemble that has served and does not now; who votes in it, only its own servers would know. */
function quorumLost({ observed, view, isFounded }: ZooKeeperPlanInput): Why | undefined {
  if (!isFounded || view.leader !== undefined) return undefined;
  const count = observed.servers.length;
  const down = observed.servers.filter(({ mode }) => mode === 'unknown').map(({ pod }) => pod);
  const message =
    down.length === 0
      ? `all ${count} servers run, and none leads yet; if this lasts, more than half of the volumes are lost: restore a backup into a new ZooKeeper`
      : `no server leads: more than half of the voters are needed, and ${down.join(', ')} ${down.length === 1 ? 'does' : 'do'} not answer`;
  return { reason: 'WaitingForLeader', message };
}

/** Pods of servers that have left. */
function podsEnding(asked: number, { pods, statefulSet }: ObservedZooKeeper): Why | undefined {
  const last = pods.findLast(({ index }) => index >= asked);
  if (last === undefined && (statefulSet?.spec?.replicas ?? 0) <= asked) return undefined;
  const message = last === undefined ? 'servers that have left end' : `${last.name} has left, and ends`;
  return { reason: 'ScalingDown', message };
}

/** Why no server that serves may be taken away now. */
function notInSync(view: EnsembleView, podOf: (id: number) => string): Why | undefined {
  if (view.leader === undefined) return { reason: 'WaitingForLeader', message: 'no server says that it leads' };
  // One that was made before there were ensembles of one.
  if (view.leader.mode === 'standalone') return undefined;
  if (view.membership === undefined) {
    return { reason: 'WaitingForLeader', message: 'the servers do not agree yet on who belongs to the ensemble' };
  }
  const behind = view.participants.find((id) => !view.voting.has(id));
  if (behind === undefined) return undefined;
  return { reason: 'WaitingForLeader', message: `${podOf(behind)} does not follow ${view.leader.pod} yet` };
}

/** Never beside a restart: each is decided from what the servers say while nothing else is going on. */
function changeOf(
  { step, waiting }: ReturnType<typeof planMembership>,
  { leader, membership }: EnsembleView,
  isHeld: boolean,
  ensemble: { readonly namespace: string; readonly name: string },
): Action[] {
  if (step === undefined || waiting === undefined || leader === undefined || membership === undefined || isHeld) {
    return [];
  }
  return [{ kind: 'changeMembers', ensemble, leader: leader.id, step, version: membership.version, ...waiting }];
}

/** Volumes of servers that have left, if the policy is not to keep them. */
function unusedClaims({ ensemble, observed, view, serverCount }: ZooKeeperPlanInput): Action[] {
  if (ensemble.spec.storage.deletionPolicy !== 'Delete' || view.membership === undefined) return [];
  const indexOf = ({ metadata }: PersistentVolumeClaim): number => Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? -1);
  return observed.claims
    .filter((claim) => claim.metadata.deletionTimestamp === undefined && indexOf(claim) >= serverCount)
    .filter((claim) => !observed.pods.some(({ index }) => index === indexOf(claim)))
    .map(({ metadata: { namespace, name, uid } }) => ({
      kind: 'delete',
      type: persistentVolumeClaims,
      key: { namespace, name },
      uid,
      reason: 'ScalingDown',
      message: `deleting PersistentVolumeClaim ${name}, as its server has left and storage.deletionPolicy is Delete`,
    }));
}
