import { copyJson, isObject, type JsonObject, type KubeObject, sameJson, timestamp } from '../object.ts';
import { type Rule, ruleProblem } from '../schema/rules.ts';
import { type FieldError, fieldError } from '../status.ts';
import { fill } from './pod-template.ts';
import type { KindRules, RuleContext } from './resource.ts';

export const definitionsBucket = 'customresourcedefinitions.apiextensions.k8s.io';
/** Holds a definition back until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export type DefinitionNames = {
  plural: string;
  kind: string;
  singular?: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
};
export type DefinitionVersion = {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: JsonObject };
  subresources?: {
    status?: JsonObject;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: {
    name: string;
    type: string;
    format?: string;
    description?: string;
    priority?: number;
    jsonPath: string;
  }[];
  selectableFields?: { jsonPath: string }[];
};
export type DefinitionSpec = {
  group: string;
  scope: string;
  names: DefinitionNames;
  versions: DefinitionVersion[];
};

export const specOfDefinition = (definition: KubeObject): DefinitionSpec => definition.spec as DefinitionSpec;

const condition = (type: string, status: boolean, reason: string, message: string, now: string): JsonObject => ({
  lastTransitionTime: now,
  message,
  reason,
  status: status ? 'True' : 'False',
  type,
});

/** Names that another definition of the same group has already. */
function takenNames(definition: KubeObject, context: RuleContext): string[] {
  const { group, names } = specOfDefinition(definition);
  const wanted = new Set([names.plural, names.singular, names.kind, names.listKind, ...(names.shortNames ?? [])]);
  return context
    .list(definitionsBucket)
    .filter((other) => other.metadata.name !== definition.metadata.name && specOfDefinition(other).group === group)
    .flatMap((other) => {
      const taken = specOfDefinition(other).names;
      return [taken.plural, taken.singular, taken.kind, taken.listKind, ...(taken.shortNames ?? [])];
    })
    .filter((name): name is string => name !== undefined && wanted.has(name));
}

/** Status as the original's controllers would set it in a moment: names accepted or not, established once they are. */
function statusOf(definition: KubeObject, old: KubeObject | undefined, context: RuleContext): JsonObject {
  const now = timestamp(context.nowMs);
  const spec = specOfDefinition(definition);
  const taken = takenNames(definition, context);
  const before = (old?.status ?? {}) as { conditions?: JsonObject[]; storedVersions?: string[] };
  const accepted = taken.length === 0;
  const conditions = [
    accepted
      ? condition('NamesAccepted', true, 'NoConflicts', 'no conflicts found', now)
      : condition(
          'NamesAccepted',
          false,
          'NameConflict',
          `${taken.map((name) => `"${name}"`).join(', ')} is already in use`,
          now,
        ),
    accepted
      ? condition('Established', true, 'InitialNamesAccepted', 'the initial names have been accepted', now)
      : condition('Established', false, 'NotAccepted', 'not all names are accepted', now),
  ].map((next) => {
    const same = before.conditions?.find((item) => item.type === next.type && item.status === next.status);
    return same ?? next;
  });
  const storage = spec.versions.find((version) => version.storage)?.name as string;
  return {
    acceptedNames: copyJson(spec.names) as JsonObject,
    conditions,
    storedVersions: [...new Set([...(before.storedVersions ?? []), storage])],
  };
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** A structural schema says the type of everything it describes, and a little more that this checks. */
function schemaErrors(schema: JsonObject, path: string, root: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const type = schema.type;
  if (type === undefined || type === '') {
    if (root) errors.push(fieldError.required(`${path}.type`, 'must not be empty at the root'));
    else if (!intOrString && !preserve) {
      errors.push(fieldError.required(`${path}.type`, 'must not be empty for specified object fields'));
    }
  } else if (!types.includes(type as string)) {
    errors.push(fieldError.notSupported(`${path}.type`, type, types));
  } else if (root && type !== 'object') {
    errors.push(fieldError.invalid(`${path}.type`, type, 'must be object at the root'));
  }
  if (type === 'array' && schema.items === undefined) {
    errors.push(fieldError.required(`${path}.items`, 'must be specified'));
  }
  if (schema.properties !== undefined && schema.additionalProperties !== undefined) {
    errors.push(
      fieldError.forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    );
  }
  if (schema.additionalProperties === false) {
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'));
  }
  if (schema.uniqueItems === true) {
    errors.push(
      fieldError.forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  }
  if (typeof schema.pattern === 'string') {
    try {
      new RegExp(schema.pattern);
    } catch {
      errors.push(
        fieldError.invalid(`${path}.pattern`, schema.pattern, "must be a valid regular expression, but isn't"),
      );
    }
  }
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType as string)) {
    errors.push(fieldError.notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'map', 'set']));
  }
  const keys = schema['x-kubernetes-list-map-keys'];
  if (listType === 'map' && (!Array.isArray(keys) || keys.length === 0)) {
    errors.push(
      fieldError.required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'),
    );
  }
  const rules = schema['x-kubernetes-validations'];
  for (const [index, rule] of (Array.isArray(rules) ? (rules as unknown as Rule[]) : []).entries()) {
    const message = ruleProblem(rule, schema);
    if (message !== undefined) {
      errors.push({ type: 'Invalid', field: `${path}.x-kubernetes-validations[${index}].rule`, message });
    }
  }
  for (const [name, inner] of Object.entries((schema.properties ?? {}) as JsonObject)) {
    if (root && (name === 'metadata' || name === 'apiVersion' || name === 'kind')) continue;
    if (isObject(inner)) errors.push(...schemaErrors(inner, `${path}.properties[${name}]`, false));
  }
  if (isObject(schema.items)) errors.push(...schemaErrors(schema.items, `${path}.items`, false));
  if (isObject(schema.additionalProperties)) {
    errors.push(...schemaErrors(schema.additionalProperties, `${path}.additionalProperties`, false));
  }
  return errors;
}

