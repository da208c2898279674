import { isObject } from '../object.ts';
import { quantityPattern } from './quantity.ts';
import type { Structure } from './structure.ts';

/** What decoding found; `typeError` is Go's sentence, and the request cannot be served with it. */
export type Decoded = { readonly value: unknown; readonly unknownFields: string[]; readonly typeError?: string };

const int32Limit = 2 ** 31;
/** RFC 3339, with an optional fraction. */
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

class TypeProblem extends Error {}

/**
 * A built-in object as the server reads it from JSON: fields that the type does not have are left out and reported,
 * nulls count as absent, and a value of another type is an error.
 */
export function decode(value: unknown, structure: Structure): Decoded {
  const unknownFields: string[] = [];
  try {
    const decoded = walk(value, structure, { path: '', goPath: '', structName: structure.name ?? '' }, unknownFields);
    return { value: decoded, unknownFields };
  } catch (problem) {
    if (!(problem instanceof TypeProblem)) throw problem;
    return { value: undefined, unknownFields, typeError: problem.message };
  }
}

type Place = { readonly path: string; readonly goPath: string; readonly structName: string };

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function walk(value: unknown, of: Structure, place: Place, unknown: string[]): unknown {
  switch (of.type) {
    case 'any':
      return value;
    case 'object': {
      if (!isObject(value)) throw mismatch(value, of.name ?? 'object', place);
      const decoded: Record<string, unknown> = {};
      for (const name in value) {
        const field = of.fields.get(name);
        const path = below(place.path, name);
        if (field === undefined) {
          unknown.push(path);
          continue;
        }
        const inner = value[name];
        if (inner === null || inner === undefined) continue;
        if (!field.required && isEmptyCollection(inner, field.structure)) continue;
        const next = { path, goPath: below(place.goPath, name), structName: of.name ?? '' };
        decoded[name] = walk(inner, field.structure, next, unknown);
      }
      return decoded;
    }
    case 'map': {
      if (!isObject(value)) throw mismatch(value, `map[string]${goType(of.element)}`, place);
      const decoded: Record<string, unknown> = {};
      for (const name in value) {
        // A Go map of strings keeps the key of a null with the zero value.
        const inner = value[name] ?? (of.element?.type === 'string' ? '' : undefined);
        if (inner === undefined) continue;
        const next = { ...place, path: below(place.path, name) };
        decoded[name] = of.element === undefined ? inner : walk(inner, of.element, next, unknown);
      }
      return decoded;
    }
    case 'list': {
      if (!Array.isArray(value)) throw mismatch(value, `[]${goType(of.element)}`, place);
      const element = of.element;
      if (element === undefined) return value;
      return value.map((item, index) =>
        walk(
          item ?? (element.type === 'object' ? {} : item),
          element,
          { ...place, path: `${place.path}[${index}]` },
          unknown,
        ),
      );
    }
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, 'string', place);
      if ((of.format === 'date-time' || of.format === 'micro-time') && value !== '' && !timePattern.test(value)) {
        throw new TypeProblem(
          `parsing time ${JSON.stringify(JSON.stringify(value))} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
        );
      }
      return value;
    case 'integer': {
      if (typeof value !== 'number') throw mismatch(value, goType(of), place);
      const tooLarge = of.format === 'int32' && Math.abs(value) >= int32Limit;
      if (!Number.isInteger(value) || tooLarge) throw mismatch(value, goType(of), place, `number ${value}`);
      return value;
    }
    case 'number':
      if (typeof value !== 'number') throw mismatch(value, goType(of), place);
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(value, 'bool', place);
      return value;
    case 'intOrString':
      if (typeof value !== 'number' && typeof value !== 'string') throw mismatch(value, 'intstr.IntOrString', place);
      return value;
    case 'quantity': {
      const text = typeof value === 'number' ? String(value) : value;
      if (typeof text !== 'string' || !quantityPattern.test(text)) {
        throw new TypeProblem(
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
      }
      return text;
    }
  }
}

/** Go leaves empty lists and maps out of JSON, unless the field is always written. */
const isEmptyCollection = (value: unknown, of: Structure): boolean =>
  (of.type === 'list' && Array.isArray(value) && value.length === 0) ||
  (of.type === 'map' && isObject(value) && Object.keys(value).length === 0);

function goType(of: Structure | undefined): string {
  if (of === undefined) return 'interface {}';
  if (of.type === 'integer') return of.format === 'int32' ? 'int32' : 'int64';
  if (of.type === 'number') return 'float64';
  if (of.type === 'boolean') return 'bool';
  if (of.type === 'list') return `[]${goType(of.element)}`;
  if (of.type === 'map') return `map[string]${goType(of.element)}`;
  return of.name ?? 'string';
}

function mismatch(value: unknown, type: string, place: Place, found?: string): TypeProblem {
  const word =
    found ??
    (Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : value === null ? 'null' : typeof value);
  if (place.goPath === '') return new TypeProblem(`json: cannot unmarshal ${word} into Go value of type ${type}`);
  return new TypeProblem(
    `json: cannot unmarshal ${word} into Go struct field ${place.structName}.${place.goPath} of type ${type}`,
  );
}
