import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../kube/index.ts';
import { conditionOf, isOver, isRunningAndReady, isTerminating } from '../../pod-state.ts';
import { claimOwner, claimsFor, ordinalOf, podFor, revisionLabel } from './pods.ts';
import type { PodTemplate } from './revisions.ts';

/** One revision of the set by name, with the template to make pods from. */
export type NamedTemplate = { readonly name: string; readonly template: PodTemplate };

export type Observed = {
  readonly set: StatefulSet;
  /** Pods that the set controls. */
  readonly pods: readonly Pod[];
  /** Claims of the namespace by name. */
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
  readonly currentRevision: NamedTemplate;
  readonly updateRevision: NamedTemplate;
};

export type Action =
  | { readonly kind: 'createClaim'; readonly claim: PersistentVolumeClaim }
  | { readonly kind: 'setClaimOwners'; readonly claim: PersistentVolumeClaim; readonly owners: OwnerReferences }
  | { readonly kind: 'createPod'; readonly pod: Pod }
  | { readonly kind: 'deletePod'; readonly pod: Pod; readonly why: string };

type OwnerReferences = NonNullable<Pod['metadata']['ownerReferences']>;
export type StatefulSetStatus = NonNullable<StatefulSet['status']>;

/**
 * What the StatefulSet controller would do next, and the status that describes what is there now.
 *
 * Source: `updateStatefulSet` of Kubernetes' pkg/controller/statefulset: with OrderedReady one pod at a time, each
 * waiting for those before it; with Parallel all at once. Updates (RollingUpdate) go one by one from the highest ordinal
 * down to the partition; OnDelete leaves them to whoever deletes pods.
 *
 * @param lookAgainMs  in the answer: when `minReadySeconds` of some pod will have passed
 */
export function planStatefulSet(
  observed: Observed,
  nowMs: number,
): { readonly actions: readonly Action[]; readonly status: StatefulSetStatus; readonly lookAgainMs?: number } {
  const { set, pods, updateRevision } = observed;
  const first = set.spec?.ordinals?.start ?? 0;
  const replicas = set.spec?.replicas ?? 1;
  const byOrdinal = new Map<number, Pod>();
  for (const pod of pods) {
    const ordinal = ordinalOf(set.metadata.name, pod.metadata.name);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const wanted = Array.from({ length: replicas }, (_, index) => first + index);
  const condemned = [...byOrdinal.keys()].filter((ordinal) => !wanted.includes(ordinal)).sort((a, b) => b - a);
  const { status, lookAgainMs } = statusOf(observed, [...byOrdinal.values()], replicas, nowMs);
  const actions = isTerminating(set)
    ? []
    : [
        ...claimOwnerActions(observed, byOrdinal, condemned),
        ...podActions(observed, byOrdinal, wanted, condemned, status.currentReplicas ?? 0, updateRevision.name),
      ];
  return { actions, status, ...(lookAgainMs === undefined ? {} : { lookAgainMs }) };
}

function podActions(
  observed: Observed,
  byOrdinal: ReadonlyMap<number, Pod>,
  wanted: readonly number[],
  condemned: readonly number[],
  currentReplicas: number,
  updateName: string,
): Action[] {
  const { set } = observed;
  const oneByOne = set.spec?.podManagementPolicy !== 'Parallel';
  const actions: Action[] = [];
  let allHealthy = true;
  for (const ordinal of wanted) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) {
      actions.push(...creations(observed, ordinal, currentReplicas));
      allHealthy = false;
    } else if (isOver(pod) && !isTerminating(pod)) {
      actions.push({ kind: 'deletePod', pod, why: `it is ${pod.status?.phase}` });
      allHealthy = false;
    } else if (isTerminating(pod) || !isRunningAndReady(pod)) {
      allHealthy = false;
    }
    if (oneByOne && !allHealthy) return actions;
  }
  for (const ordinal of condemned) {
    const pod = byOrdinal.get(ordinal) as Pod;
    if (!isTerminating(pod)) actions.push({ kind: 'deletePod', pod, why: 'the set was scaled down' });
    if (oneByOne) return actions;
  }
  if (condemned.length > 0 || !allHealthy || set.spec?.updateStrategy?.type === 'OnDelete') {
    // An update waits for health, except that an unhealthy pod of an old revision may be what the update is to cure.
    return [...actions, ...brokenOldPods(observed, byOrdinal, wanted, updateName)];
  }
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const outdated = wanted
    .filter((ordinal) => ordinal >= (set.spec?.ordinals?.start ?? 0) + partition)
    .reverse()
    .map((ordinal) => byOrdinal.get(ordinal) as Pod)
    .find((pod) => pod.metadata.labels?.[revisionLabel] !== updateName);
  if (outdated !== undefined) actions.push({ kind: 'deletePod', pod: outdated, why: 'the template changed' });
  return actions;
}

