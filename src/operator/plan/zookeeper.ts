import type { ZooKeeper } from '../../api/index.ts';
import { apiVersion, zooKeeperNames as kindNames } from '../../api/index.ts';
import { statefulSets } from '../../kube/index.ts';
import { objectLabels, selectorLabels, zooKeeperNames } from '../desired/names.ts';
import { desiredClaim } from '../desired/volume-claims.ts';
import type { DesiredZooKeeper } from '../desired/zookeeper.ts';
import type { ObservedZooKeeper } from '../observe/zookeeper.ts';
import type { Plan, Why } from './action.ts';
import { planObjects } from './objects.ts';
import { planRestart } from './pods.ts';
import { claimActions, podsWaiting, selectorText } from './waiting.ts';

/** While an answer of a server is waited for. */
const askAgainMs = 500;

/** @param ensemble  with the spec that is in effect */
export function planZooKeeper(ensemble: ZooKeeper, desired: DesiredZooKeeper, observed: ObservedZooKeeper): Plan {
  const { name } = ensemble.metadata;
  const objects = planObjects(desired.objects, observed.objects);
  const owner = { apiVersion, kind: kindNames.kind, name, uid: ensemble.metadata.uid ?? '' };
  const claims = claimActions(
    observed.claims,
    observed.claims.map((claim) => desiredClaim(claim, ensemble.spec.storage, owner, objectLabels('zookeeper', name))),
    kindNames.kind,
  );
  const expected = Array.from({ length: ensemble.spec.replicas }, (_, index) => zooKeeperNames.pod(name, index));
  const leader = observed.servers.find(({ mode }) => mode === 'leader' || mode === 'standalone');
  const silent = observed.servers.find(({ mode }) => mode === 'unknown');
  const notAnswering: Why | undefined =
    silent === undefined ? undefined : { reason: 'WaitingForLeader', message: `${silent.pod} does not answer yet` };
  const restart = planRestart({
    pods: observed.pods,
    expected,
    selector: selectorText(selectorLabels('zookeeper', name)),
    outdatedBecause: (pod) => (pod.revision === desired.revision ? undefined : 'its settings have changed'),
    last: leader?.pod,
    heldBack: notAnswering,
  });
  const settling = objects.some((action) => action.kind === 'apply' && action.desired.type.kind === statefulSets.kind);
  const actions = [...objects, ...claims, ...(restart.action === undefined || settling ? [] : [restart.action])];
  const waiting =
    restart.waiting ??
    podsWaiting({ pods: observed.pods, expected, claims: observed.claims }) ??
    notAnswering ??
    (leader === undefined ? { reason: 'WaitingForLeader', message: 'no server says that it leads' } : undefined) ??
    claims[0];
  const pollsServers = waiting?.reason === 'WaitingForLeader' || waiting?.reason === 'RestartingPods';
  return { actions, waiting, lookAgainMs: pollsServers ? askAgainMs : undefined };
}
