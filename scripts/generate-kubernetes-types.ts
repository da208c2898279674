/**
 * Writes `src/local/apiserver/kinds/builtin-types.generated.ts` from the OpenAPI v3 documents of a real API server
 * and the sources of its Go modules: only structure is kept (names of fields, types, list and merge keys, allowed
 * values, numbers of fields in protobuf, which scalars are pointers), no prose.
 *
 * Usage: node scripts/generate-kubernetes-types.ts VERSION   (of the modules, such as v0.35.4; they must be in Go's
 * module cache. KUBECONFIG points at the real server; needs kubectl)
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Json = Record<string, unknown>;

const groupVersions = [
  'api/v1',
  'apis/apps/v1',
  'apis/policy/v1',
  'apis/coordination.k8s.io/v1',
  'apis/events.k8s.io/v1',
  'apis/discovery.k8s.io/v1',
  'apis/storage.k8s.io/v1',
  'apis/apiextensions.k8s.io/v1',
  'apis/authorization.k8s.io/v1',
  'apis/authentication.k8s.io/v1',
  'apis/rbac.authorization.k8s.io/v1',
  'apis/autoscaling/v1',
  'apis/scheduling.k8s.io/v1',
];
/** The kinds that the local API server serves; what they refer to comes along. */
const roots = [
  ...['Binding', 'ConfigMap', 'Endpoints', 'Event', 'Namespace', 'Node', 'PersistentVolume', 'PersistentVolumeClaim'],
  ...['Pod', 'Secret', 'Service', 'ServiceAccount'],
].map((kind) => `io.k8s.api.core.v1.${kind}`);
roots.push(
  ...['ControllerRevision', 'Deployment', 'ReplicaSet', 'StatefulSet'].map((kind) => `io.k8s.api.apps.v1.${kind}`),
  'io.k8s.api.policy.v1.Eviction',
  'io.k8s.api.policy.v1.PodDisruptionBudget',
  'io.k8s.api.coordination.v1.Lease',
  'io.k8s.api.events.v1.Event',
  'io.k8s.api.discovery.v1.EndpointSlice',
  'io.k8s.api.storage.v1.StorageClass',
  'io.k8s.api.scheduling.v1.PriorityClass',
  'io.k8s.api.autoscaling.v1.Scale',
  'io.k8s.api.authentication.v1.TokenRequest',
  'io.k8s.api.authentication.v1.SelfSubjectReview',
  'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
  ...['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'].map((kind) => `io.k8s.api.rbac.v1.${kind}`),
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Status',
);

const schemas: Record<string, Json> = {};
for (const groupVersion of groupVersions) {
  const text = execFileSync('kubectl', ['get', '--raw', `/openapi/v3/${groupVersion}`], {
    maxBuffer: 64 << 20,
    encoding: 'utf8',
  });
  const document = JSON.parse(text) as { components: { schemas: Record<string, Json> } };
  Object.assign(schemas, document.components.schemas);
}

/** What protobuf and Go say of a field: its number, the name of its message, and whether Go holds a pointer. */
type WireField = { readonly number: number; readonly message: string; pointer: boolean };
const wireTypes = new Map<string, Map<string, WireField>>();

function readModule(prefix: string, folder: string): void {
  const proto = join(folder, 'generated.proto');
  if (!existsSync(proto)) return;
  for (const [, message = '', body = ''] of readFileSync(proto, 'utf8').matchAll(
    /^message (\w+) \{\n([\s\S]*?)^\}/gm,
  )) {
    const fields = new Map<string, WireField>();
    const line = /^ {2}(?:optional |repeated )?(map<[^>]*>|[\w.]+) (\w+) = (\d+);/gm;
    for (const [, type = '', name = '', number] of body.matchAll(line)) {
      fields.set(name, { number: Number(number), message: type.split('.').at(-1) ?? '', pointer: false });
    }
    wireTypes.set(`${prefix}.${message}`, fields);
  }
  const types = readFileSync(join(folder, 'types.go'), 'utf8');
  for (const [, name = '', body = ''] of types.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    for (const [, json = ''] of body.matchAll(
      /^\t\w+\s+\*(?:string|bool|int\w*|float64|[A-Z]\w*)\s.*json:"([\w$]+)/gm,
    )) {
      const field = wireTypes.get(`${prefix}.${name}`)?.get(json);
      if (field !== undefined) field.pointer = true;
    }
  }
}

const [version = ''] = process.argv.slice(2);
const modules = join(process.env.GOMODCACHE ?? join(homedir(), 'go/pkg/mod'), 'k8s.io');
for (const group of [
  ...['core', 'apps', 'policy', 'coordination', 'events', 'discovery', 'storage', 'rbac', 'scheduling'],
  ...['authentication', 'authorization', 'autoscaling'],
]) {
  readModule(`${group}.v1`, join(modules, `api@${version}`, group, 'v1'));
}
readModule('meta.v1', join(modules, `apimachinery@${version}`, 'pkg/apis/meta/v1'));
readModule('apiextensions.v1', join(modules, `apiextensions-apiserver@${version}`, 'pkg/apis/apiextensions/v1'));
// The proto file calls it so since `ref` with a dollar sign is no name there.
const renamed: Record<string, string> = { $ref: 'ref', $schema: 'schema', enum: 'enum', default: 'default' };

