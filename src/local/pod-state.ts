import type { KubeObject, Pod } from '../kube/index.ts';

type Condition = { readonly type: string; readonly status: string; readonly lastTransitionTime?: string | undefined };

/** A condition of any object that has `status.conditions`. */
export function conditionOf(
  object: { readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

export const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';
export const isTerminating = (object: KubeObject): boolean => object.metadata.deletionTimestamp !== undefined;
/** The pod has come to an end and none of its containers will run again. */
export const isOver = (pod: Pod): boolean => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
export const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === 'Running' && isReady(pod);

/** The UID of the object that controls this one. */
export function controllerUid(object: KubeObject): string | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

/** Names of the claims that a pod mounts. */
export function claimNamesOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
}
