import { isObject } from '../object.ts';
import type { Structure } from './structure.ts';

/**
 * A custom object without the fields that its schema does not describe.
 *
 * @param unknown  receives the paths of what was left out: `spec.foo`, `spec.list[0].bar`
 */
export function prune(value: unknown, of: Structure, path: string, unknown: string[]): unknown {
  if (of.type === 'any') return value;
  if (Array.isArray(value)) {
    const element = of.element;
    if (of.type !== 'list' || element === undefined) return value;
    return value.map((item, index) => prune(item, element, `${path}[${index}]`, unknown));
  }
  if (!isObject(value) || (of.type !== 'object' && of.type !== 'map')) return value;
  const kept: Record<string, unknown> = {};
  for (const name in value) {
    const inner = of.fields.get(name)?.structure ?? (of.type === 'map' ? of.element : undefined);
    const innerPath = path === '' ? name : `${path}.${name}`;
    if (inner !== undefined) kept[name] = prune(value[name], inner, innerPath, unknown);
    else if (of.preserveUnknown || (of.embedded && embeddedFields.has(name))) kept[name] = value[name];
    else unknown.push(innerPath);
  }
  return kept;
}

const embeddedFields = new Set(['apiVersion', 'kind', 'metadata']);
