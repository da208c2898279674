import { isObject } from '../object.ts';
import type { Structure } from '../schema/structure.ts';

/**
 * Why an applied configuration does not fit its type: fields that are not declared, values of other types, items of
 * associative lists without a key or there twice. Lines as the original writes them.
 */
export function typedErrors(value: unknown, of: Structure): string[] {
  const errors: string[] = [];
  walk(value, of, '', errors);
  return errors;
}

/** Go's `%#v` of a value, as the original lets it into its messages. */
const goValue = (value: unknown): string =>
  `&value.valueUnstructured{Value:${typeof value === 'string' ? JSON.stringify(value) : String(value)}}`;

function goType(value: unknown): string {
  if (typeof value === 'boolean') return 'bool';
  if (Array.isArray(value)) return '[]interface {}';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value;
}

function walk(value: unknown, of: Structure, path: string, errors: string[]): void {
  if (value === null || value === undefined) return;
  const wrong = (wanted: string, got: string): void => {
    errors.push(`${path}: expected ${wanted}, got ${got}`);
  };
  switch (of.type) {
    case 'string':
      if (typeof value !== 'string') wrong('string', goValue(value));
      return;
    case 'integer':
    case 'number':
      if (typeof value !== 'number') wrong('numeric (int or float)', goType(value));
      return;
    case 'boolean':
      if (typeof value !== 'boolean') wrong('boolean', goValue(value));
      return;
    case 'list':
      if (Array.isArray(value)) walkList(value, of, path, errors);
      else wrong('list', goValue(value));
      return;
    case 'object':
    case 'map':
      if (!isObject(value)) {
        wrong('map', goValue(value));
        return;
      }
      for (const name in value) {
        const inner = of.fields.get(name)?.structure ?? (of.type === 'map' ? of.element : undefined);
        if (inner !== undefined) walk(value[name], inner, `${path}.${name}`, errors);
        else if (of.type === 'object' && !of.preserveUnknown && !of.embedded) {
          errors.push(`${path}.${name}: field not declared in schema`);
        }
      }
      return;
    default:
      return;
  }
}

function walkList(items: readonly unknown[], of: Structure, path: string, errors: string[]): void {
  const element = of.element;
  if (element === undefined) return;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    let step = `[${index}]`;
    if (of.list?.type === 'map') {
      const keys = of.list.keys.map((name) => {
        const field = element.fields.get(name);
        const value = (isObject(item) ? item[name] : undefined) ?? field?.keyDefault ?? field?.structure.defaultValue;
        return [name, value] as const;
      });
      if (keys.every(([, value]) => value === undefined)) {
        const names = of.list.keys.map((name) => JSON.stringify(name)).join(' ');
        errors.push(
          `${path}: element ${index}: associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
        );
        continue;
      }
      step = `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    } else if (of.list?.type === 'set') step = `[=${JSON.stringify(item)}]`;
    const associative = of.list !== undefined && of.list.type !== 'atomic';
    if (associative && seen.has(step)) errors.push(`${path}: duplicate entries for key ${step}`);
    seen.add(step);
    walk(item, element, `${path}${step}`, errors);
  }
}
