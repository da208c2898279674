import { builtinType } from '../kinds/builtin-types.ts';
import { isObject, type JsonObject } from '../object.ts';
import { type Field, field, type Structure, structure, untyped } from './structure.ts';

/** The structure of a custom resource from the schema in its definition; metadata is always an ObjectMeta. */
export function customStructure(schema: JsonObject): Structure {
  const root = structureOf(schema);
  const fields = new Map(root.fields);
  fields.set('apiVersion', field(structure('string')));
  fields.set('kind', field(structure('string')));
  fields.set('metadata', field(builtinType('meta.v1.ObjectMeta')));
  return { ...root, type: 'object', fields };
}

function structureOf(schema: JsonObject): Structure {
  const common = {
    nullable: schema.nullable === true,
    preserveUnknown: schema['x-kubernetes-preserve-unknown-fields'] === true,
    embedded: schema['x-kubernetes-embedded-resource'] === true,
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    ...(schema.default === undefined ? {} : { defaultValue: schema.default }),
    ...(typeof schema.format === 'string' ? { format: schema.format } : {}),
  };
  if (schema['x-kubernetes-int-or-string'] === true) return structure('intOrString', common);
  switch (schema.type) {
    case 'object': {
      const values = schema.additionalProperties;
      if (values === true) return structure('map', { ...common, element: untyped });
      if (isObject(values)) return structure('map', { ...common, element: structureOf(values) });
      const fields = new Map<string, Field>();
      for (const [name, inner] of Object.entries((schema.properties ?? {}) as JsonObject)) {
        if (isObject(inner)) fields.set(name, field(structureOf(inner)));
      }
      return structure('object', { ...common, fields });
    }
    case 'array': {
      const type = (schema['x-kubernetes-list-type'] ?? 'atomic') as 'atomic' | 'set' | 'map';
      const keys = (schema['x-kubernetes-list-map-keys'] ?? []) as string[];
      const element = isObject(schema.items) ? structureOf(schema.items) : untyped;
      return structure('list', { ...common, element, list: { type, keys } });
    }
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
      return structure(schema.type, common);
    default:
      // Only x-kubernetes-preserve-unknown-fields may leave the type out.
      return structure('any', { ...common, preserveUnknown: true });
  }
}
