import { failure, type Result, success } from '../../base/index.ts';
import type { Pod } from '../../kube/index.ts';
import { type Container, fieldValue, type References, resourceValue } from './environment.ts';
import { type MountedPath, rewriteMountPaths } from './mount-paths.ts';

export type PodVolume = NonNullable<NonNullable<Pod['spec']>['volumes']>[number];
type Item = { readonly key: string; readonly path: string };

/** Files of a volume that is made of other objects, by path in the volume. */
export type VolumeFiles = ReadonlyMap<string, Buffer>;

/**
 * What a configMap, secret, downwardAPI or projected volume contains for one container, pure. The text of ConfigMaps has the
 * container's mount paths replaced, since the process sees the machine's real folders.
 *
 * @returns undefined if the volume is of another kind; a sentence if something it needs is missing
 */
export function volumeFiles(
  volume: PodVolume,
  references: References,
  mounts: readonly MountedPath[],
): Result<VolumeFiles | undefined, string> {
  const files = new Map<string, Buffer>();
  const sources = volume.projected?.sources ?? [volume];
  const isOfObjects =
    volume.projected !== undefined ||
    volume.configMap !== undefined ||
    volume.secret !== undefined ||
    volume.downwardAPI !== undefined;
  if (!isOfObjects) return success(undefined);
  for (const source of sources) {
    if (source.configMap !== undefined) {
      const { name = '', items, optional } = source.configMap;
      const object = references.configMap(name);
      if (object === undefined && optional !== true) return failure(`configmap "${name}" not found`);
      const content = new Map<string, Buffer>([
        ...Object.entries(object?.data ?? {}).map(
          ([key, text]) => [key, Buffer.from(rewriteMountPaths(text, mounts))] as const,
        ),
        ...Object.entries(object?.binaryData ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
      ]);
      const problem = addItems(files, content, items, optional, `configmap "${name}"`);
      if (problem !== undefined) return failure(problem);
    }
    if (source.secret !== undefined) {
      const secret: {
        readonly secretName?: string | undefined;
        readonly name?: string | undefined;
        readonly items?: readonly Item[] | undefined;
        readonly optional?: boolean | undefined;
      } = source.secret;
      const name = secret.secretName ?? secret.name ?? '';
      const object = references.secret(name);
      if (object === undefined && secret.optional !== true) return failure(`secret "${name}" not found`);
      const content = new Map(
        Object.entries(object?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
      );
      const problem = addItems(files, content, secret.items, secret.optional, `secret "${name}"`);
      if (problem !== undefined) return failure(problem);
    }
    const token = 'serviceAccountToken' in source ? source.serviceAccountToken : undefined;
    if (token !== undefined) {
      if (references.serviceAccountToken === undefined) return failure(`volume ${volume.name}: there is no token yet`);
      files.set(token.path, Buffer.from(references.serviceAccountToken));
    }
    for (const { path, fieldRef, resourceFieldRef } of source.downwardAPI?.items ?? []) {
      const container = references.pod.spec?.containers.find(({ name }) => name === resourceFieldRef?.containerName);
      const value =
        fieldRef !== undefined
          ? fieldValue(fieldRef.fieldPath, references)
          : resourceFieldRef !== undefined && container !== undefined
            ? resourceValue(resourceFieldRef.resource, resourceFieldRef.divisor, container, references.node)
            : undefined;
      if (value === undefined) return failure(`volume ${volume.name}: the source of ${path} is not known here`);
      files.set(path, Buffer.from(value));
    }
  }
  const outside = [...files.keys()].find((path) => path.startsWith('/') || path.split('/').includes('..'));
  return outside === undefined ? success(files) : failure(`volume ${volume.name}: the path ${outside} leads out of it`);
}

function addItems(
  files: Map<string, Buffer>,
  content: ReadonlyMap<string, Buffer>,
  items: readonly Item[] | undefined,
  optional: boolean | undefined,
  what: string,
): string | undefined {
  for (const { key, path } of items ?? [...content.keys()].map((name) => ({ key: name, path: name }))) {
    const value = content.get(key);
    if (value !== undefined) files.set(path, value);
    else if (optional !== true) return `${what} has no key ${key}`;
  }
  return undefined;
}

/** The projected sources that this kubelet does not fill; a pod that needs them is told so. */
export function unsupportedSources(volume: PodVolume): string[] {
  const known = [
    'name',
    'configMap',
    'secret',
    'downwardAPI',
    'projected',
    'emptyDir',
    'persistentVolumeClaim',
    'hostPath',
  ];
  const own = Object.keys(volume).filter((key) => !known.includes(key));
  const projected = (volume.projected?.sources ?? []).flatMap((source) =>
    Object.keys(source).filter((key) => !['configMap', 'secret', 'downwardAPI', 'serviceAccountToken'].includes(key)),
  );
  return [...own, ...projected];
}

export type { Container };
