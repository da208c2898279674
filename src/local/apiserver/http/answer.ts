import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import type { Resource } from '../kinds/resource.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { Refusal } from '../status.ts';
import { type Form, type IncludeObject, partialObject, table } from '../tables/table.ts';
import type { Listed } from '../verbs/read.ts';

/** What the `Accept` header asks for, of what this server can give. */
export type Accepted = { readonly form: Form; readonly yaml: boolean };

export function accepted(request: IncomingMessage): Accepted {
  const header = request.headers.accept ?? '';
  if (header === '') return { form: 'object', yaml: false };
  for (const part of header.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim());
    if (type === 'application/yaml') return { form: 'object', yaml: true };
    if (!['application/json', '*/*', 'application/*', 'text/plain'].includes(type)) continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    const version = parameters.find((parameter) => parameter.startsWith('v='))?.slice(2);
    if (as === undefined) return { form: 'object', yaml: false };
    if (version !== 'v1') continue;
    if (as === 'Table') return { form: 'table', yaml: false };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { form: 'metadata', yaml: false };
  }
  throw new Refusal(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  );
}

export const includeObject = (query: URLSearchParams): IncludeObject =>
  (query.get('includeObject') as IncludeObject | null) ?? 'Metadata';

/** One object in the form that was asked for. */
export function inForm(
  resource: Resource,
  object: KubeObject,
  form: Form,
  options: { readonly nowMs: number; readonly include: IncludeObject },
): unknown {
  if (form === 'object' || object.kind === 'Status') return object;
  if (form === 'metadata') return partialObject(object);
  const { resourceVersion } = object.metadata;
  return table(resource, [object], { resourceVersion }, { ...options, withColumns: true });
}

export function listInForm(
  resource: Resource,
  listed: Listed,
  form: Form,
  options: { readonly nowMs: number; readonly include: IncludeObject },
): unknown {
  const metadata: JsonObject = {
    resourceVersion: listed.resourceVersion,
    ...(listed.continueToken === undefined ? {} : { continue: listed.continueToken }),
    ...(listed.remainingItemCount === undefined ? {} : { remainingItemCount: listed.remainingItemCount }),
  };
  if (form === 'table') return table(resource, listed.items, metadata, { ...options, withColumns: true });
  if (form === 'metadata') {
    return {
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      items: listed.items.map(partialObject),
    };
  }
  // The items of a list of a built-in kind do not repeat their type; those of a custom one do.
  const items =
    resource.custom === undefined ? listed.items.map(({ kind: _k, apiVersion: _a, ...rest }) => rest) : listed.items;
  return { kind: resource.listKind, apiVersion: resource.apiVersion, metadata, items };
}

/** Answers from this size on are compressed for clients that take it. */
const compressFromBytes = 128 * 1024;

export async function sendJson(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  value: unknown,
  options: { readonly yaml?: boolean; readonly contentType?: string } = {},
): Promise<void> {
  let bytes: Buffer;
  if (options.yaml === true) {
    const { dump } = await import('js-yaml');
    bytes = Buffer.from(dump(value));
  } else {
    bytes = Buffer.from(JSON.stringify(value));
  }
  response.statusCode = code;
  response.setHeader(
    'Content-Type',
    options.contentType ?? (options.yaml === true ? 'application/yaml' : 'application/json'),
  );
  if (bytes.length >= compressFromBytes && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
    bytes = await new Promise<Buffer>((resolve, reject) =>
      gzip(bytes, { level: 1 }, (problem, zipped) => (problem === null ? resolve(zipped) : reject(problem))),
    );
    response.setHeader('Content-Encoding', 'gzip');
  }
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes);
}
