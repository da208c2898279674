import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { failure, type Result, success } from '../base/index.ts';
import {
  type CustomResourceDefinition,
  customResourceDefinitions,
  findResourceType,
  type KubeClient,
  type KubeObject,
  type ObjectKey,
  type ResourceType,
} from '../kube/index.ts';

/** Who the API server shows as the owner of applied fields. */
const fieldManager = 'hikube-local';
/** A definition is served within a second; more means that something is wrong. */
const servedTimeoutMs = 10_000;
const pollMs = 20;

export type AppliedObject = { readonly type: ResourceType; readonly key: ObjectKey };

/** The objects in a YAML file, or a sentence that names what is wrong with it. */
export function readManifest(file: string): Result<readonly KubeObject[], string> {
  let documents: unknown[];
  try {
    documents = loadAll(readFileSync(file, 'utf8')) as unknown[];
  } catch (error) {
    return failure(`${file} cannot be read: ${(error as Error).message}`);
  }
  const objects: KubeObject[] = [];
  for (const [index, document] of documents.entries()) {
    if (document === null || document === undefined) continue;
    const object = document as Partial<KubeObject>;
    const isObject = typeof object.apiVersion === 'string' && typeof object.kind === 'string';
    if (!isObject || typeof object.metadata?.name !== 'string') {
      return failure(`${file}, document ${index + 1}: it needs apiVersion, kind and metadata.name`);
    }
    objects.push(object as KubeObject);
  }
  return success(objects);
}

/** Applies objects in order, each as `kubectl apply --server-side --force-conflicts` would. Stops at the first refusal. */
export async function applyObjects(
  client: KubeClient,
  objects: readonly KubeObject[],
): Promise<Result<readonly AppliedObject[], string>> {
  const applied: AppliedObject[] = [];
  for (const object of objects) {
    const type = await findResourceType(client, object);
    if (!type.ok) return failure(`${object.kind} ${object.metadata.name}: ${type.problem.message}`);
    const namespace = type.value.namespaced ? (object.metadata.namespace ?? client.access.namespace) : undefined;
    const wanted = { ...object, metadata: { ...object.metadata, ...(namespace === undefined ? {} : { namespace }) } };
    const answer = await client.serverSideApply(type.value, wanted, { fieldManager, force: true });
    if (!answer.ok) return failure(answer.problem.message);
    applied.push({ type: type.value, key: { name: object.metadata.name, namespace } });
  }
  return success(applied);
}

/** Applies the definitions in a folder and waits until all are served. Answers what they define. */
export async function installDefinitions(
  client: KubeClient,
  folder: string,
): Promise<Result<readonly ResourceType[], string>> {
  const definitions: KubeObject[] = [];
  for (const name of readdirSync(folder)
    .filter((file) => /\.ya?ml$/.test(file))
    .sort()) {
    const read = readManifest(join(folder, name));
    if (!read.ok) return read;
    definitions.push(...read.value);
  }
  const kinds = await Promise.all(
    definitions.map(async (definition): Promise<Result<ResourceType, string>> => {
      const { name } = definition.metadata;
      const answer = await client.serverSideApply(customResourceDefinitions, definition as CustomResourceDefinition, {
        fieldManager,
        force: true,
      });
      if (!answer.ok) return failure(answer.problem.message);
      const { group, names, versions } = (definition as CustomResourceDefinition).spec;
      const apiVersion = `${group}/${versions.find(({ storage }) => storage)?.name ?? ''}`;
      const deadlineMs = performance.now() + servedTimeoutMs;
      // `Established` is not waited for: the API server's lists of kinds follow it some moments later.
      for (;;) {
        const found = await findResourceType(client, { apiVersion, kind: names.kind });
        if (found.ok) return found;
        if (found.problem.kind !== 'notFound') return failure(found.problem.message);
        if (performance.now() > deadlineMs) return failure(`the API server does not serve ${name}`);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    }),
  );
  const failed = kinds.find((kind) => !kind.ok);
  if (failed !== undefined && !failed.ok) return failed;
  return success(kinds.flatMap((kind) => (kind.ok ? [kind.value] : [])));
}
