import { type KubeObject, keyOf } from '../../kube/index.ts';
import { annotations } from '../desired/names.ts';
import type { DesiredObject } from '../desired/object.ts';
import { type Action, objectText } from './action.ts';
import { covers } from './covers.ts';

const idOf = (kind: string, object: KubeObject): string => `${kind} ${keyOf(object)}`;

/**
 * What to write so that the live objects are as desired: nothing for one that is.
 *
 * An object is as desired if it was applied from the same (an annotation says so) and nobody has changed what it says.
 *
 * @param live  all objects of the owner, of the kinds that are managed; one that is not desired is deleted
 */
export function planObjects(
  desired: readonly DesiredObject[],
  live: readonly { readonly type: DesiredObject['type']; readonly object: KubeObject }[],
): Action[] {
  const found = new Map(live.map(({ type, object }) => [idOf(type.kind, object), object]));
  const actions: Action[] = [];
  for (const each of desired) {
    const id = idOf(each.type.kind, each.object);
    const there = found.get(id);
    found.delete(id);
    const text = objectText(each.object);
    if (there === undefined) {
      const message = `making ${text}`;
      actions.push({ kind: 'apply', desired: each, isNew: true, reason: 'CreatingObjects', message });
    } else if (there.metadata.deletionTimestamp === undefined && !isAsDesired(there, each.object)) {
      const wasOurs = there.metadata.annotations?.[annotations.applied] === appliedOf(each.object);
      const message = wasOurs ? `putting ${text} back as it was` : `changing ${text}`;
      actions.push({ kind: 'apply', desired: each, isNew: false, reason: 'UpdatingObjects', message });
    }
  }
  for (const { type, object } of live) {
    if (!found.has(idOf(type.kind, object)) || object.metadata.deletionTimestamp !== undefined) continue;
    const key = { namespace: object.metadata.namespace, name: object.metadata.name };
    const message = `deleting ${type.kind} ${object.metadata.name}, which is not needed any more`;
    actions.push({ kind: 'delete', type, key, uid: object.metadata.uid, reason: 'UpdatingObjects', message });
  }
  return actions;
}

const appliedOf = (object: KubeObject): string | undefined => object.metadata.annotations?.[annotations.applied];

function isAsDesired(live: KubeObject, desired: KubeObject): boolean {
  return appliedOf(live) === appliedOf(desired) && covers(live, desired);
}
