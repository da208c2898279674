import { isObject } from '../object.ts';
import { type FieldError, fieldError } from '../status.ts';
import { childOf, type Structure, untyped } from './structure.ts';

/** An item of an associative list that is there twice: `keys` holds the values that must differ. */
export type Duplicate = {
  readonly path: string;
  readonly index: number;
  readonly item: unknown;
  readonly keys: Readonly<Record<string, unknown>> | undefined;
};

/** Every repeated item of lists that are sets or maps. */
export function duplicates(value: unknown, of: Structure, path: string): Duplicate[] {
  const found: Duplicate[] = [];
  if (Array.isArray(value)) {
    const element = of.element ?? untyped;
    const seen = new Set<string>();
    for (const [index, item] of value.entries()) {
      found.push(...duplicates(item, element, `${path}[${index}]`));
      if (of.list === undefined || of.list.type === 'atomic') continue;
      const keys = of.list.type === 'map' ? keysOf(item, of) : undefined;
      const identity = JSON.stringify(keys ?? item);
      if (seen.has(identity)) found.push({ path, index, item, keys });
      seen.add(identity);
    }
  } else if (isObject(value)) {
    for (const name in value) {
      found.push(...duplicates(value[name], childOf(of, name), path === '' ? name : `${path}.${name}`));
    }
  }
  return found;
}

function keysOf(item: unknown, of: Structure): Record<string, unknown> {
  const keys: Record<string, unknown> = {};
  for (const key of of.list?.keys ?? []) {
    const field = of.element?.fields.get(key);
    keys[key] = (isObject(item) ? item[key] : undefined) ?? field?.keyDefault ?? field?.structure.defaultValue;
  }
  return keys;
}

export const duplicateErrors = (value: unknown, of: Structure): FieldError[] =>
  duplicates(value, of, '').map(({ path, index, item, keys }) =>
    fieldError.duplicate(`${path}[${index}]`, keys ?? item),
  );
