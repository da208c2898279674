import { type Api, type Call, served } from '../api.ts';
import type { Resource } from '../kinds/resource.ts';
import { fieldAt, isObject, type JsonObject, type KubeObject, timestamp } from '../object.ts';
import { fieldMatcher, labelMatcher } from '../selectors.ts';
import { badRequest, conflict, notFound } from '../status.ts';
import { storeKey } from '../store/store.ts';

/** Finalizers that the garbage collector answers to. */
export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

export type DeleteOptions = {
  readonly graceSeconds?: number;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: 'Orphan' | 'Background' | 'Foreground';
  readonly dryRun: boolean;
};

/** From the body, and from the query where the body has nothing. */
export function deleteOptions(call: Pick<Call, 'query'>, body: unknown): DeleteOptions {
  const sent: JsonObject = isObject(body) ? body : {};
  const { query } = call;
  const grace = sent.gracePeriodSeconds ?? query.get('gracePeriodSeconds') ?? undefined;
  const propagation = (sent.propagationPolicy ??
    query.get('propagationPolicy') ??
    undefined) as DeleteOptions['propagation'];
  if (propagation !== undefined && !['Orphan', 'Background', 'Foreground'].includes(propagation)) {
    throw badRequest(
      `invalid propagationPolicy ${JSON.stringify(propagation)}: supported values: "Foreground", "Background", "Orphan"`,
    );
  }
  const orphan = sent.orphanDependents ?? (query.get('orphanDependents') === 'true' || undefined);
  const preconditions = isObject(sent.preconditions) ? sent.preconditions : {};
  const dryRun = [sent.dryRun ?? query.getAll('dryRun')].flat().includes('All');
  const chosen = propagation ?? (orphan === true ? 'Orphan' : orphan === false ? 'Background' : undefined);
  return {
    ...(grace === undefined ? {} : { graceSeconds: Math.max(0, Number(grace) || 0) }),
    ...(typeof preconditions.uid === 'string' ? { uid: preconditions.uid } : {}),
    ...(typeof preconditions.resourceVersion === 'string' ? { resourceVersion: preconditions.resourceVersion } : {}),
    ...(chosen === undefined ? {} : { propagation: chosen }),
    dryRun,
  };
}

/** What a deletion did: `gone` is the object as watchers saw it last, `marked` one that waits for its end. */
export type Removed =
  | { readonly kind: 'gone'; readonly object: KubeObject }
  | { readonly kind: 'marked'; readonly object: KubeObject };

/** How long a pod is given to end: nothing if it never ran or has ended. */
function podGraceSeconds(pod: KubeObject, asked: number | undefined): number {
  const nodeName = fieldAt(pod, ['spec', 'nodeName']) ?? '';
  const phase = fieldAt(pod, ['status', 'phase']);
  if (nodeName === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? Number(fieldAt(pod, ['spec', 'terminationGracePeriodSeconds']) ?? 30);
}

/**
 * Deletes an object, or marks it when finalizers or a pod's grace period hold it back.
 *
 * Source: k8s.io/apiserver registry/rest/delete.go and registry/generic/registry/store.go, told in our own way.
 */
export function removeObject(api: Api, resource: Resource, live: KubeObject, options: DeleteOptions): Removed {
  const name = live.metadata.name as string;
  if (options.uid !== undefined && options.uid !== live.metadata.uid) {
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${live.metadata.uid}`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== live.metadata.resourceVersion) {
    throw conflict(
      resource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${live.metadata.resourceVersion}`,
    );
  }
  const key = storeKey(live.metadata.namespace, name);
  const metadata = { ...live.metadata };
  const finalizers = new Set(metadata.finalizers);
  if (options.propagation !== undefined) {
    finalizers.delete(orphanFinalizer);
    finalizers.delete(foregroundFinalizer);
    if (options.propagation === 'Orphan') finalizers.add(orphanFinalizer);
    if (options.propagation === 'Foreground') finalizers.add(foregroundFinalizer);
  }
  if (finalizers.size > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;

  const graceSeconds = resource.bucket === 'pods' ? podGraceSeconds(live, options.graceSeconds) : 0;
  const nowMs = api.clock.nowMs();
  const marked = metadata.deletionTimestamp !== undefined;
  const shorter = marked && graceSeconds < (metadata.deletionGracePeriodSeconds ?? 0);
  if (!marked || shorter) {
    const startMs = marked
      ? Date.parse(metadata.deletionTimestamp as string) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000
      : nowMs;
    metadata.deletionTimestamp = timestamp(startMs + graceSeconds * 1000);
    metadata.deletionGracePeriodSeconds = graceSeconds;
    if (!marked && metadata.generation !== undefined) metadata.generation += 1;
  }
  let next: KubeObject = { ...live, metadata };
  if (resource.bucket === 'namespaces')
    next = { ...next, status: { ...(next.status as object), phase: 'Terminating' } };
  const held =
    finalizers.size > 0 || (metadata.deletionGracePeriodSeconds ?? 0) > 0 || namespaceFinalizers(next).length > 0;
  if (options.dryRun) return { kind: held ? 'marked' : 'gone', object: next };
  if (!held) return { kind: 'gone', object: api.store.remove(resource.bucket, key, next) };
  const unchanged = marked && !shorter && finalizers.size === (live.metadata.finalizers?.length ?? 0);
  return { kind: 'marked', object: unchanged ? live : api.store.put(resource.bucket, key, next) };
}

const namespaceFinalizers = (object: KubeObject): unknown[] =>
  object.kind === 'Namespace' ? ((fieldAt(object, ['spec', 'finalizers']) as unknown[] | undefined) ?? []) : [];

/** Stores an update; an object that was only waiting for its last finalizer is gone instead. */
export function settle(api: Api, resource: Resource, key: string, next: KubeObject): KubeObject {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = next.metadata;
  const ends =
    deletionTimestamp !== undefined &&
    (finalizers ?? []).length === 0 &&
    (deletionGracePeriodSeconds ?? 0) === 0 &&
    namespaceFinalizers(next).length === 0;
  return ends ? api.store.remove(resource.bucket, key, next) : api.store.put(resource.bucket, key, next);
}

/** The answer to a deletion: the object while it is held back, else a short success. */
export function removalAnswer(resource: Resource, removed: Removed): JsonObject {
  if (removed.kind === 'marked' || resource.bucket === 'pods') return served(resource, removed.object) as JsonObject;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: removed.object.metadata.name as string,
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.plural,
      uid: removed.object.metadata.uid as string,
    },
  };
}

export function remove(api: Api, call: Call, body: unknown): JsonObject {
  const { resource } = call;
  const live = api.store.get(resource.bucket, storeKey(call.namespace, call.name as string));
  if (live === undefined) throw notFound(resource, call.name as string);
  return removalAnswer(resource, removeObject(api, resource, live, deleteOptions(call, body)));
}

/** Deletes what the selectors choose; answers the list of it. */
export function removeCollection(api: Api, call: Call, body: unknown): JsonObject {
  const { resource, query } = call;
  const options = deleteOptions(call, body);
  const matchesLabels = labelMatcher(query.get('labelSelector'));
  const matchesFields = fieldMatcher(query.get('fieldSelector'), resource);
  const items = api.store
    .list(resource.bucket, call.namespace)
    .filter((object) => matchesLabels(object) && matchesFields(served(resource, object)))
    .map((object) => served(resource, removeObject(api, resource, object, options).object));
  return {
    kind: resource.listKind,
    apiVersion: resource.apiVersion,
    metadata: { resourceVersion: String(api.store.revision) },
    items: items as JsonObject[],
  };
}
