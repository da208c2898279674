import { apiVersion, type KafkaCluster, kafkaClusterNames, type ZooKeeperStatus } from '../../api/index.ts';
import { statefulSets } from '../../kube/index.ts';
import { advertisedListeners } from '../desired/broker-config.ts';
import type { DesiredKafkaCluster } from '../desired/kafka-cluster.ts';
import { kafkaNames as names, objectLabels, selectorLabels } from '../desired/names.ts';
import { desiredClaim } from '../desired/volume-claims.ts';
import { externalAddress, type ObservedKafkaCluster, serviceNamed } from '../observe/kafka-cluster.ts';
import type { ObservedPod } from '../observe/pods.ts';
import type { Action, Plan, Why } from './action.ts';
import { planObjects } from './objects.ts';
import { isBehind, planPodInputs, planRestart } from './pods.ts';
import { claimActions, podsWaiting, selectorText } from './waiting.ts';

/** Brokers wait so long for their outside address; then they start without, and are restarted when it comes. */
const addressWaitMs = 20_000;
/** While an answer of a broker is waited for. */
const askAgainMs = 500;

/** What a broker is told to advertise; undefined: to be waited for; `none`: all is in its file. */
function advertisedBy(
  cluster: KafkaCluster,
  observed: ObservedKafkaCluster,
  nowMs: number,
): (id: number) => string | 'none' | undefined {
  if (!cluster.spec.external) return () => 'none';
  return (id) => {
    const external = externalAddress(serviceNamed(observed, names.externalBroker(cluster.metadata.name, id)));
    const isLate = external.sinceMs !== undefined && nowMs - external.sinceMs > addressWaitMs;
    return external.host === undefined && !isLate ? undefined : advertisedListeners(cluster, id, external);
  };
}

/** Why a pod must be restarted; undefined: it runs as the spec asks. */
export function outdatedBecause(
  cluster: KafkaCluster,
  revision: string,
  observed: ObservedKafkaCluster,
  nowMs: number,
): (pod: ObservedPod) => string | undefined {
  const advertised = advertisedBy(cluster, observed, nowMs);
  return (pod) => {
    if (pod.revision !== revision) return 'its settings have changed';
    if (pod.advertisedListeners === undefined) return undefined;
    const listeners = advertised(pod.index);
    return listeners === undefined || listeners === 'none' || listeners === pod.advertisedListeners
      ? undefined
      : 'its address for clients outside has changed';
  };
}

/** @param cluster  with the spec that is in effect */
export function planKafkaCluster(
  cluster: KafkaCluster,
  desired: DesiredKafkaCluster,
  observed: ObservedKafkaCluster,
  nowMs: number,
): Plan {
  const { name } = cluster.metadata;
  const reference = cluster.spec.coordination.zooKeeper;
  const isNew = observed.statefulSet === undefined;
  const hasEnsemble = reference === undefined || observed.zooKeeper !== undefined;
  const isRefused = isNew && observed.sharesMetadataWith !== undefined;
  const objects = (isRefused ? [] : planObjects(desired.objects, observed.objects)).filter(
    // Brokers without an ensemble would only fail and be restarted; what there is stays.
    (action) => hasEnsemble || !isNew || action.kind !== 'apply' || action.desired.type.kind !== statefulSets.kind,
  );
  const owner = { apiVersion, kind: kafkaClusterNames.kind, name, uid: cluster.metadata.uid ?? '' };
  const claims = claimActions(
    observed.claims,
    observed.claims.map((claim) => desiredClaim(claim, cluster.spec.storage, owner, objectLabels('kafka', name))),
    kafkaClusterNames.kind,
  );
  const expected = Array.from({ length: cluster.spec.replicas }, (_, id) => names.pod(name, id));
  const brokers = brokersWaiting(cluster, observed);
  const restart = planRestart({
    pods: observed.pods,
    expected,
    selector: selectorText(selectorLabels('kafka', name)),
    outdatedBecause: outdatedBecause(cluster, desired.revision, observed, nowMs),
    last: observed.brokers.kind === 'answered' ? names.pod(name, observed.brokers.controllerId) : undefined,
    heldBack: brokers ?? replicasWaiting(observed),
  });
  const inputs = planPodInputs(observed.pods, advertisedBy(cluster, observed, nowMs));
  const isSettling =
    objects.some((action) => action.kind === 'apply' && action.desired.type.kind === statefulSets.kind) ||
    isBehind(observed.statefulSet);
  const actions: Action[] = [
    ...objects,
    ...claims,
    ...inputs,
    ...(restart.action === undefined || isSettling ? [] : [restart.action]),
  ];
  const waiting =
    zooKeeperMissing(cluster, observed) ??
    restart.waiting ??
    addressesWaiting(cluster, observed, expected) ??
    brokersOrEnsemble(podsWaiting({ pods: observed.pods, expected, claims: observed.claims }), observed) ??
    brokers ??
    claims.find(({ reason }) => reason === 'GrowingVolumes');
  return { actions, waiting, lookAgainMs: lookAgainMs(waiting) };
}

