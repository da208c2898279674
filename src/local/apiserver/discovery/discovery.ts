import { createHash } from 'node:crypto';
import type { Api } from '../api.ts';
import type { Resource, Verb } from '../kinds/resource.ts';
import type { JsonObject } from '../object.ts';

export const kubernetesVersion = 'v1.35.4';

export type DiscoveryAnswer = { readonly value: unknown; readonly contentType: string; readonly etag?: string };

const plain = (value: unknown): DiscoveryAnswer => ({ value, contentType: 'application/json' });

/** The resources that are answered and never stored. */
const reviews: readonly { group: string; version: string; plural: string; kind: string }[] = [
  { group: 'authentication.k8s.io', version: 'v1', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview' },
  { group: 'authorization.k8s.io', version: 'v1', plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview' },
  { group: 'authorization.k8s.io', version: 'v1', plural: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview' },
];

/** One resource or subresource, as both forms of discovery list it. */
type Line = {
  readonly name: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly Verb[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
};

const statusVerbs: readonly Verb[] = ['get', 'patch', 'update'];

function linesOf(resource: Resource): Line[] {
  const { plural, namespaced, kind } = resource;
  const below = (name: string, more: Partial<Line> & Pick<Line, 'verbs'>): Line => ({
    name: `${plural}/${name}`,
    singular: '',
    namespaced,
    kind,
    ...more,
  });
  return [
    {
      name: plural,
      singular: resource.singular,
      namespaced,
      kind,
      verbs: resource.verbs,
      shortNames: resource.shortNames,
      categories: resource.categories,
    },
    ...[
      ...resource.subresources.map(({ name, ...rest }) => below(name, rest)),
      ...(resource.scale === undefined
        ? []
        : [below('scale', { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: statusVerbs })]),
      ...(resource.hasStatus ? [below('status', { verbs: statusVerbs })] : []),
    ].sort((a, b) => (a.name < b.name ? -1 : 1)),
  ];
}

type GroupVersion = { readonly group: string; readonly version: string; readonly lines: readonly Line[] };

/** Every group and version with its resources; the core group first, then in the order of the catalog. */
function groupVersions(api: Api): GroupVersion[] {
  const found = new Map<string, { group: string; version: string; lines: Line[] }>();
  const at = (group: string, version: string): Line[] => {
    const key = `${group}/${version}`;
    let entry = found.get(key);
    if (entry === undefined) {
      entry = { group, version, lines: [] };
      found.set(key, entry);
    }
    return entry.lines;
  };
  for (const resource of api.registry.builtin) at(resource.group, resource.version).push(...linesOf(resource));
  for (const { group, version, plural, kind } of reviews) {
    at(group, version).push({ name: plural, singular: kind.toLowerCase(), namespaced: false, kind, verbs: ['create'] });
  }
  for (const resource of api.registry.custom()) at(resource.group, resource.version).push(...linesOf(resource));
  for (const entry of found.values()) entry.lines.sort((a, b) => (a.name < b.name ? -1 : 1));
  return [...found.values()];
}

/** Newer and more stable versions first, as kubectl prefers them: v2, v1, v1beta2, v1alpha1. */
export function compareVersions(a: string, b: string): number {
  const rank = (version: string): number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (match === null) return [0, 0, 0];
    const stability = match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1;
    return [stability, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [left, right] = [rank(a), rank(b)];
  for (const [index, value] of left.entries()) if (value !== right[index]) return (right[index] as number) - value;
  return a < b ? -1 : 1;
}

function groupsOf(all: readonly GroupVersion[]): { name: string; versions: GroupVersion[] }[] {
  const groups = new Map<string, GroupVersion[]>();
  for (const entry of all) groups.set(entry.group, [...(groups.get(entry.group) ?? []), entry]);
  return [...groups].map(([name, versions]) => ({
    name,
    versions: versions.sort((a, b) => compareVersions(a.version, b.version)),
  }));
}

const resourceList = (entry: GroupVersion): JsonObject => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: entry.group === '' ? entry.version : `${entry.group}/${entry.version}`,
  resources: entry.lines.map((line) => ({
    name: line.name,
    singularName: line.singular,
    namespaced: line.namespaced,
    ...(line.group === undefined ? {} : { group: line.group }),
    ...(line.version === undefined ? {} : { version: line.version }),
    kind: line.kind,
    verbs: [...line.verbs],
    ...((line.shortNames ?? []).length === 0 ? {} : { shortNames: [...(line.shortNames ?? [])] }),
    ...((line.categories ?? []).length === 0 ? {} : { categories: [...(line.categories ?? [])] }),
  })),
});

function group(name: string, versions: readonly GroupVersion[]): JsonObject {
  const named = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: named, preferredVersion: named[0] as JsonObject };
}

function aggregated(groups: readonly { name: string; versions: readonly GroupVersion[] }[]): JsonObject {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === '' ? {} : { name },
      versions: versions.map((entry) => ({
        version: entry.version,
        resources: aggregatedResources(entry),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResources(entry: GroupVersion): JsonObject[] {
  const kindOf = (line: Line): JsonObject => ({
    group: line.group ?? entry.group,
    version: line.version ?? entry.version,
    kind: line.kind,
  });
  return entry.lines
    .filter((line) => !line.name.includes('/'))
    .map((line) => {
      const subresources = entry.lines
        .filter((other) => other.name.startsWith(`${line.name}/`))
        .map((other) => ({
          subresource: other.name.slice(line.name.length + 1),
          responseKind: kindOf(other),
          verbs: [...other.verbs],
        }));
      return {
        resource: line.name,
        responseKind: kindOf(line),
        scope: line.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: line.singular,
        verbs: [...line.verbs],
        ...((line.shortNames ?? []).length === 0 ? {} : { shortNames: [...(line.shortNames ?? [])] }),
        ...((line.categories ?? []).length === 0 ? {} : { categories: [...(line.categories ?? [])] }),
        ...(subresources.length === 0 ? {} : { subresources }),
      };
    });
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const wantsAggregated = (accept: string): boolean =>
  accept.split(',').some((part) => part.includes('g=apidiscovery.k8s.io') && /v=v2(;|$)/.test(part.trim()));

function tagged(value: JsonObject): DiscoveryAnswer {
  const etag = `"${createHash('sha256').update(JSON.stringify(value)).digest('hex').toUpperCase()}"`;
  return { value, contentType: aggregatedType, etag };
}

/** What is served, and by which version of Kubernetes this server goes; undefined for other paths. */
export function discoveryAnswer(api: Api, path: string, accept: string): DiscoveryAnswer | undefined {
  if (path === '/version') {
    return plain({
      major: '1',
      minor: '35',
      gitVersion: `${kubernetesVersion}+hikube-kafka`,
      gitCommit: '',
      gitTreeState: 'clean',
      buildDate: '1970-01-01T00:00:00Z',
      goVersion: '',
      compiler: '',
      platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    });
  }
  const [, root, name = '', version, ...more] = path.split('/');
  if ((root !== 'api' && root !== 'apis') || more.length > 0) {
    return path === '/'
      ? plain({ paths: ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'] })
      : undefined;
  }
  if (root === 'api') {
    if (version !== undefined) return undefined;
    const core = groupVersions(api).filter((entry) => entry.group === '');
    if (name === 'v1') return plain(resourceList(core[0] as GroupVersion));
    if (name !== '') return undefined;
    if (wantsAggregated(accept)) return tagged(aggregated(groupsOf(core)));
    return plain({
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [],
    });
  }
  const others = groupVersions(api).filter((entry) => entry.group !== '');
  if (name === '') {
    const groups = groupsOf(others);
    if (wantsAggregated(accept)) return tagged(aggregated(groups));
    return plain({
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: groups.map((entry) => group(entry.name, entry.versions)),
    });
  }
  const found = groupsOf(others).find((entry) => entry.name === name);
  if (found === undefined) return undefined;
  if (version === undefined) return plain({ kind: 'APIGroup', apiVersion: 'v1', ...group(name, found.versions) });
  const entry = found.versions.find((candidate) => candidate.version === version);
  return entry === undefined ? undefined : plain(resourceList(entry));
}