/** The numbers that lead to a field: more than one where Go embeds a struct, which JSON does not show. */
function wireWords(type: string, name: string): string[] {
  const fields = wireTypes.get(type);
  if (fields === undefined) return [];
  const wireName = renamed[name] ?? name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const own = fields.get(wireName);
  if (own !== undefined) return [`#${own.number}`, ...(own.pointer ? ['pointer'] : [])];
  for (const outer of fields.values()) {
    if (schemas[`io.k8s.api.${type}`]?.properties === undefined) continue;
    const embedded = `${type.split('.').slice(0, 2).join('.')}.${outer.message}`;
    const inner = wireTypes.get(embedded)?.get(wireName);
    const isField = Object.hasOwn((schemas[`io.k8s.api.${type}`]?.properties ?? {}) as object, nameOf(fields, outer));
    if (inner !== undefined && !isField)
      return [`#${outer.number}.${inner.number}`, ...(inner.pointer ? ['pointer'] : [])];
  }
  return [];
}

const nameOf = (fields: Map<string, WireField>, field: WireField): string =>
  [...fields].find(([, candidate]) => candidate === field)?.[0] ?? '';

/** Names of types without what all share, so that a line stays short: `core.v1.Pod`, `meta.v1.ObjectMeta`. */
const short = (name: string): string =>
  name
    .replace(/^io\.k8s\.api\./, '')
    .replace(/^io\.k8s\.apimachinery\.pkg\.apis\./, '')
    .replace(/^io\.k8s\.apimachinery\.pkg\.(?:util\.|api\.)?/, '')
    .replace(/^io\.k8s\.apiextensions-apiserver\.pkg\.apis\./, '');

const written = new Map<string, string>();

/** Types that are not structures: what the wire carries for them. */
const plainTypes: Record<string, string> = {
  'meta.v1.Time': 'time',
  'meta.v1.MicroTime': 'microtime',
  'intstr.IntOrString': 'int-or-string',
  'resource.Quantity': 'quantity',
  'meta.v1.FieldsV1': 'any',
  'runtime.RawExtension': 'any',
  'apiextensions.v1.JSON': 'anything',
  'apiextensions.v1.JSONSchemaPropsOrArray': 'apiextensions.v1.JSONSchemaProps',
  'apiextensions.v1.JSONSchemaPropsOrBool': 'anything',
  'apiextensions.v1.JSONSchemaPropsOrStringArray': 'anything',
};

function typeOf(schema: Json): string {
  const reference = (schema.$ref ?? (schema.allOf as Json[] | undefined)?.[0]?.$ref) as string | undefined;
  if (reference !== undefined) {
    const name = reference.split('/').at(-1) as string;
    const plain = plainTypes[short(name)];
    if (plain !== undefined) return plain;
    write(name);
    return short(name);
  }
  if (schema.type === 'array') return `[]${typeOf(schema.items as Json)}`;
  if (schema.type === 'object') {
    return schema.additionalProperties === undefined ? 'any' : `{}${typeOf(schema.additionalProperties as Json)}`;
  }
  return schema.format === undefined ? String(schema.type) : `${schema.type}:${schema.format}`;
}

function fieldLine(owner: string, name: string, schema: Json, required: boolean): string {
  const words = [name, typeOf(schema)];
  if (required) words.push('required');
  const fallback = schema.default;
  if (fallback !== undefined && fallback !== '') words.push(`default=${JSON.stringify(fallback)}`);
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] as string[] | undefined;
  if (listType !== undefined) words.push(`list=${listType}${keys === undefined ? '' : `(${keys.join(',')})`}`);
  if (schema['x-kubernetes-map-type'] !== undefined) words.push(`map=${schema['x-kubernetes-map-type']}`);
  if (schema['x-kubernetes-patch-merge-key'] !== undefined) words.push(`key=${schema['x-kubernetes-patch-merge-key']}`);
  if (schema['x-kubernetes-patch-strategy'] !== undefined) {
    words.push(`strategy=${schema['x-kubernetes-patch-strategy']}`);
  }
  if (schema.enum !== undefined) words.push(`enum=${(schema.enum as string[]).join('|')}`);
  words.push(...wireWords(owner, name));
  return `  ${words.join(' ')}`;
}

function write(name: string): void {
  if (written.has(name)) return;
  written.set(name, '');
  const schema = schemas[name] as Json;
  const required = new Set(schema.required as string[] | undefined);
  const head = [short(name)];
  if (schema['x-kubernetes-map-type'] !== undefined) head.push(`map=${schema['x-kubernetes-map-type']}`);
  const lines = Object.entries((schema.properties ?? {}) as Record<string, Json>).map(([field, of]) =>
    fieldLine(short(name), field, of, required.has(field)),
  );
  written.set(name, [head.join(' '), ...lines].join('\n'));
}

for (const root of roots) write(root);
const types = [...written.entries()].sort(([a], [b]) => (short(a) < short(b) ? -1 : 1)).map(([, text]) => text);
writeFileSync(
  join(import.meta.dirname, '../src/local/apiserver/kinds/builtin-types.generated.ts'),
  `// Generated by \`node scripts/generate-kubernetes-types.ts\` from the OpenAPI v3 documents of Kubernetes; do not edit.
/** One type a paragraph, one field a line: \`name type flags\`; read by \`builtin-types.ts\`, which explains the words. */
export const builtinTypesText = \`\\
${types.join('\n').replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}
\`;
`,
);
