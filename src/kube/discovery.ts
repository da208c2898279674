import { failure, success } from '../base/index.ts';
import type { Answer, KubeClient } from './client.ts';
import type { ResourceType } from './resource-type.ts';

type ResourceList = {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
};

/** Asks the API server how objects of a kind are addressed; `notFound` if it does not serve the kind. */
export async function findResourceType(
  client: KubeClient,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
): Answer<ResourceType> {
  const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const answer = await client.raw({ method: 'GET', path });
  if (!answer.ok) return answer;
  const { resources = [] } = JSON.parse(answer.value) as ResourceList;
  // Subresources are listed with a slash in their name.
  const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
  if (found === undefined) {
    return failure({ kind: 'notFound', message: `the API server has no kind ${kind} in ${apiVersion}` });
  }
  return success({ apiVersion, kind, plural: found.name, namespaced: found.namespaced });
}
