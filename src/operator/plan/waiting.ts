import { apiVersion, quantityValue } from '../../api/index.ts';
import type { PersistentVolumeClaim } from '../../kube/index.ts';
import type { DesiredObject } from '../desired/object.ts';
import type { ObservedPod } from '../observe/pods.ts';
import { type Action, objectText, type Why } from './action.ts';
import { covers } from './covers.ts';

export const selectorText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** The first pod that is not ready, and why; undefined: all are. */
export function podsWaiting(input: {
  readonly pods: readonly ObservedPod[];
  readonly expected: readonly string[];
  readonly claims: readonly PersistentVolumeClaim[];
}): Why | undefined {
  // One that is ending may still say that it is ready.
  const ready = input.expected.filter((name) =>
    input.pods.some((pod) => pod.name === name && pod.ready && !pod.terminating),
  );
  const [slow] = input.expected.filter((name) => !ready.includes(name));
  if (slow === undefined) return undefined;
  const counted = `${ready.length} of ${input.expected.length} pods are ready`;
  const pod = input.pods.find(({ name }) => name === slow);
  const unbound = input.claims.find(
    ({ metadata, status }) => metadata.name.endsWith(`-${slow}`) && status?.phase === 'Pending',
  );
  if (pod?.node === undefined && unbound !== undefined && pod?.trouble === undefined) {
    const message = `${counted}; ${objectText(unbound)} has no volume yet`;
    return { reason: 'WaitingForVolumes', message };
  }
  if (pod === undefined) return { reason: 'WaitingForPods', message: `${counted}; ${slow} is not there yet` };
  if (pod.terminating) return { reason: 'WaitingForPods', message: `${counted}; ${slow} is ending` };
  const trouble = pod.trouble === undefined ? '' : `: ${pod.trouble}`;
  return { reason: 'WaitingForPods', message: `${counted}; ${slow} is not ready yet${trouble}` };
}

/** Claims are never made here, only grown and given or taken an owner. */
export function claimActions(
  claims: readonly PersistentVolumeClaim[],
  desired: readonly DesiredObject<PersistentVolumeClaim>[],
  ownerKind: string,
): Action[] {
  return claims.flatMap((claim, index): Action[] => {
    const wanted = desired[index];
    if (wanted === undefined || claim.metadata.deletionTimestamp !== undefined) return [];
    const { annotations: _, ownerReferences: owners = [], ...metadata } = wanted.object.metadata;
    // Other owners, e.g. of the StatefulSet's own policy, are not ours to judge.
    const ours = (claim.metadata.ownerReferences ?? []).filter(
      (owner) => owner.apiVersion === apiVersion && owner.kind === ownerKind,
    );
    const sameOwners = ours.map(({ uid }) => uid).join() === owners.map(({ uid }) => uid).join();
    if (sameOwners && covers({ ...claim, apiVersion: 'v1' }, { ...wanted.object, metadata })) return [];
    const before = claim.spec?.resources?.requests?.storage ?? '0';
    const after = wanted.object.spec?.resources?.requests?.storage ?? before;
    const grows = quantityValue(after) > quantityValue(before);
    const text = objectText(claim);
    return [
      {
        kind: 'apply',
        desired: wanted,
        isNew: false,
        ...(grows
          ? { reason: 'GrowingVolumes' as const, message: `growing ${text} from ${before} to ${after}` }
          : { reason: 'UpdatingObjects' as const, message: `changing the labels or owner of ${text}` }),
      },
    ];
  });
}
