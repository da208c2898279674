import { createHash } from 'node:crypto';
import type { ControllerRevision, StatefulSet } from '../../../kube/index.ts';

export type PodTemplate = NonNullable<StatefulSet['spec']>['template'];

/** JSON with sorted keys: equal templates have equal texts. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** What a revision records, in the shape of the original: a patch that sets the set's template. */
function revisionData(template: PodTemplate): object {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

export function templateOf(revision: ControllerRevision): PodTemplate {
  const data = revision.data as { readonly spec: { readonly template: PodTemplate & { readonly $patch?: string } } };
  const { $patch: _, ...template } = data.spec.template;
  return template;
}

/** The revision of the set's present template: the one that is there already, or a new one with the next number. */
export function updateRevisionOf(
  set: StatefulSet,
  existing: readonly ControllerRevision[],
): { readonly revision: ControllerRevision; readonly isNew: boolean; readonly mustRenumber: boolean } {
  const template = set.spec?.template ?? {};
  const data = revisionData(template);
  const text = canonicalText(data);
  const newest = Math.max(0, ...existing.map(({ revision }) => revision));
  const equal = existing.find((revision) => canonicalText(revision.data) === text);
  if (equal !== undefined) {
    // A roll-back makes an old template the newest revision again.
    const mustRenumber = equal.revision < newest;
    return { revision: mustRenumber ? { ...equal, revision: newest + 1 } : equal, isNew: false, mustRenumber };
  }
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 10);
  const name = `${set.metadata.name}-${hash}`;
  const revision: ControllerRevision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name,
      namespace: set.metadata.namespace,
      labels: { ...set.spec?.selector?.matchLabels, 'controller.kubernetes.io/hash': hash },
      ownerReferences: [ownerReferenceTo(set)],
    },
    data,
    revision: newest + 1,
  };
  return { revision, isNew: true, mustRenumber: false };
}

export function ownerReferenceTo(set: StatefulSet) {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    name: set.metadata.name,
    uid: set.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Revisions beyond the history limit that no pod and no status field uses, oldest first. */
export function revisionsToForget(
  set: StatefulSet,
  existing: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
): ControllerRevision[] {
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  const unused = existing.filter(({ metadata }) => !inUse.has(metadata.name)).sort((a, b) => a.revision - b.revision);
  return unused.slice(0, Math.max(0, unused.length - limit));
}