function lookAgainMs(waiting: Why | undefined): number | undefined {
  switch (waiting?.reason) {
    case 'WaitingForBrokers':
    case 'WaitingForController':
    case 'BrokersUnreachable':
    case 'RestartingPods':
      return askAgainMs;
    case 'WaitingForLoadBalancer':
      return addressWaitMs / 4;
    default:
      return undefined;
  }
}

function zooKeeperMissing(cluster: KafkaCluster, observed: ObservedKafkaCluster): Why | undefined {
  const reference = cluster.spec.coordination.zooKeeper;
  if (reference === undefined || observed.zooKeeper !== undefined) return undefined;
  const where = `namespace ${cluster.metadata.namespace}`;
  const message = `spec.coordination.zooKeeper: there is no ZooKeeper ${reference.name} in ${where} yet; make one`;
  return { reason: 'WaitingForZooKeeper', message };
}

/** Brokers are ready only once their ensemble is, so it is the ensemble that a person must look at. */
function brokersOrEnsemble(pods: Why | undefined, { zooKeeper }: ObservedKafkaCluster): Why | undefined {
  if (pods === undefined || zooKeeper === undefined) return pods;
  const status = zooKeeper.status as ZooKeeperStatus | undefined;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return pods;
  const why = ready === undefined ? '' : ` (${ready.reason}${ready.message === '' ? '' : `: ${ready.message}`})`;
  const message = `ZooKeeper ${zooKeeper.metadata.name} is not ready${why}; ${pods.message}`;
  return { reason: 'WaitingForZooKeeper', message };
}

/** Pods that wait for an address are not started yet, so this is what a person must know first. */
function addressesWaiting(
  cluster: KafkaCluster,
  observed: ObservedKafkaCluster,
  expected: readonly string[],
): Why | undefined {
  if (!cluster.spec.external) return undefined;
  const without = expected.filter(
    (_, id) =>
      externalAddress(serviceNamed(observed, names.externalBroker(cluster.metadata.name, id))).host === undefined,
  );
  const [first] = without;
  if (first === undefined) return undefined;
  const counted = `${expected.length - without.length} of ${expected.length} brokers have an address outside`;
  return { reason: 'WaitingForLoadBalancer', message: `${counted}; Service ${first} has none yet` };
}

/** What brokers themselves must say before the cluster is one. */
function brokersWaiting(cluster: KafkaCluster, { brokers }: ObservedKafkaCluster): Why | undefined {
  if (brokers.kind === 'notAsked') return undefined;
  if (brokers.kind === 'silent') return { reason: 'BrokersUnreachable', message: brokers.sentence };
  const registered = new Set(brokers.brokers.map(({ id }) => id));
  const missing = Array.from({ length: cluster.spec.replicas }, (_, id) => id).filter((id) => !registered.has(id));
  if (missing.length > 0) {
    const counted = `${registered.size} of ${cluster.spec.replicas} brokers are registered`;
    return { reason: 'WaitingForBrokers', message: `${counted}; broker ${missing.join(', ')} is not` };
  }
  if (brokers.controllerId < 0 || !registered.has(brokers.controllerId)) {
    return { reason: 'WaitingForController', message: 'no broker is the controller yet' };
  }
  return undefined;
}

function replicasWaiting({ underReplicated }: ObservedKafkaCluster): Why | undefined {
  if (underReplicated === undefined || underReplicated.length === 0) return undefined;
  const shown = underReplicated.slice(0, 3).join(', ');
  const more = underReplicated.length > 3 ? ` and ${underReplicated.length - 3} more` : '';
  return { reason: 'WaitingForBrokers', message: `replicas of ${shown}${more} are not in sync` };
}
