import type { IncomingMessage } from 'node:http';
import { badRequest, Refusal } from '../status.ts';
import { protobufObject, protobufType } from './protobuf.ts';

/** 3 MiB, as the original takes; etcd would not store more than half of it. */
const bodyLimitBytes = 3 * 1024 * 1024;
/** Deeper JSON is refused before anything walks it. */
const depthLimit = 512;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > bodyLimitBytes) {
      throw new Refusal('RequestEntityTooLarge', `limit is ${bodyLimitBytes}: the body of the request is too large`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const jsonTypes = new Set([
  '',
  'application/json',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]);
const yamlTypes = new Set(['application/yaml', 'application/apply-patch+yaml']);

export const mediaType = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** The body as JSON values; undefined for none. */
export async function parseBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request);
  if (bytes.length === 0) return undefined;
  const type = mediaType(request);
  if (type === protobufType) return protobufObject(bytes);
  if (!jsonTypes.has(type) && !yamlTypes.has(type)) {
    throw new Refusal(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format (${type}) - accepted media types include: application/json, application/yaml, ${protobufType}`,
    );
  }
  const text = bytes.toString('utf8');
  const value = yamlTypes.has(type) && !/^\s*[{[]/.test(text) ? await parseYaml(text) : parseJson(text);
  if (tooDeep(value, 0)) throw badRequest(`the body of the request is nested deeper than ${depthLimit} levels`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(cause as Error).message}`);
  }
}

async function parseYaml(text: string): Promise<unknown> {
  const { load } = await import('js-yaml');
  try {
    return JSON.parse(JSON.stringify(load(text)));
  } catch (cause) {
    throw badRequest(`error converting YAML to JSON: ${(cause as Error).message}`);
  }
}

function tooDeep(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth > depthLimit) return true;
  return Object.values(value).some((inner) => tooDeep(inner, depth + 1));
}
