import fc from 'fast-check';
import type { AnyField, Shape, Struct } from '../../../src/protocol/kafka/schema/field.ts';
import { includes } from '../../../src/protocol/kafka/schema/versions.ts';
import { zeroUuid } from '../../../src/protocol/kafka/wire/uuid.ts';

/** Any value that a message of this version can carry; fields that the version lacks have their defaults. */
export function arbitraryStruct(fields: Struct, version: number): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(
    Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, arbitraryField(field, version)])),
    { noNullPrototype: true },
  );
}

function arbitraryField(field: AnyField, version: number): fc.Arbitrary<unknown> {
  if (field.versions !== undefined && !includes(field.versions, version)) return fc.constant(defaultOf(field));
  const value = arbitraryShape(field.shape, version);
  return includes(field.nullable, version) ? fc.option(value, { nil: null }) : value;
}

function arbitraryShape(shape: Shape, version: number): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -128, max: 127 });
    case 'int16':
      return fc.integer({ min: -32768, max: 32767 });
    case 'uint16':
      return fc.integer({ min: 0, max: 65535 });
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.integer({ min: 0, max: 4294967295 });
    case 'int64':
      return fc.maxSafeInteger();
    case 'float64':
      return fc.double({ noNaN: true });
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((raw) => Buffer.from(raw).toString('base64url'));
    case 'string':
      return fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 60 }));
    case 'bytes':
      return fc
        .oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 500, maxLength: 600 }))
        .map((raw) => Buffer.from(raw));
    case 'array':
      return fc.array(arbitraryShape(shape.element, version), { maxLength: 3 });
    case 'struct':
      return arbitraryStruct(shape.fields, version);
  }
}

export function defaultOf(field: AnyField): unknown {
  return field.defaultValue === undefined ? emptyOf(field.shape) : field.defaultValue;
}

function emptyOf(shape: Shape): unknown {
  switch (shape.kind) {
    case 'bool':
      return false;
    case 'string':
      return '';
    case 'uuid':
      return zeroUuid;
    case 'bytes':
      return Buffer.alloc(0);
    case 'array':
      return [];
    case 'struct':
      return defaultsOf(shape.fields);
    default:
      return 0;
  }
}

export const defaultsOf = (fields: Struct): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, defaultOf(field)]));
