import type { Api } from '../api.ts';
import type { KubeObject, OwnerReference } from '../object.ts';
import { type StoredEvent, storeKey } from '../store/store.ts';
import { foregroundFinalizer, orphanFinalizer, removeObject, settle } from '../verbs/remove.ts';

type Place = { readonly bucket: string; readonly key: string };

/**
 * Removes what only pointed to owners that are gone. It keeps, for every owner's uid, where its dependents are, and
 * looks at an object again whenever it or one of its owners changes:
 *
 * - background: the owner is gone at once, then its dependents;
 * - foreground: the owner waits with a finalizer until the dependents that block it are gone;
 * - orphan: the owner waits until no dependent names it any more.
 */
export function startGarbageCollector(api: Api): () => void {
  const dependents = new Map<string, Map<string, Place>>();
  const id = ({ bucket, key }: Place): string => `${bucket}\u0000${key}`;

  const index = (place: Place, owners: readonly OwnerReference[] | undefined): void => {
    for (const { uid } of owners ?? []) {
      const known = dependents.get(uid) ?? new Map<string, Place>();
      known.set(id(place), place);
      dependents.set(uid, known);
    }
  };
  const forget = (place: Place, owners: readonly OwnerReference[] | undefined): void => {
    for (const { uid } of owners ?? []) {
      const known = dependents.get(uid);
      if (known === undefined) continue;
      known.delete(id(place));
      if (known.size === 0) dependents.delete(uid);
    }
  };

  /** An owner counts where it may be: in the dependent's namespace, or in none. */
  const ownerOf = (object: KubeObject, reference: OwnerReference): KubeObject | undefined => {
    const place = api.store.byUid(reference.uid);
    const owner = place === undefined ? undefined : api.store.get(place.bucket, place.key);
    if (owner === undefined) return undefined;
    const { namespace } = owner.metadata;
    return namespace === undefined || namespace === object.metadata.namespace ? owner : undefined;
  };
  const dependentsOf = (uid: string): { place: Place; object: KubeObject }[] =>
    [...(dependents.get(uid)?.values() ?? [])].flatMap((place) => {
      const object = api.store.get(place.bucket, place.key);
      return object === undefined ? [] : [{ place, object }];
    });
  const isForeground = (owner: KubeObject): boolean =>
    owner.metadata.deletionTimestamp !== undefined && owner.metadata.finalizers?.includes(foregroundFinalizer) === true;

  /** Decides about one object, as it is now. */
  const look = (place: Place): void => {
    const object = api.store.get(place.bucket, place.key);
    const resource = api.registry.ofBucket(place.bucket);
    if (object === undefined || resource === undefined) return;
    const { uid, finalizers, deletionTimestamp, ownerReferences } = object.metadata;
    if (deletionTimestamp !== undefined && uid !== undefined) {
      if (finalizers?.includes(orphanFinalizer) === true) {
        for (const dependent of dependentsOf(uid)) disown(dependent.place, dependent.object, uid);
        drop(place, object, orphanFinalizer);
        return;
      }
      if (finalizers?.includes(foregroundFinalizer) === true) {
        const left = dependentsOf(uid);
        for (const dependent of left) look(dependent.place);
        const blocking = dependentsOf(uid).filter(({ object: dependent }) =>
          dependent.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
        );
        const present = api.store.get(place.bucket, place.key);
        if (blocking.length === 0 && present !== undefined) drop(place, present, foregroundFinalizer);
        return;
      }
    }
    if (ownerReferences === undefined || ownerReferences.length === 0 || deletionTimestamp !== undefined) return;
    const owners = ownerReferences.map((reference) => ownerOf(object, reference));
    const staying = owners.filter((owner) => owner !== undefined && !isForeground(owner));
    if (staying.length > 0) return;
    const waiting = owners.some((owner) => owner !== undefined);
    const ownDependents = dependentsOf(uid as string).length > 0;
    removeObject(api, resource, object, {
      propagation: waiting && ownDependents ? 'Foreground' : 'Background',
      dryRun: false,
    });
  };

  const disown = (place: Place, object: KubeObject, uid: string): void => {
    const { ownerReferences, ...metadata } = object.metadata;
    const left = (ownerReferences ?? []).filter((owner) => owner.uid !== uid);
    const next = { ...object, metadata: left.length === 0 ? metadata : { ...metadata, ownerReferences: left } };
    api.store.put(place.bucket, place.key, next);
  };
  const drop = (place: Place, object: KubeObject, finalizer: string): void => {
    const resource = api.registry.ofBucket(place.bucket);
    if (resource === undefined) return;
    const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    settle(api, resource, place.key, { ...object, metadata: { ...object.metadata, finalizers } });
  };

  const hear = (bucket: string, event: StoredEvent): void => {
    const { object, previous } = event;
    const place = { bucket, key: storeKey(object.metadata.namespace, object.metadata.name as string) };
    forget(place, previous?.metadata.ownerReferences);
    if (event.type !== 'DELETED') {
      index(place, object.metadata.ownerReferences);
      look(place);
    }
    if (event.type === 'DELETED' && object.metadata.uid !== undefined) {
      for (const dependent of dependentsOf(object.metadata.uid)) look(dependent.place);
    }
    // An owner that waits in the foreground may have waited for this one.
    for (const { uid } of previous?.metadata.ownerReferences ?? []) {
      const owner = api.store.byUid(uid);
      const waiting = owner === undefined ? undefined : api.store.get(owner.bucket, owner.key);
      if (owner !== undefined && waiting !== undefined && isForeground(waiting)) look(owner);
    }
  };

  const places = api.store.bucketNames().flatMap((bucket) =>
    api.store.list(bucket).map((object) => {
      const place = { bucket, key: storeKey(object.metadata.namespace, object.metadata.name as string) };
      index(place, object.metadata.ownerReferences);
      return place;
    }),
  );
  const stop = api.store.listenToAll(hear);
  // What a crash left half done.
  for (const place of places) look(place);
  return stop;
}