function validate(definition: KubeObject): FieldError[] {
  const spec = specOfDefinition(definition);
  const errors: FieldError[] = [];
  if ((spec.group ?? '') === '') errors.push(fieldError.required('spec.group'));
  else if (!spec.group.includes('.'))
    errors.push(fieldError.invalid('spec.group', spec.group, 'should be a domain with at least one dot'));
  if (spec.scope !== 'Namespaced' && spec.scope !== 'Cluster') {
    errors.push(fieldError.notSupported('spec.scope', spec.scope ?? '', ['Cluster', 'Namespaced']));
  }
  const strategy = (definition.spec as { conversion?: { strategy?: string } }).conversion?.strategy ?? 'None';
  if (strategy !== 'None') errors.push(fieldError.notSupported('spec.conversion.strategy', strategy, ['None']));
  const names = spec.names ?? {};
  for (const name of ['plural', 'kind'] as const) {
    if ((names[name] ?? '') === '') errors.push(fieldError.required(`spec.names.${name}`));
  }
  const expected = `${names.plural}.${spec.group}`;
  if (definition.metadata.name !== expected) {
    errors.push(
      fieldError.invalid('metadata.name', definition.metadata.name, 'must be spec.names.plural+"."+spec.group'),
    );
  }
  const versions = spec.versions ?? [];
  if (versions.filter((version) => version.storage).length !== 1) {
    errors.push(
      fieldError.invalid(
        'spec.versions',
        versions.map((version) => version.name),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  // A schema that all versions have is named by the path that it had when there was but one.
  const same = versions.every((version) => sameJson(version.schema, versions[0]?.schema));
  const shared = same ? 'spec.validation.openAPIV3Schema' : undefined;
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`;
    if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(version.name ?? '')) {
      errors.push(
        fieldError.invalid(
          `${path}.name`,
          version.name,
          "a DNS-1035 label must consist of lower case alphanumeric characters or '-'",
        ),
      );
    }
    const schema = version.schema?.openAPIV3Schema;
    if (schema === undefined)
      errors.push(fieldError.required(`${path}.schema.openAPIV3Schema`, 'schemas are required'));
    else if (shared === undefined || index === 0) {
      errors.push(...schemaErrors(schema, shared ?? `${path}.schema.openAPIV3Schema`, true));
    }
    for (const [columnIndex, column] of (version.additionalPrinterColumns ?? []).entries()) {
      const at = `${path}.additionalPrinterColumns[${columnIndex}]`;
      if (!(column.jsonPath ?? '').startsWith('.')) {
        errors.push(
          fieldError.invalid(`${at}.jsonPath`, column.jsonPath ?? '', 'must be a simple json path starting with .'),
        );
      }
      const allowed = ['boolean', 'date', 'integer', 'number', 'string'];
      if (!allowed.includes(column.type)) errors.push(fieldError.notSupported(`${at}.type`, column.type, allowed));
    }
  }
  return errors;
}

export const definitionRules: KindRules = {
  generation: true,
  defaults: (definition) => {
    const spec = definition.spec as JsonObject | undefined;
    if (!isObject(spec)) return;
    fill(spec, 'conversion', { strategy: 'None' });
    const names = (spec.names ?? {}) as JsonObject;
    if (typeof names.kind === 'string') {
      fill(names, 'singular', names.kind.toLowerCase());
      fill(names, 'listKind', `${names.kind}List`);
    }
  },
  prepareCreate: (definition, context) => {
    const finalizers = definition.metadata.finalizers ?? [];
    if (!finalizers.includes(cleanupFinalizer)) definition.metadata.finalizers = [...finalizers, cleanupFinalizer];
    const errors = isObject(definition.spec) ? validate(definition) : [fieldError.required('spec')];
    if (errors.length > 0) return errors;
    definition.status = statusOf(definition, undefined, context);
    return undefined;
  },
  prepareUpdate: (definition, old, context) => {
    const errors = isObject(definition.spec) ? validate(definition) : [fieldError.required('spec')];
    if (errors.length > 0) return errors;
    if (!sameJson(definition.spec, old.spec)) definition.status = statusOf(definition, old, context);
    return undefined;
  },
  validateUpdate: (definition, old) => {
    const errors: FieldError[] = [];
    const [spec, before] = [specOfDefinition(definition), specOfDefinition(old)];
    for (const name of ['group', 'scope'] as const) {
      if (spec[name] !== before[name])
        errors.push(fieldError.invalid(`spec.${name}`, spec[name], 'field is immutable'));
    }
    for (const name of ['plural', 'kind'] as const) {
      if (spec.names[name] !== before.names[name]) {
        errors.push(fieldError.invalid(`spec.names.${name}`, spec.names[name], 'field is immutable'));
      }
    }
    return errors;
  },
};
