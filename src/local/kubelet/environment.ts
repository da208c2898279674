import { failure, type Result, success } from '../../base/index.ts';
import type { ConfigMap, Node, Pod, Secret } from '../../kube/index.ts';
import { quantityValue } from '../quantity.ts';

export type Container = NonNullable<Pod['spec']>['containers'][number];
type EnvVar = NonNullable<Container['env']>[number];
type ValueFrom = NonNullable<EnvVar['valueFrom']>;

/** What an environment may refer to. */
export type References = {
  readonly pod: Pod;
  readonly podAddress: string;
  readonly node: Node | undefined;
  readonly hostAddress: string;
  readonly configMap: (name: string) => ConfigMap | undefined;
  readonly secret: (name: string) => Secret | undefined;
  /** For projected `serviceAccountToken` sources; undefined if it could not be had. */
  readonly serviceAccountToken?: string | undefined;
};

/**
 * Replaces `$(NAME)` by the variable's value; `$$(NAME)` is the text `$(NAME)`, and an unknown name stays as it is.
 *
 * Source: Kubernetes' third_party/forked/golang/expansion.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) =>
    found === '$$' ? '$' : (variables.get(name as string) ?? found),
  );
}

/**
 * A container's own variables in order, each able to refer to those before it.
 *
 * @returns a sentence naming what is missing, as the kubelet shows it under CreateContainerConfigError
 */
export function containerEnvironment(
  container: Container,
  references: References,
): Result<Map<string, string>, string> {
  const variables = new Map<string, string>();
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const name = configMapRef?.name ?? secretRef?.name ?? '';
    const data = configMapRef !== undefined ? references.configMap(name)?.data : decoded(references.secret(name));
    if (data === undefined && (configMapRef?.optional ?? secretRef?.optional) !== true) {
      return failure(`${configMapRef === undefined ? 'secret' : 'configmap'} "${name}" not found`);
    }
    for (const [key, value] of Object.entries(data ?? {})) variables.set(prefix + key, value);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom === undefined) {
      variables.set(name, expandVariables(value ?? '', variables));
      continue;
    }
    const found = referredValue(valueFrom, container, references);
    if (!found.ok) return found;
    if (found.value !== undefined) variables.set(name, found.value);
  }
  return success(variables);
}

function referredValue(
  from: ValueFrom,
  container: Container,
  references: References,
): Result<string | undefined, string> {
  if (from.fieldRef !== undefined) {
    const value = fieldValue(from.fieldRef.fieldPath, references);
    return value === undefined ? failure(`field ${from.fieldRef.fieldPath} is not known here`) : success(value);
  }
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const value = references.configMap(name)?.data?.[key];
    return value !== undefined || optional === true
      ? success(value)
      : failure(`couldn't find key ${key} in ConfigMap ${references.pod.metadata.namespace}/${name}`);
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef;
    const value = decoded(references.secret(name))?.[key];
    return value !== undefined || optional === true
      ? success(value)
      : failure(`couldn't find key ${key} in Secret ${references.pod.metadata.namespace}/${name}`);
  }
  if (from.resourceFieldRef !== undefined) {
    const { resource, divisor, containerName } = from.resourceFieldRef;
    const owner =
      containerName === undefined
        ? container
        : (references.pod.spec?.containers.find(({ name }) => name === containerName) ?? container);
    const value = resourceValue(resource, divisor, owner, references.node);
    return value === undefined ? failure(`resource ${resource} is not known here`) : success(value);
  }
  return failure('the variable has a source of a kind that is not known here');
}

/** A field of the pod as the downward API gives it; a label or annotation that is not there is empty. */
export function fieldValue(fieldPath: string, { pod, podAddress, hostAddress }: References): string | undefined {
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const [, map, key] = subscript as unknown as [string, 'labels' | 'annotations', string];
    return pod.metadata[map]?.[key] ?? '';
  }
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? 'default';
    case 'status.podIP':
    case 'status.podIPs':
      return podAddress;
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostAddress;
    default:
      return undefined;
  }
}

/** Limits that are not set are the node's whole capacity, as the downward API defines it. */
export function resourceValue(
  resource: string,
  divisor: string | number | undefined,
  container: Container,
  node: Node | undefined,
): string | undefined {
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage)$/.exec(resource);
  if (match === null) return undefined;
  const [, kind, name] = match as unknown as [string, 'limits' | 'requests', string];
  const amount =
    quantityValue(container.resources?.[kind]?.[name]) ??
    (kind === 'limits' ? quantityValue(node?.status?.allocatable?.[name]) : 0) ??
    0;
  const unit = quantityValue(divisor) ?? 0;
  return String(Math.ceil(amount / (unit === 0 ? 1 : unit)));
}

function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}\n`)
    .join('');
}

function decoded(secret: Secret | undefined): Record<string, string> | undefined {
  if (secret === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}
