import { createHash } from 'node:crypto';
import type { AnyField, Shape, Struct } from '../../../src/protocol/kafka/schema/field.ts';
import { includes } from '../../../src/protocol/kafka/schema/versions.ts';
import { defaultOf } from './arbitrary.ts';

/**
 * A decoded message in the form of Apache's own JSON converters: bytes in base64, record batches as their size, fields of
 * other versions left out, and tagged fields too when they have their default.
 */
export function apacheJson(fields: Struct, version: number, isFlexible: boolean, value: unknown): unknown {
  const source = value as Record<string, unknown>;
  const entries = Object.entries(fields).flatMap(([name, field]): [string, unknown][] => {
    if (field.versions !== undefined && !includes(field.versions, version)) return [];
    const isTagged =
      field.tag !== undefined &&
      isFlexible &&
      (field.taggedVersions === undefined || includes(field.taggedVersions, version));
    const json = shapeJson(field.shape, version, isFlexible, source[name]);
    if (isTagged && JSON.stringify(json) === JSON.stringify(defaultJson(field, version, isFlexible))) return [];
    return [[name, json]];
  });
  return Object.fromEntries(entries);
}

const defaultJson = (field: AnyField, version: number, isFlexible: boolean): unknown =>
  shapeJson(field.shape, version, isFlexible, defaultOf(field));

function shapeJson(shape: Shape, version: number, isFlexible: boolean, value: unknown): unknown {
  if (value === null) return null;
  switch (shape.kind) {
    case 'struct':
      return apacheJson(shape.fields, version, isFlexible, value);
    case 'array':
      return (value as unknown[]).map((each) => shapeJson(shape.element, version, isFlexible, each));
    case 'bytes':
      return (value as Buffer).toString('base64');
    default:
      return value;
  }
}

/** The converters print a record batch as its size only; this makes both sides say the same. */
export function withoutRecords(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutRecords);
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .filter(([name]) => !/^(records|unalignedRecords)(SizeInBytes)?$/.test(name))
      .map(([name, value]) => [name, withoutRecords(value)]),
  );
}

/** A seed that stays the same while a message's name and version do. */
export const seedOf = (text: string): number => createHash('sha256').update(text).digest().readInt32LE(0);
