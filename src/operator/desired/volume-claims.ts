import type { Storage } from '../../api/index.ts';
import { quantityValue } from '../../api/index.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims, type StatefulSet } from '../../kube/index.ts';
import { type DesiredObject, desiredObject } from './object.ts';

type ClaimTemplate = NonNullable<NonNullable<StatefulSet['spec']>['volumeClaimTemplates']>[number];

/**
 * The template that a StatefulSet makes claims from. Kubernetes lets nobody change it, so one that is there stays as it
 * is: claims that exist are grown one by one, and a new one is grown right after it is made.
 */
export function claimTemplate(input: {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly storage: Storage;
  readonly live: StatefulSet | undefined;
}): ClaimTemplate {
  const there = input.live?.spec?.volumeClaimTemplates?.[0]?.spec;
  const storageClassName = there === undefined ? input.storage.storageClass : there.storageClassName;
  const size = there?.resources?.requests?.storage ?? input.storage.size;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: input.name, labels: input.labels },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(storageClassName === undefined ? {} : { storageClassName }),
      resources: { requests: { storage: size } },
    },
  };
}

/**
 * What a claim that exists should be: at least as large as asked, and going with the resource only if the policy says so.
 *
 * @param owner  a reference to the resource
 */
export function desiredClaim(
  claim: PersistentVolumeClaim,
  storage: Storage,
  owner: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string },
  labels: Readonly<Record<string, string>>,
): DesiredObject<PersistentVolumeClaim> {
  const requested = claim.spec?.resources?.requests?.storage;
  const grows = requested !== undefined && quantityValue(storage.size) > quantityValue(requested);
  const ownerReferences =
    storage.deletionPolicy === 'Delete'
      ? [{ apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, uid: owner.uid }]
      : [];
  return desiredObject(persistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claim.metadata.name, namespace: claim.metadata.namespace, labels, ownerReferences },
    // A claim that is larger than asked, e.g. grown by hand, is large enough.
    spec: { resources: { requests: { storage: grows ? storage.size : (requested ?? storage.size) } } },
  });
}
