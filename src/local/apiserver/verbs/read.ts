import { type Api, type Call, served } from '../api.ts';
import { isObject, type KubeObject } from '../object.ts';
import { fieldMatcher, labelMatcher } from '../selectors.ts';
import { badRequest, expired, notFound, Refusal } from '../status.ts';
import { storeKey } from '../store/store.ts';

export function get(api: Api, call: Call): KubeObject {
  const object = api.store.get(call.resource.bucket, storeKey(call.namespace, call.name as string));
  if (object === undefined) throw notFound(call.resource, call.name as string);
  return served(call.resource, object);
}

export type Listed = {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
  readonly remainingItemCount?: number;
};

/** `resourceVersion` of a request, as a number; undefined for none. */
export function askedRevision(call: Call): number | undefined {
  const text = call.query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`Invalid value: "${text}": resourceVersion must be a decimal number`);
  return Number(text);
}

/** Nobody can have seen a revision that is still to come. */
export function checkRevision(api: Api, asked: number | undefined): void {
  if (asked === undefined || asked <= api.store.revision) return;
  throw new Refusal('Timeout', `Too large resource version: ${asked}, current: ${api.store.revision}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/**
 * What the selectors choose, in order of namespace and name. A list that is cut by `limit` goes on after the last
 * key in the newest state: this server keeps no old states, so that a `continue` never expires, but pages may show
 * different moments, as the original's inconsistent continue does.
 */
export function list(api: Api, call: Call): Listed {
  const { resource, query } = call;
  const asked = askedRevision(call);
  checkRevision(api, asked);
  if (query.get('resourceVersionMatch') === 'Exact' && asked !== undefined && asked < api.store.revision) {
    throw expired(
      `The provided resource version ${asked} is no longer kept; list again without resourceVersionMatch=Exact`,
    );
  }
  const matchesLabels = labelMatcher(query.get('labelSelector'));
  const matchesFields = fieldMatcher(query.get('fieldSelector'), resource);
  const after = decodeContinue(query.get('continue'));
  const limit = Number(query.get('limit') ?? 0) || 0;
  const matching: KubeObject[] = [];
  for (const stored of api.store.list(resource.bucket, call.namespace)) {
    if (after !== undefined && storeKey(stored.metadata.namespace, stored.metadata.name as string) <= after) continue;
    const object = served(resource, stored);
    if (matchesLabels(object) && matchesFields(object)) matching.push(object);
  }
  const resourceVersion = String(api.store.revision);
  if (limit <= 0 || matching.length <= limit) return { items: matching, resourceVersion };
  const items = matching.slice(0, limit);
  const last = (items.at(-1) as KubeObject).metadata;
  return {
    items,
    resourceVersion,
    continueToken: Buffer.from(JSON.stringify({ after: storeKey(last.namespace, last.name as string) })).toString(
      'base64url',
    ),
    remainingItemCount: matching.length - limit,
  };
}

function decodeContinue(token: string | null): string | undefined {
  if (token === null || token === '') return undefined;
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (isObject(decoded) && typeof decoded.after === 'string') return decoded.after;
  } catch {
    // Falls through to the refusal.
  }
  throw badRequest('continue key is not valid: it must be the metadata.continue of an earlier list');
}
