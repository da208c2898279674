import { createHash } from 'node:crypto';
import { apiVersion, type ResourceMetadata } from '../../api/index.ts';
import type { KubeObject, ObjectMeta, ResourceType } from '../../kube/index.ts';
import { annotations } from './names.ts';

/** An object as the operator wants it: exactly the fields that it owns. */
export type DesiredObject<Kind extends KubeObject = KubeObject> = {
  readonly type: ResourceType<Kind>;
  readonly object: Kind;
};

/** Says the same for the same value, whatever the order of keys. */
export function stableText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${stableText(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

export const shortHash = (value: unknown): string =>
  createHash('sha256').update(stableText(value)).digest('hex').slice(0, 16);

/** Names the resource that an object belongs to: deleting the one deletes the other. */
export function ownerReference(
  kind: string,
  { name, uid }: ResourceMetadata,
): { apiVersion: string; kind: string; name: string; uid: string; controller: true; blockOwnerDeletion: true } {
  return { apiVersion, kind, name, uid: uid ?? '', controller: true, blockOwnerDeletion: true };
}

/** Adds the annotation by which a later pass sees that nothing has changed. */
export function desiredObject<Kind extends KubeObject>(type: ResourceType<Kind>, object: Kind): DesiredObject<Kind> {
  const metadata: ObjectMeta & { name: string } = {
    ...object.metadata,
    annotations: { ...object.metadata.annotations, [annotations.applied]: shortHash(object) },
  };
  return { type, object: { ...object, metadata } };
}