/** With Parallel and RollingUpdate: the highest pod that is not ready, if it is of an old revision and all above it are new. */
function brokenOldPods(
  { set }: Observed,
  byOrdinal: ReadonlyMap<number, Pod>,
  wanted: readonly number[],
  updateName: string,
): Action[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return [];
  const partition = (set.spec?.ordinals?.start ?? 0) + (set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0);
  for (const ordinal of [...wanted].reverse()) {
    if (ordinal < partition) return [];
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || isTerminating(pod)) return [];
    const isOld = pod.metadata.labels?.[revisionLabel] !== updateName;
    if (isOld) return [{ kind: 'deletePod', pod, why: 'the template changed' }];
    if (!isRunningAndReady(pod)) return [];
  }
  return [];
}

function creations(observed: Observed, ordinal: number, currentReplicas: number): Action[] {
  const { set, claims, currentRevision, updateRevision } = observed;
  const strategy = set.spec?.updateStrategy;
  const first = set.spec?.ordinals?.start ?? 0;
  const staysCurrent =
    strategy?.type !== 'OnDelete' &&
    (strategy?.rollingUpdate?.partition === undefined
      ? ordinal < first + currentReplicas
      : ordinal < first + strategy.rollingUpdate.partition);
  const { name, template } = staysCurrent ? currentRevision : updateRevision;
  const wantedClaims = claimsFor(set, ordinal);
  const terminating = wantedClaims.some((claim) => {
    const existing = claims.get(claim.metadata.name);
    return existing !== undefined && isTerminating(existing);
  });
  // A claim that is going away would take the new pod's data with it: wait until it is gone.
  if (terminating) return [];
  const owner = claimOwner(set, undefined, false);
  return [
    ...wantedClaims
      .filter((claim) => !claims.has(claim.metadata.name))
      .map((claim) => ({
        kind: 'createClaim' as const,
        claim: owner === undefined ? claim : { ...claim, metadata: { ...claim.metadata, ownerReferences: [owner] } },
      })),
    { kind: 'createPod', pod: podFor(set, template, name, ordinal) },
  ];
}

/** Keeps the claims' owners in step with the retention policy; owners that others have set stay. */
function claimOwnerActions(
  { set, claims }: Observed,
  byOrdinal: ReadonlyMap<number, Pod>,
  condemned: readonly number[],
): Action[] {
  if (set.spec?.persistentVolumeClaimRetentionPolicy === undefined) return [];
  return [...byOrdinal].flatMap(([ordinal, pod]) =>
    claimsFor(set, ordinal).flatMap((template): Action[] => {
      const claim = claims.get(template.metadata.name);
      if (claim === undefined || isTerminating(claim)) return [];
      const wantedOwner = claimOwner(set, pod, condemned.includes(ordinal));
      const existing = claim.metadata.ownerReferences ?? [];
      const isOurs = (reference: OwnerReferences[number]): boolean =>
        (reference.kind === 'StatefulSet' && reference.name === set.metadata.name) ||
        (reference.kind === 'Pod' && reference.name === pod.metadata.name);
      const ours = existing.filter(isOurs);
      const same =
        wantedOwner === undefined ? ours.length === 0 : ours.length === 1 && ours[0]?.uid === wantedOwner.uid;
      if (same) return [];
      const owners = [
        ...existing.filter((reference) => !isOurs(reference)),
        ...(wantedOwner === undefined ? [] : [wantedOwner]),
      ];
      return [{ kind: 'setClaimOwners', claim, owners }];
    }),
  );
}

function statusOf(
  { set, currentRevision, updateRevision }: Observed,
  pods: readonly Pod[],
  replicas: number,
  nowMs: number,
): { readonly status: StatefulSetStatus; readonly lookAgainMs?: number } {
  const minReadyMs = (set.spec?.minReadySeconds ?? 0) * 1000;
  const ready = pods.filter(isRunningAndReady);
  const ofRevision = (name: string): number =>
    pods.filter((pod) => !isTerminating(pod) && pod.metadata.labels?.[revisionLabel] === name).length;
  const waits = ready.map((pod) => {
    const since = Date.parse(conditionOf(pod, 'Ready')?.lastTransitionTime ?? '');
    return Number.isNaN(since) ? minReadyMs : since + minReadyMs - nowMs;
  });
  const updatedReplicas = ofRevision(updateRevision.name);
  const isRolledOut =
    set.spec?.updateStrategy?.type !== 'OnDelete' &&
    updatedReplicas === replicas &&
    ready.length === replicas &&
    pods.length === replicas;
  const current = isRolledOut ? updateRevision.name : currentRevision.name;
  const stillWaiting = waits.filter((waitMs) => waitMs > 0);
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: waits.length - stillWaiting.length,
    currentReplicas: ofRevision(current),
    updatedReplicas,
    currentRevision: current,
    updateRevision: updateRevision.name,
    collisionCount: 0,
  };
  return stillWaiting.length === 0 ? { status } : { status, lookAgainMs: Math.min(...stillWaiting) };
}
