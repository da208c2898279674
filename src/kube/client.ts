import { type Clock, failure, type Random, type Result, success } from '../base/index.ts';
import { createHttpTransport, type HttpAnswer, type HttpRequest } from './http-transport.ts';
import type { ClusterAccess } from './kubeconfig.ts';
import { type KubeObject, keyText, type ObjectKey } from './object.ts';
import { type KubeProblem, problemOfAnswer, problemOfError } from './problem.ts';
import { collectionPath, objectPath, type ResourceType } from './resource-type.ts';
import { type RetryRule, retryDelayMs } from './retry.ts';
import { type Selection, selectionQuery } from './selection.ts';
import { openWatch, type WatchHandle, type WatchOptions } from './watch-stream.ts';

const requestTimeoutMs = 30_000;
const defaultPageSize = 500;

export type Answer<Value> = Promise<Result<Value, KubeProblem>>;

export type ObjectList<Kind> = { readonly items: readonly Kind[]; readonly resourceVersion: string };

export type WriteOptions = {
  /** Who owns the fields that are written; the API server shows it in `metadata.managedFields`. */
  readonly fieldManager?: string;
  /** Everything is checked and answered as if, and nothing is stored. */
  readonly dryRun?: boolean;
};

export type ApplyOptions = {
  readonly fieldManager: string;
  /** Takes fields that another manager owns, instead of a `conflict`. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
};

export type DeleteOptions = {
  readonly preconditions?: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined };
  readonly propagation?: 'Foreground' | 'Background' | 'Orphan';
  readonly gracePeriodSeconds?: number;
  readonly dryRun?: boolean;
};

/** A patch, or the part of an object that is applied: it must name the object. */
export type Applied<Kind extends KubeObject> = Partial<Omit<Kind, 'metadata'>> & {
  readonly metadata: Partial<Kind['metadata']> & { readonly name: string };
};

/**
 * One API server. Outcomes are values; nothing is thrown. Requests that may be sent twice are, within bounds: after
 * 429 (waiting as long as Retry-After says), after 5xx, after a lost connection.
 */
export interface KubeClient {
  readonly access: ClusterAccess;
  get<Kind extends KubeObject>(type: ResourceType<Kind>, key: ObjectKey): Answer<Kind>;
  /** All pages. The items carry `apiVersion` and `kind`, which the server leaves out in lists. */
  list<Kind extends KubeObject>(
    type: ResourceType<Kind>,
    options?: Selection & { readonly pageSize?: number },
  ): Answer<ObjectList<Kind>>;
  /** Sent once: after `unavailable` it is not known whether the object was made. */
  create<Kind extends KubeObject>(type: ResourceType<Kind>, object: Kind, options?: WriteOptions): Answer<Kind>;
  /** Writes a subresource that has no object of its own, e.g. a pod's `binding`. */
  createSubresource(type: ResourceType, key: ObjectKey, subresource: string, body: object): Answer<KubeObject>;
  /** PUT; the object's resourceVersion makes it fail with `conflict` if somebody was faster. */
  replace<Kind extends KubeObject>(type: ResourceType<Kind>, object: Kind, options?: WriteOptions): Answer<Kind>;
  serverSideApply<Kind extends KubeObject>(
    type: ResourceType<Kind>,
    object: Applied<Kind>,
    options: ApplyOptions,
  ): Answer<Kind>;
  /** Server-side apply of the status subresource. */
  applyStatus<Kind extends KubeObject>(
    type: ResourceType<Kind>,
    object: Applied<Kind>,
    options: ApplyOptions,
  ): Answer<Kind>;
  /** JSON merge patch (RFC 7386): lists are replaced whole, `null` removes. A resourceVersion in it is a precondition. */
  mergePatch<Kind extends KubeObject>(
    type: ResourceType<Kind>,
    key: ObjectKey,
    patch: object,
    options?: WriteOptions,
  ): Answer<Kind>;
  /** JSON merge patch of the status subresource, e.g. `{ status: { phase: 'Running' } }`. */
  patchStatus<Kind extends KubeObject>(
    type: ResourceType<Kind>,
    key: ObjectKey,
    patch: object,
    options?: WriteOptions,
  ): Answer<Kind>;
  /** Answers when the deletion is accepted; finalizers may keep the object longer. */
  delete(type: ResourceType, key: ObjectKey, options?: DeleteOptions): Answer<undefined>;
  /** Deletes a pod unless a disruption budget forbids it now: then `tooManyRequests`, which is not retried here. */
  evict(
    key: ObjectKey,
    options?: Pick<DeleteOptions, 'preconditions' | 'gracePeriodSeconds' | 'dryRun'>,
  ): Answer<undefined>;
  /** One watch request, without any retry: see `createInformer` for what most callers want. */
  watch<Kind extends KubeObject>(type: ResourceType<Kind>, options: WatchOptions<Kind>): WatchHandle;
  /** Any path, e.g. `/version`: the body as text. */
  raw(request: Omit<HttpRequest, 'timeoutMs'> & { readonly timeoutMs?: number }): Answer<string>;
  /** Ends all connections, watches too. */
  close(): void;
}

export type KubeClientDeps = { readonly clock: Clock; readonly random: Random };

export function createKubeClient(access: ClusterAccess, { clock, random }: KubeClientDeps): KubeClient {
  const transport = createHttpTransport(access);

  async function send(
    attempt: string,
    request: Omit<HttpRequest, 'timeoutMs'> & { readonly timeoutMs?: number },
    retry: RetryRule,
  ): Answer<string> {
    for (let attempts = 1; ; attempts++) {
      let problem: KubeProblem;
      try {
        const answer: HttpAnswer = await transport.send({ timeoutMs: requestTimeoutMs, ...request });
        if (answer.status >= 200 && answer.status < 300) return success(answer.body);
        problem = problemOfAnswer(attempt, answer.status, answer.body, answer.retryAfter);
      } catch (error) {
        problem = problemOfError(attempt, error);
      }
      const delayMs = retryDelayMs(retry, problem, attempts, random.next());
      if (delayMs === undefined) return failure(problem);
      await new Promise<void>((resolve) => clock.after(delayMs, resolve));
    }
  }

  async function sendForObject<Kind>(
    attempt: string,
    request: Omit<HttpRequest, 'timeoutMs'>,
    retry: RetryRule,
  ): Answer<Kind> {
    const answer = await send(attempt, request, retry);
    return answer.ok ? parsed<Kind>(attempt, answer.value) : answer;
  }

  function patch<Kind extends KubeObject>(
    verb: string,
    type: ResourceType<Kind>,
    key: ObjectKey,
    body: object,
    contentType: string,
    options: WriteOptions & { readonly force?: boolean },
    subresource?: string,
  ): Answer<Kind> {
    return sendForObject<Kind>(
      `${verb} ${type.plural}${subresource === undefined ? '' : `/${subresource}`} ${keyText(key)}`,
      {
        method: 'PATCH',
        path: objectPath(type, key, subresource) + writeQuery(options),
        contentType,
        // JSON is YAML, so an apply patch can be sent as JSON.
        body: JSON.stringify(body),
      },
      'safe',
    );
  }

  function apply<Kind extends KubeObject>(
    type: ResourceType<Kind>,
    object: Applied<Kind>,
    options: ApplyOptions,
    subresource?: string,
  ): Answer<Kind> {
    const body = { ...object, apiVersion: type.apiVersion, kind: type.kind };
    const key = { namespace: object.metadata.namespace, name: object.metadata.name };
    return patch('apply', type, key, body, 'application/apply-patch+yaml', options, subresource);
  }

  return {
    access,
    get: (type, key) =>
      sendForObject(`get ${type.plural} ${keyText(key)}`, { method: 'GET', path: objectPath(type, key) }, 'safe'),

    async list<Kind extends KubeObject>(
      type: ResourceType<Kind>,
      options: Selection & { readonly pageSize?: number } = {},
    ): Answer<ObjectList<Kind>> {
      const attempt = `list ${type.plural}`;
      let items: Kind[] = [];
      let continueToken: string | undefined;
      let restarts = 0;
      for (;;) {
        const query = new URLSearchParams(selectionQuery(options));
        query.set('limit', String(options.pageSize ?? defaultPageSize));
        if (continueToken !== undefined) query.set('continue', continueToken);
        const path = `${collectionPath(type, options.namespace)}?${query}`;
        const answer = await send(attempt, { method: 'GET', path }, 'safe');
        if (!answer.ok) {
          // The token was too old for the rest of the pages: begin again, once.
          if (answer.problem.kind === 'gone' && continueToken !== undefined && restarts++ === 0) {
            items = [];
            continueToken = undefined;
            continue;
          }
          return answer;
        }
        const page = parsed<{
          readonly items?: readonly Kind[] | null;
          readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
        }>(attempt, answer.value);
        if (!page.ok) return page;
        for (const item of page.value.items ?? []) {
          items.push({ ...item, apiVersion: type.apiVersion, kind: type.kind });
        }
        continueToken = page.value.metadata?.continue || undefined;
        if (continueToken === undefined) {
          return success({ items, resourceVersion: page.value.metadata?.resourceVersion ?? '' });
        }
      }
    },

    create: (type, object, options = {}) =>
      sendForObject(
        `create ${type.plural} ${keyText(object.metadata)}`,
        {
          method: 'POST',
          path: collectionPath(type, object.metadata.namespace) + writeQuery(options),
          body: JSON.stringify(object),
        },
        'once',
      ),

    createSubresource: (type, key, subresource, body) =>
      sendForObject(
        `create ${type.plural}/${subresource} ${keyText(key)}`,
        { method: 'POST', path: objectPath(type, key, subresource), body: JSON.stringify(body) },
        'once',
      ),

    replace: (type, object, options = {}) =>
      sendForObject(
        `replace ${type.plural} ${keyText(object.metadata)}`,
        {
          method: 'PUT',
          path: objectPath(type, object.metadata) + writeQuery(options),
          body: JSON.stringify(object),
        },
        'safe',
      ),

    serverSideApply: (type, object, options) => apply(type, object, options),
    applyStatus: (type, object, options) => apply(type, object, options, 'status'),
    mergePatch: (type, key, body, options = {}) =>
      patch('patch', type, key, body, 'application/merge-patch+json', options),
    patchStatus: (type, key, body, options = {}) =>
      patch('patch', type, key, body, 'application/merge-patch+json', options, 'status'),

    async delete(type, key, options = {}) {
      const attempt = `delete ${type.plural} ${keyText(key)}`;
      const request = {
        method: 'DELETE',
        path: objectPath(type, key),
        body: JSON.stringify(deleteBody(options)),
      } as const;
      const answer = await send(attempt, request, 'safe');
      return answer.ok ? success(undefined) : answer;
    },

    async evict(key, options = {}) {
      const body = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: key.name, namespace: key.namespace },
        deleteOptions: deleteBody(options),
      };
      const path = objectPath({ apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true }, key, 'eviction');
      const request = { method: 'POST', path, body: JSON.stringify(body) } as const;
      const answer = await send(`evict pods ${keyText(key)}`, request, 'never');
      return answer.ok ? success(undefined) : answer;
    },

    watch: (type, options) => openWatch(transport, clock, type, options),
    raw: (request) => send(`${request.method} ${request.path}`, request, request.method === 'GET' ? 'safe' : 'never'),
    close: () => transport.close(),
  };
}

function deleteBody(options: DeleteOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(options.preconditions === undefined ? {} : { preconditions: options.preconditions }),
    ...(options.propagation === undefined ? {} : { propagationPolicy: options.propagation }),
    ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.dryRun === true ? { dryRun: ['All'] } : {}),
  };
}

function writeQuery(options: WriteOptions & { readonly force?: boolean }): string {
  const query = new URLSearchParams();
  if (options.fieldManager !== undefined) query.set('fieldManager', options.fieldManager);
  if (options.force === true) query.set('force', 'true');
  if (options.dryRun === true) query.set('dryRun', 'All');
  return query.size === 0 ? '' : `?${query}`;
}

function parsed<Value>(attempt: string, body: string): Result<Value, KubeProblem> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return success(value as Value);
  } catch {
    // Falls through: the same answer for all that is not an object.
  }
  return failure({
    kind: 'unavailable',
    message: `${attempt}: the answer is not a JSON object: ${body.slice(0, 200)}`,
  });
}
