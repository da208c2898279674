import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../kube/index.ts';
import { ownerReferenceTo, type PodTemplate } from './revisions.ts';

export const revisionLabel = 'controller-revision-hash';
export const podNameLabel = 'statefulset.kubernetes.io/pod-name';
export const podIndexLabel = 'apps.kubernetes.io/pod-index';

/** The pod's place in the set, or undefined if its name is not one of the set's. */
export function ordinalOf(setName: string, podName: string): number | undefined {
  const match = /^(.*)-(0|[1-9]\d*)$/.exec(podName);
  return match?.[1] === setName ? Number(match[2]) : undefined;
}

/** The pod of one ordinal as the StatefulSet controller makes it: stable name, host name, claims and labels. */
export function podFor(set: StatefulSet, template: PodTemplate, revision: string, ordinal: number): Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? '');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: set.metadata.namespace,
      labels: {
        ...template.metadata?.labels,
        [podIndexLabel]: String(ordinal),
        [revisionLabel]: revision,
        [podNameLabel]: name,
      },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
      ownerReferences: [ownerReferenceTo(set)],
    },
    spec: {
      ...template.spec,
      containers: template.spec?.containers ?? [],
      hostname: name,
      subdomain: set.spec?.serviceName,
      volumes: [
        ...(template.spec?.volumes ?? []).filter((volume) => !claims.includes(volume.name)),
        ...claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: `${claim}-${name}` } })),
      ],
    },
  };
}

/** The claims of one ordinal. Their owner, if any, is set apart: see `claimOwner`. */
export function claimsFor(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${template.metadata?.name}-${set.metadata.name}-${ordinal}`,
      namespace: set.metadata.namespace,
      labels: { ...template.metadata?.labels, ...set.spec?.selector?.matchLabels },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    },
    spec: { ...template.spec },
  }));
}

type OwnerReference = NonNullable<Pod['metadata']['ownerReferences']>[number];

/**
 * Whose deletion takes the claim along, by `persistentVolumeClaimRetentionPolicy`: the set, the pod that is scaled
 * away, or nobody. Without a pod there is nobody to wait for, so a claim whose pod is gone already gets the set.
 */
export function claimOwner(set: StatefulSet, pod: Pod | undefined, isCondemned: boolean): OwnerReference | undefined {
  const policy = set.spec?.persistentVolumeClaimRetentionPolicy;
  if (isCondemned && policy?.whenScaled === 'Delete' && pod !== undefined) {
    return { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid ?? '' };
  }
  if (policy?.whenDeleted === 'Delete') return ownerReferenceTo(set);
  return undefined;
}
