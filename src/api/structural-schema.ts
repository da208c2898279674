import { z } from 'zod';

/** A node of an OpenAPI v3 schema as a CustomResourceDefinition takes it. */
export type StructuralSchema = { [key: string]: unknown };

/**
 * A zod schema as a structural schema: what is written into a CustomResourceDefinition.
 *
 * JSON schema says more than Kubernetes takes: `additionalProperties: false` goes (unknown fields are pruned, and
 * refused by strict clients), bounds that only say "a safe integer" go, and a value of any type is spelled as Kubernetes does.
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  const json = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', reused: 'inline' });
  return structural(json as StructuralSchema);
}

const withoutType = { 'x-kubernetes-preserve-unknown-fields': true };

function structural(node: StructuralSchema): StructuralSchema {
  const result: StructuralSchema = {};
  if (node['x-kubernetes-int-or-string'] === true) {
    // The only place where Kubernetes takes alternatives of types; our own parse is stricter than `pattern` for numbers.
    const text = (node.anyOf as StructuralSchema[] | undefined)?.find(({ type }) => type === 'string');
    result.anyOf = [{ type: 'integer' }, { type: 'string' }];
    result['x-kubernetes-int-or-string'] = true;
    if (text?.pattern !== undefined) result.pattern = text.pattern;
    if (node.description !== undefined) result.description = node.description;
    if (node.default !== undefined) result.default = node.default;
    return result;
  }
  for (const [key, value] of Object.entries(node)) {
    switch (key) {
      case '$schema':
        break;
      case 'minimum':
      case 'maximum':
        if (Math.abs(value as number) !== Number.MAX_SAFE_INTEGER) result[key] = value;
        break;
      case 'pattern':
        // The format says it; zod's pattern for times is a page long.
        if (node.format === undefined) result[key] = value;
        break;
      case 'properties':
        result[key] = Object.fromEntries(
          Object.entries(value as Record<string, StructuralSchema>).map(([name, child]) => [name, structural(child)]),
        );
        break;
      case 'items':
        result[key] = structural(value as StructuralSchema);
        break;
      case 'additionalProperties':
        if (value === false) break;
        result[key] = 'anyOf' in (value as StructuralSchema) ? withoutType : structural(value as StructuralSchema);
        break;
      case 'propertyNames':
        break;
      case 'type':
        result[key] = isIntegerEnum(node) ? 'integer' : value;
        break;
      default:
        result[key] = value;
    }
  }
  return result;
}

const isIntegerEnum = ({ type, enum: values }: StructuralSchema): boolean =>
  type === 'number' && Array.isArray(values) && values.every((value) => Number.isInteger(value));
