import type { Condition } from '../../api/index.ts';
import type { KubeClient, KubeProblem, ResourceType } from '../../kube/index.ts';
import { fieldManager } from '../apply/apply.ts';
import { stableText } from '../desired/object.ts';
import type { FreshObjects } from '../observe/fresh-objects.ts';
import type { RawObject } from '../observe/kinds.ts';

export type WithConditions = { readonly conditions?: readonly Condition[] | undefined };

/** The conditions that a resource has, as we wrote them; others' are left alone by server-side apply. */
export const previousConditions = (raw: RawObject): readonly Condition[] =>
  (raw.status as WithConditions | undefined)?.conditions ?? [];

/**
 * Writes a status unless it says what is already there.
 *
 * @returns whether something was written, or why not
 */
export async function writeStatus(
  raw: RawObject,
  status: object,
  type: ResourceType<RawObject>,
  { client, fresh }: { readonly client: KubeClient; readonly fresh: FreshObjects<RawObject> },
): Promise<{ readonly written: boolean; readonly problem?: KubeProblem }> {
  if (stableText(raw.status ?? {}) === stableText(status)) return { written: false };
  const { name, namespace } = raw.metadata;
  const object = { metadata: { name, namespace }, status };
  const answer = await client.applyStatus(type, object, { fieldManager, force: true });
  if (answer.ok) {
    fresh.wrote(raw, answer.value);
    return { written: true };
  }
  // Deleted meanwhile: nobody is left to be told.
  if (answer.problem.kind === 'notFound') return { written: false };
  return { written: false, problem: answer.problem };
}
