import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, type Writable } from 'node:stream';
import jsonPatch from 'fast-json-patch';
import { type Api, type Call, served } from '../api.ts';
import { mediaType, parseBody } from '../http/body.ts';
import type { ScalePaths } from '../kinds/resource.ts';
import { copyJson, fieldAt, isObject, type JsonObject, type KubeObject } from '../object.ts';
import { mergePatched } from '../patch/patched.ts';
import {
  badRequest,
  conflict,
  fieldError,
  invalid,
  methodNotAllowed,
  modified,
  noSuchResource,
  notFound,
  Refusal,
} from '../status.ts';
import { storeKey } from '../store/store.ts';
import { decodeObject } from './decode-object.ts';
import { evict } from './eviction.ts';
import { settle } from './remove.ts';
import { liveObject, replace, type Written } from './write.ts';

export type PodLogRequest = {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  readonly follow: boolean;
  readonly tailLines?: number;
  readonly previous: boolean;
  readonly sinceSeconds?: number;
  readonly timestamps?: boolean;
  readonly limitBytes?: number;
};

/** Writes a container's log; ends the stream itself, or answers why there is none. */
export type PodLogs = (
  request: PodLogRequest,
  out: Writable,
) => Promise<undefined | { status: number; message: string }>;

type WithLogs = Api & { readonly podLogs: PodLogs | undefined };

/** Subresources other than status; undefined when the answer was streamed already. */
export async function subresourceAnswer(
  api: WithLogs,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Written | undefined> {
  const { resource, subresource } = call;
  if (subresource === 'scale' && resource.scale !== undefined) return scaleAnswer(api, call, resource.scale, request);
  if (resource.bucket === 'pods') {
    switch (subresource) {
      case 'log':
        return podLog(api, call, response);
      case 'binding':
        return bind(api, call, await parseBody(request));
      case 'eviction':
        return evict(api, call, await parseBody(request));
      case 'exec':
      case 'attach':
      case 'portforward':
      case 'proxy':
        throw new Refusal(
          'NotImplemented',
          `the local API server has no ${subresource}; its pods are processes of this machine`,
        );
    }
  }
  if (resource.bucket === 'namespaces' && subresource === 'finalize') {
    return finalize(api, call, await parseBody(request), request.method);
  }
  throw noSuchResource();
}

function live(api: Api, call: Call): KubeObject {
  const object = call.name === undefined ? undefined : liveObject(api, call);
  if (object === undefined) throw notFound(call.resource, call.name ?? '');
  return object;
}

function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector === undefined ? undefined : fieldAt(object, paths.selector);
  const statusReplicas = Number(fieldAt(object, paths.statusReplicas) ?? 0);
  const text = isObject(selector)
    ? Object.entries((selector.matchLabels ?? {}) as JsonObject)
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join(',')
    : selector;
  const replicas = fieldAt(object, paths.specReplicas);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as KubeObject['metadata'],
    spec: replicas === undefined ? {} : { replicas },
    status: { replicas: statusReplicas, ...(text === undefined || text === '' ? {} : { selector: text as string }) },
  };
}

