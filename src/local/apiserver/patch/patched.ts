import jsonPatch from 'fast-json-patch';
import type { Resource } from '../kinds/resource.ts';
import { copyJson, isObject, type JsonObject, type KubeObject } from '../object.ts';
import { badRequest, Refusal } from '../status.ts';
import { strategicMerge } from './strategic-merge.ts';

/** More operations in one JSON patch are refused, as in the original. */
const operationsLimit = 10_000;

/** The object that a patch makes of another one, not yet checked in any way. */
export function patched(
  kind: 'json' | 'merge' | 'strategic',
  from: KubeObject,
  body: unknown,
  resource: Resource,
): JsonObject {
  if (kind === 'json') return jsonPatched(from, body);
  if (!isObject(body)) throw badRequest('the patch must be one object');
  if (kind === 'merge') return mergePatched(from as JsonObject, body) as JsonObject;
  if (resource.custom !== undefined) {
    throw new Refusal(
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
  }
  const merged = strategicMerge(from as JsonObject, body, resource.structure);
  return merged;
}

function jsonPatched(from: KubeObject, body: unknown): JsonObject {
  if (!Array.isArray(body)) {
    throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  }
  if (body.length > operationsLimit) {
    throw new Refusal(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${operationsLimit}, got ${body.length}`,
    );
  }
  try {
    return jsonPatch.applyPatch(copyJson(from), body, true, true, true).newDocument as JsonObject;
  } catch (cause) {
    const [sentence = ''] = (cause as Error).message.split('\n');
    throw new Refusal(
      'Invalid',
      `the server rejected our request due to an error in our request: ${sentence}`,
      {},
      422,
    );
  }
}

/** RFC 7396. */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const name in patch) {
    const value = patch[name];
    if (value === null) delete result[name];
    else result[name] = mergePatched(result[name], value) as JsonObject;
  }
  return result;
}
