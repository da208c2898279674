import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Api, Call } from '../api.ts';
import { discoveryAnswer, kubernetesVersion } from '../discovery/discovery.ts';
import type { Resource } from '../kinds/resource.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { openApiAnswer } from '../openapi/openapi.ts';
import { methodNotAllowed, noSuchResource, Refusal } from '../status.ts';
import { partialObject, table } from '../tables/table.ts';
import { get, list } from '../verbs/read.ts';
import { remove, removeCollection } from '../verbs/remove.ts';
import { reviewAnswer } from '../verbs/reviews.ts';
import { type PodLogs, subresourceAnswer } from '../verbs/subresources.ts';
import { type WatchEventType, type WatchSink, watch } from '../verbs/watch.ts';
import { create, type PatchKind, patch, update } from '../verbs/write.ts';
import { accepted, includeObject, inForm, listInForm, sendJson } from './answer.ts';
import { mediaType, parseBody } from './body.ts';
import { parseResourcePath } from './path.ts';

export type Served = Api & { readonly podLogs: PodLogs | undefined; readonly isStopping: () => boolean };

const patchKinds: Record<string, PatchKind> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** Answers one request; the only place where a refusal becomes an answer. */
export async function serve(api: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await answer(api, request, response);
  } catch (cause) {
    if (!(cause instanceof Refusal)) {
      api.logger.error({ err: cause, method: request.method, path: request.url }, 'a request failed inside the server');
    }
    const refusal =
      cause instanceof Refusal
        ? cause
        : new Refusal('InternalError', `Internal error occurred: ${(cause as Error).message}`);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const retry = (refusal.status.details as { retryAfterSeconds?: number } | undefined)?.retryAfterSeconds;
    if (retry !== undefined) response.setHeader('Retry-After', String(retry));
    // What is left of a body that was refused half-way must not be taken for the next request.
    if (!request.complete) response.setHeader('Connection', 'close');
    await sendJson(request, response, refusal.code, refusal.status);
  }
}

const openApi2Protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const openPaths = new Set(['/healthz', '/readyz', '/livez', '/version']);