async function scaleAnswer(api: Api, call: Call, paths: ScalePaths, request: IncomingMessage): Promise<Written> {
  const object = live(api, call);
  const scale = scaleOf(served(call.resource, object), paths);
  if (request.method === 'GET') return { code: 200, object: scale };
  const body = await parseBody(request);
  let next: unknown;
  if (request.method === 'PUT') next = body;
  else if (request.method === 'PATCH') {
    if (mediaType(request) === 'application/json-patch+json') {
      if (!Array.isArray(body)) throw badRequest('a JSON patch is a list of operations');
      try {
        next = jsonPatch.applyPatch(copyJson(scale), body, true, true, true).newDocument;
      } catch (cause) {
        throw new Refusal(
          'Invalid',
          `the server rejected our request: ${(cause as Error).message.split('\n')[0]}`,
          {},
          422,
        );
      }
    } else next = mergePatched(scale, body);
  } else throw methodNotAllowed();
  // Another request may have come while the body was read.
  const current = live(api, call);
  const asked = fieldAt(next, ['metadata', 'resourceVersion']);
  if (typeof asked === 'string' && asked !== '' && asked !== current.metadata.resourceVersion) {
    throw modified(call.resource, call.name as string);
  }
  const replicas = fieldAt(next, ['spec', 'replicas']) ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest('Scale in version "v1" cannot be handled as a Scale: spec.replicas must be a whole number');
  }
  if (replicas < 0) {
    throw invalid({ group: 'autoscaling', plural: 'scales', kind: 'Scale' }, call.name as string, [
      fieldError.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  }
  const changed = copyJson(served(call.resource, current));
  setAt(changed, paths.specReplicas, replicas);
  const stored = replace(api, call, current, changed, 'Update');
  return { code: 200, object: scaleOf(stored, paths) };
}

function setAt(target: object, path: readonly string[], value: unknown): void {
  let at = target as Record<string, unknown>;
  for (const name of path.slice(0, -1)) {
    if (!isObject(at[name])) at[name] = {};
    at = at[name] as Record<string, unknown>;
  }
  at[path.at(-1) as string] = value;
}

/** A scheduler's decision: the pod's node. */
function bind(api: Api, call: Call, body: unknown): Written {
  const pod = live(api, call);
  const node = fieldAt(body, ['target', 'name']);
  if (typeof node !== 'string' || node === '') {
    throw invalid({ group: '', plural: 'bindings', kind: 'Binding' }, call.name as string, [
      fieldError.required('target.name'),
    ]);
  }
  const spec = pod.spec as JsonObject;
  if ((spec.nodeName ?? '') !== '') {
    throw conflict(
      call.resource,
      call.name as string,
      `pod ${call.name} is already assigned to node "${spec.nodeName}"`,
    );
  }
  const status = (pod.status ?? {}) as JsonObject;
  const conditions = (Array.isArray(status.conditions) ? status.conditions : []).filter(
    (item) => !(isObject(item) && item.type === 'PodScheduled'),
  );
  const scheduled = {
    lastProbeTime: null,
    lastTransitionTime: new Date(api.clock.nowMs()).toISOString().replace(/\.\d+/, ''),
    status: 'True',
    type: 'PodScheduled',
  };
  const next: KubeObject = {
    ...pod,
    spec: { ...spec, nodeName: node },
    status: { ...status, conditions: [...conditions, scheduled] },
  };
  api.store.put('pods', storeKey(call.namespace, call.name as string), next);
  return { code: 201, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

function finalize(api: Api, call: Call, body: unknown, method: string | undefined): Written {
  if (method !== 'PUT') throw methodNotAllowed();
  const namespace = live(api, call);
  const { object } = decodeObject(call.resource, body);
  const next: KubeObject = { ...namespace, spec: (object.spec ?? {}) as JsonObject };
  return { code: 200, object: settle(api, call.resource, storeKey(undefined, call.name as string), next) };
}

const numberOf = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name} must be a whole number from 0, not ${JSON.stringify(text)}`);
  return Number(text);
};

async function podLog(api: WithLogs, call: Call, response: ServerResponse): Promise<undefined> {
  const pod = live(api, call);
  const { query } = call;
  const containers = ['initContainers', 'containers'].flatMap((list) => {
    const found = fieldAt(pod, ['spec', list]);
    return Array.isArray(found) ? found.filter(isObject).map((container) => String(container.name)) : [];
  });
  const main = fieldAt(pod, ['spec', 'containers']) as JsonObject[];
  const asked = query.get('container') ?? '';
  if (asked === '' && main.length > 1) {
    throw badRequest(
      `a container name must be specified for pod ${call.name}, choose one of: [${containers.join(' ')}]`,
    );
  }
  if (asked !== '' && !containers.includes(asked))
    throw badRequest(`container ${asked} is not valid for pod ${call.name}`);
  if (api.podLogs === undefined)
    throw new Refusal('NotImplemented', 'this API server has no kubelet that could give logs');
  const container = asked === '' ? String(main[0]?.name) : asked;
  const [tailLines, sinceSeconds, limitBytes] = ['tailLines', 'sinceSeconds', 'limitBytes'].map((name) =>
    numberOf(query, name),
  );
  const out = new PassThrough();
  // The head of the answer goes out with the first byte, so that a problem can still become a Status.
  out.once('readable', () => {
    if (response.headersSent) return;
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    out.pipe(response);
  });
  response.on('close', () => out.destroy());
  const isTrue = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  const follow = isTrue('follow');
  if (follow) {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.flushHeaders();
    out.pipe(response);
  }
  const problem = await api.podLogs(
    {
      namespace: call.namespace as string,
      pod: call.name as string,
      container,
      follow,
      previous: isTrue('previous'),
      timestamps: isTrue('timestamps'),
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
      ...(limitBytes === undefined ? {} : { limitBytes }),
    },
    out,
  );
  if (problem === undefined || response.headersSent) {
    out.end();
    return undefined;
  }
  out.destroy();
  const reason = problem.status === 404 ? 'NotFound' : problem.status === 400 ? 'BadRequest' : 'InternalError';
  throw new Refusal(reason, problem.message, undefined, problem.status);
}
