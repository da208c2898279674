import { createHash } from 'node:crypto';
import type { Api } from '../api.ts';
import { kubernetesVersion } from '../discovery/discovery.ts';
import { builtinType, builtinTypeNames } from '../kinds/builtin-types.ts';
import type { Resource } from '../kinds/resource.ts';
import { isObject, type JsonObject } from '../object.ts';
import type { Field, Structure } from '../schema/structure.ts';

export type OpenApiAnswer = { readonly value: JsonObject; readonly etag: string; readonly immutable: boolean };

type Schemas = Record<string, JsonObject>;

const longPrefixes: Record<string, string> = {
  meta: 'io.k8s.apimachinery.pkg.apis.',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.',
};
const longName = (short: string): string => `${longPrefixes[short.split('.')[0] as string] ?? 'io.k8s.api.'}${short}`;
const reference = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });

const scalars: Record<string, JsonObject> = {
  intOrString: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  any: { type: 'object' },
};

/** Turns structures back into schemas; every named type becomes a schema of its own. */
class Writer {
  readonly schemas: Schemas = {};
  readonly #shortNames: Map<Structure, string>;

  constructor(shortNames: Map<Structure, string>) {
    this.#shortNames = shortNames;
  }

  schemaOf(of: Structure): JsonObject {
    const name = this.#nameOf(of);
    if (name !== undefined) return reference(name);
    if (of.type === 'list') return { type: 'array', items: this.#wrapped(of.element as Structure, {}) };
    if (of.type === 'map') return { type: 'object', additionalProperties: this.#wrapped(of.element as Structure, {}) };
    return (
      scalars[of.type] ?? {
        type: of.type,
        ...(of.format === undefined ? {} : { format: of.format === 'micro-time' ? 'date-time' : of.format }),
      }
    );
  }

  /** A reference with something beside it needs `allOf`. */
  #wrapped(of: Structure, more: JsonObject): JsonObject {
    const schema = this.schemaOf(of);
    if (schema.$ref === undefined) return { ...schema, ...more };
    return { allOf: [schema], ...more };
  }

  #nameOf(of: Structure): string | undefined {
    // A field may say of its own copy of a structure that it is atomic: the fields are the identity.
    const short = of.type === 'object' ? (this.#shortNames.get(of) ?? this.#byFields(of)) : undefined;
    if (short === undefined) return undefined;
    const name = longName(short);
    if (this.schemas[name] === undefined) this.#write(name, of);
    return name;
  }

  #byFields(of: Structure): string | undefined {
    for (const [structure, name] of this.#shortNames) if (structure.fields === of.fields) return name;
    return undefined;
  }

  #write(name: string, of: Structure): void {
    const schema: JsonObject = { type: 'object' };
    this.schemas[name] = schema;
    const required = [...of.fields].filter(([, field]) => field.required).map(([field]) => field);
    if (required.length > 0) schema.required = required;
    const properties: JsonObject = {};
    for (const [field, inner] of of.fields) properties[field] = this.#field(inner);
    schema.properties = properties;
    if (of.atomic) schema['x-kubernetes-map-type'] = 'atomic';
  }

  #field(field: Field): JsonObject {
    const { structure } = field;
    const more: JsonObject = {};
    if (field.alwaysThere) more.default = {};
    if (field.keyDefault !== undefined) more.default = field.keyDefault as string;
    if (field.allowedValues !== undefined) more.enum = [...field.allowedValues];
    if (structure.list !== undefined && structure.list.type !== 'atomic') {
      more['x-kubernetes-list-type'] = structure.list.type;
      if (structure.list.keys.length > 0) more['x-kubernetes-list-map-keys'] = [...structure.list.keys];
    } else if (structure.type === 'list') more['x-kubernetes-list-type'] = 'atomic';
    if (field.mergeKey !== undefined) more['x-kubernetes-patch-merge-key'] = field.mergeKey;
    if (field.strategies.length > 0) more['x-kubernetes-patch-strategy'] = field.strategies.join(',');
    return this.#wrapped(structure, more);
  }
}

const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}));

/** What kubectl looks for: which operations there are on a kind, and that they take `fieldValidation`. */
function pathsOf(resource: Resource, schemaName: string): JsonObject {
  const { group, version, kind } = resource;
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = `${base}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.plural}`;
  const content = { 'application/json': { schema: reference(schemaName) } };
  const word = `${group === '' ? 'core' : group}_${version}`;
  const operation = (action: string, id: string, more: JsonObject = {}): JsonObject => ({
    tags: [word.replaceAll('.', '_')],
    operationId: `${id}_${word.replaceAll('.', '_')}_${kind}`,
    ...more,
    responses: { '200': { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  });
  const requestBody = { content: { '*/*': { schema: reference(schemaName) } } };
  return {
    [collection]: {
      get: operation('list', 'list'),
      post: operation('post', 'create', { parameters, requestBody }),
    },
    [`${collection}/{name}`]: {
      get: operation('get', 'read'),
      put: operation('put', 'replace', { parameters, requestBody }),
      delete: operation('delete', 'delete'),
      patch: operation('patch', 'patch', { parameters, requestBody }),
    },
  };
}

const kindExtension = ({ group, version, kind }: Pick<Resource, 'group' | 'version' | 'kind'>): JsonObject[] => [
  { group, version, kind },
];

function listSchema(resource: Resource, itemName: string): JsonObject {
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      items: { type: 'array', items: { allOf: [reference(itemName)], default: {} } },
      metadata: { allOf: [reference(longName('meta.v1.ListMeta'))], default: {} },
    },
    'x-kubernetes-group-version-kind': kindExtension({ ...resource, kind: resource.listKind }),
  };
}

