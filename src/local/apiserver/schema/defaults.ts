import { copyJson, isObject } from '../object.ts';
import type { Structure } from './structure.ts';

/**
 * A custom object with the defaults of its schema filled in, from the outside in, so that a default object gets the
 * defaults of its own fields. A null where the schema has a default and is not nullable counts as absent.
 */
export function withDefaults(value: unknown, of: Structure): unknown {
  if (Array.isArray(value)) {
    const element = of.element;
    return of.type === 'list' && element !== undefined ? value.map((item) => withDefaults(item, element)) : value;
  }
  if (!isObject(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, { structure }] of of.fields) {
    const missing = filled[name] === undefined || (filled[name] === null && !structure.nullable);
    if (missing && structure.defaultValue !== undefined) filled[name] = copyJson(structure.defaultValue);
    if (filled[name] !== undefined) filled[name] = withDefaults(filled[name], structure);
  }
  if (of.type === 'map' && of.element !== undefined) {
    for (const name in filled) filled[name] = withDefaults(filled[name], of.element);
  }
  return filled;
}