async function answer(api: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  response.setHeader('Cache-Control', 'no-cache, private');
  const [first = ''] = path.split('/').slice(1);
  if (['healthz', 'readyz', 'livez'].includes(first)) {
    const stopping = first !== 'livez' && api.isStopping();
    response.writeHead(stopping ? 500 : 200, { 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(stopping ? 'it stops, or cannot store anything' : 'ok');
    return;
  }
  if (!openPaths.has(path) && !(request.socket as TLSSocket).authorized) {
    throw new Refusal('Unauthorized', 'Unauthorized');
  }
  const impersonated = request.headers['impersonate-user'];
  if (impersonated !== undefined) {
    throw new Refusal(
      'Forbidden',
      `users ${JSON.stringify(impersonated)} is forbidden: the local API server has one user, the administrator, and nobody to act as`,
    );
  }
  const discovery = discoveryAnswer(api, path, request.headers.accept ?? '');
  if (discovery !== undefined) {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
    if (discovery.etag !== undefined) {
      response.setHeader('ETag', discovery.etag);
      response.setHeader('Vary', 'Accept');
      if (request.headers['if-none-match'] === discovery.etag) {
        response.writeHead(304).end();
        return;
      }
    }
    await sendJson(request, response, 200, discovery.value, { contentType: discovery.contentType });
    return;
  }
  const openApi = openApiAnswer(api, path, url.searchParams);
  if (openApi !== undefined) {
    response.setHeader('ETag', openApi.etag);
    if (request.headers['if-none-match'] === openApi.etag) {
      response.writeHead(304).end();
      return;
    }
    if (openApi.immutable) response.setHeader('Cache-Control', 'public, immutable');
    await sendJson(request, response, 200, openApi.value);
    return;
  }
  if (path === '/openapi/v2') {
    // Nothing is described by version 2: an empty document lets kubectl go on to say what it came to say. In
    // protobuf, which kubectl asks for, an empty document has no bytes.
    if (request.headers.accept?.includes('protobuf') === true) {
      response.writeHead(200, { 'Content-Type': openApi2Protobuf, 'Content-Length': 0 }).end();
      return;
    }
    const info = { title: 'Kubernetes', version: kubernetesVersion };
    await sendJson(request, response, 200, { swagger: '2.0', info, paths: {}, definitions: {} });
    return;
  }
  const review = reviewAnswer(path);
  if (review !== undefined) {
    if (request.method !== 'POST') throw methodNotAllowed();
    await sendJson(request, response, 201, review(await parseBody(request)));
    return;
  }
  await resourceAnswer(api, request, response, url);
}

async function resourceAnswer(
  api: Served,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const parsed = parseResourcePath(url.pathname);
  const resource = parsed === undefined ? undefined : api.registry.find(parsed.group, parsed.version, parsed.plural);
  if (parsed === undefined || resource === undefined) throw noSuchResource();
  if (parsed.namespace !== undefined && !resource.namespaced) throw noSuchResource();
  if (parsed.name !== undefined && resource.namespaced && parsed.namespace === undefined) throw noSuchResource();
  const call: Call = {
    resource,
    namespace: parsed.namespace,
    name: parsed.name,
    subresource: parsed.subresource,
    query: url.searchParams,
    userAgent: String(request.headers['user-agent'] ?? ''),
    warn: (text) => response.appendHeader('Warning', `299 - ${JSON.stringify(text)}`),
  };
  const accept = accepted(request);
  const options = { nowMs: api.clock.nowMs(), include: includeObject(url.searchParams) };
  const sendObject = async (code: number, object: unknown): Promise<void> => {
    // Nothing leaves that a crash could take back.
    await api.store.durable();
    await sendJson(request, response, code, inForm(resource, object as KubeObject, accept.form, options), accept);
  };

  const isWatch = parsed.watch || ['true', '1'].includes(url.searchParams.get('watch') ?? '');
  if (request.method === 'GET' && isWatch && parsed.subresource === '') {
    await watch(api, call, () => watchSink(api, resource, call, accept.form, response));
    return;
  }
  if (parsed.subresource !== '' && !(parsed.subresource === 'status' && resource.hasStatus)) {
    const result = await subresourceAnswer(api, call, request, response);
    if (result !== undefined) await sendObject(result.code, result.object);
    return;
  }
  switch (request.method) {
    case 'GET':
      if (call.name !== undefined) return sendObject(200, get(api, call));
      {
        const listed = list(api, call);
        await api.store.durable();
        return sendJson(request, response, 200, listInForm(resource, listed, accept.form, options), accept);
      }
    case 'POST': {
      if (call.name !== undefined || (resource.namespaced && call.namespace === undefined)) throw methodNotAllowed();
      const written = create(api, call, await parseBody(request));
      return sendObject(written.code, written.object);
    }
    case 'PUT': {
      if (call.name === undefined) throw methodNotAllowed();
      const written = update(api, call, await parseBody(request));
      return sendObject(written.code, written.object);
    }
    case 'PATCH': {
      if (call.name === undefined) throw methodNotAllowed();
      const kind = patchKinds[mediaType(request)];
      if (kind === undefined) {
        throw new Refusal(
          'UnsupportedMediaType',
          `the body of the request was in an unknown format - accepted media types include: ${Object.keys(patchKinds).join(', ')}`,
        );
      }
      const written = patch(api, call, kind, await parseBody(request));
      return sendObject(written.code, written.object);
    }
    case 'DELETE': {
      const body = await parseBody(request);
      if (parsed.subresource !== '') throw methodNotAllowed();
      if (call.name !== undefined) return sendObject(200, remove(api, call, body));
      if (!resource.verbs.includes('deletecollection')) throw methodNotAllowed();
      const removed = removeCollection(api, call, body);
      await api.store.durable();
      return sendJson(request, response, 200, removed, accept);
    }
    default:
      throw methodNotAllowed();
  }
}

function watchSink(
  api: Served,
  resource: Resource,
  call: Call,
  form: 'object' | 'table' | 'metadata',
  response: ServerResponse,
): WatchSink {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' });
  response.flushHeaders();
  const include = includeObject(call.query);
  let first = true;
  const shown = (type: WatchEventType, object: KubeObject): unknown => {
    if (form === 'object' || type === 'ERROR') return object;
    if (form === 'metadata') return partialObject(object);
    const { resourceVersion } = object.metadata;
    const rows = type === 'BOOKMARK' ? [] : [object];
    const metadata = type === 'BOOKMARK' ? (object.metadata as JsonObject) : { resourceVersion };
    const made = table(resource, rows, metadata, { nowMs: api.clock.nowMs(), include, withColumns: first });
    if (type !== 'BOOKMARK') first = false;
    return made;
  };
  return {
    send: (type, object) => {
      if (!response.destroyed)
        response.write(`${JSON.stringify({ type, object: shown(type, object as KubeObject) })}\n`);
    },
    get waitingBytes() {
      return response.writableLength;
    },
    end: () => response.end(),
    drop: () => response.destroy(),
    onClose: (call) => response.on('close', call),
  };
}