const listMeta: JsonObject = {
  type: 'object',
  properties: {
    continue: { type: 'string' },
    remainingItemCount: { type: 'integer', format: 'int64' },
    resourceVersion: { type: 'string' },
    selfLink: { type: 'string' },
  },
};

/** The schema of a definition, with the fields that every object has. */
function customSchema(resource: Resource): JsonObject {
  const schema = resource.custom?.schema ?? {};
  const properties = isObject(schema.properties) ? schema.properties : {};
  return {
    ...schema,
    properties: {
      ...properties,
      apiVersion: {
        type: 'string',
        description: 'APIVersion defines the versioned schema of this representation of an object.',
      },
      kind: { type: 'string', description: 'Kind is the REST resource that this object represents.' },
      metadata: { allOf: [reference(longName('meta.v1.ObjectMeta'))], description: "Standard object's metadata." },
    },
    'x-kubernetes-group-version-kind': kindExtension(resource),
  };
}

/** `kafka.hikube.cloud` becomes `cloud.hikube.kafka`. */
const reversed = (group: string): string => group.split('.').reverse().join('.');

function documentOf(resources: readonly Resource[]): JsonObject {
  const writer = new Writer(shortNames());
  const paths: JsonObject = {};
  writer.schemaOf(builtinType('meta.v1.ObjectMeta'));
  writer.schemas[longName('meta.v1.ListMeta')] = listMeta;
  for (const resource of resources) {
    let name: string;
    if (resource.custom === undefined) {
      writer.schemaOf(resource.structure);
      name = longName(resource.typeName as string);
      (writer.schemas[name] as JsonObject)['x-kubernetes-group-version-kind'] = kindExtension(resource);
    } else {
      name = `${reversed(resource.group)}.${resource.version}.${resource.kind}`;
      writer.schemas[name] = customSchema(resource);
    }
    writer.schemas[`${name}List`] = listSchema(resource, name);
    Object.assign(paths, pathsOf(resource, name));
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: kubernetesVersion },
    paths,
    components: { schemas: writer.schemas },
  };
}

let names: Map<Structure, string> | undefined;
function shortNames(): Map<Structure, string> {
  names ??= new Map(builtinTypeNames().map((name) => [builtinType(name), name]));
  return names;
}

type Document = { readonly value: JsonObject; readonly hash: string; readonly from: readonly Resource[] };
/** Documents are made when they are first asked for, and anew when a definition has changed. */
const documents = new WeakMap<object, Map<string, Document>>();

function document(api: Api, path: string, resources: readonly Resource[]): Document {
  let known = documents.get(api.registry);
  if (known === undefined) {
    known = new Map();
    documents.set(api.registry, known);
  }
  const before = known.get(path);
  const same =
    before?.from.length === resources.length && before.from.every((resource, index) => resource === resources[index]);
  if (before !== undefined && same) return before;
  const value = documentOf(resources);
  const hash = createHash('sha512').update(JSON.stringify(value)).digest('hex').toUpperCase();
  const made = { value, hash, from: resources };
  known.set(path, made);
  return made;
}

const pathOf = ({ group, apiVersion }: Resource): string => (group === '' ? `api/${apiVersion}` : `apis/${apiVersion}`);

/** `/openapi/v3`, its documents by group and version, or undefined for another path. */
export function openApiAnswer(api: Api, path: string, query: URLSearchParams): OpenApiAnswer | undefined {
  if (path !== '/openapi/v3' && !path.startsWith('/openapi/v3/')) return undefined;
  const byPath = Map.groupBy(api.registry.all(), pathOf);
  if (path === '/openapi/v3') {
    const paths: JsonObject = {};
    for (const [name, resources] of byPath) {
      paths[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${document(api, name, resources).hash}` };
    }
    const value = { paths };
    const etag = `"${createHash('sha256').update(JSON.stringify(value)).digest('hex').toUpperCase()}"`;
    return { value, etag, immutable: false };
  }
  const name = path.slice('/openapi/v3/'.length);
  const resources = byPath.get(name);
  if (resources === undefined) return undefined;
  const { value, hash } = document(api, name, resources);
  return { value, etag: `"${hash}"`, immutable: query.get('hash') === hash };
}
