import type { Reader } from '../wire/reader.ts';
import { zeroUuid } from '../wire/uuid.ts';
import type { Writer } from '../wire/writer.ts';
import type { AnyField, ScalarKind, Shape, Struct } from './field.ts';
import { includes } from './versions.ts';

/**
 * Turns the fields of one version of a message into two JavaScript functions, as text, once. Text and not closures, so
 * that the engine sees straight code and objects of one shape (`npm run bench -- protocol`). The text is made from our own
 * schemas alone; nothing from outside ever gets into it.
 */
export type Codec = {
  /** @throws MalformedError */
  readonly decode: (reader: Reader) => unknown;
  /** @throws EncodeError */
  readonly encode: (writer: Writer, value: unknown) => void;
};

type Scope = {
  readonly version: number;
  readonly flexible: boolean;
  /** Functions written so far, in order. */
  readonly lines: string[];
};

export function compile(name: string, fields: Struct, version: number, flexible: boolean): Codec {
  const scope: Scope = { version, flexible, lines: ["'use strict';", 'const empty = Buffer.alloc(0);'] };
  const path = `${name}_v${version}`;
  emitDecoder(path, fields, scope);
  emitEncoder(path, fields, scope);
  scope.lines.push(`return { decode: decode_${path}, encode: encode_${path} };`);
  return new Function('Buffer', scope.lines.join('\n'))(Buffer) as Codec;
}

const isPresent = (field: AnyField, version: number): boolean =>
  field.versions === undefined || includes(field.versions, version);

const isTagged = (field: AnyField, scope: Scope): boolean =>
  field.tag !== undefined &&
  scope.flexible &&
  (field.taggedVersions === undefined || includes(field.taggedVersions, scope.version));

/** The fewest bytes a value can take: the bound that is checked before an array is made. */
function smallestSize(shape: Shape, nullable: boolean, scope: Scope): number {
  switch (shape.kind) {
    case 'bool':
    case 'int8':
      return 1;
    case 'int16':
    case 'uint16':
      return 2;
    case 'int32':
    case 'uint32':
      return 4;
    case 'int64':
    case 'float64':
      return 8;
    case 'uuid':
      return 16;
    case 'string':
      return scope.flexible ? 1 : 2;
    case 'bytes':
    case 'array':
      return scope.flexible ? 1 : 4;
    case 'struct': {
      if (nullable) return 1;
      let size = scope.flexible ? 1 : 0;
      for (const field of Object.values(shape.fields)) {
        if (!isPresent(field, scope.version) || isTagged(field, scope)) continue;
        size += smallestSize(field.shape, includes(field.nullable, scope.version), scope);
      }
      return Math.max(size, 1);
    }
  }
}

/** The method of Reader and Writer for a scalar. */
function method(kind: ScalarKind, nullable: boolean, flexible: boolean): string {
  if (kind !== 'string' && kind !== 'bytes') return kind;
  const word = nullable ? `nullable${kind === 'string' ? 'String' : 'Bytes'}` : kind;
  return flexible ? `compact${word[0]?.toUpperCase()}${word.slice(1)}` : word;
}

function countMethod(nullable: boolean, flexible: boolean): string {
  if (flexible) return nullable ? 'compactNullableCount' : 'compactCount';
  return nullable ? 'nullableCount' : 'count';
}

/** An expression that gives the field's default, made anew where it is an object. */
function defaultOf(field: AnyField): string {
  if (field.defaultValue !== undefined) return JSON.stringify(field.defaultValue);
  return emptyOf(field.shape);
}

function emptyOf(shape: Shape): string {
  switch (shape.kind) {
    case 'bool':
      return 'false';
    case 'string':
      return "''";
    case 'bytes':
      return 'empty';
    case 'uuid':
      return `'${zeroUuid}'`;
    case 'array':
      return '[]';
    case 'struct':
      return `{ ${Object.entries(shape.fields)
        .map(([name, field]) => `${name}: ${defaultOf(field)}`)
        .join(', ')} }`;
    default:
      return '0';
  }
}

/** An expression that reads one value; writes the functions that it calls. */
function readExpression(path: string, shape: Shape, nullable: boolean, scope: Scope): string {
  switch (shape.kind) {
    case 'struct':
      emitDecoder(path, shape.fields, scope);
      return nullable ? `(r.int8() < 0 ? null : decode_${path}(r))` : `decode_${path}(r)`;
    case 'array': {
      const element = readExpression(path, shape.element, false, scope);
      scope.lines.push(
        `function decodeList_${path}(r) {`,
        `  const count = r.${countMethod(nullable, scope.flexible)}(${smallestSize(shape.element, false, scope)});`,
        ...(nullable ? ['  if (count < 0) return null;'] : []),
        '  const list = [];',
        `  for (let index = 0; index < count; index++) list.push(${element});`,
        '  return list;',
        '}',
      );
      return `decodeList_${path}(r)`;
    }
    default:
      return `r.${method(shape.kind, nullable, scope.flexible)}()`;
  }
}

function emitDecoder(path: string, fields: Struct, scope: Scope): void {
  const body: string[] = [];
  const tags: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (!isPresent(field, scope.version)) {
      body.push(`  const ${name}_ = ${defaultOf(field)};`);
      continue;
    }
    const nullable = includes(field.nullable, scope.version);
    const read = readExpression(`${path}_${name}`, field.shape, nullable, scope);
    if (isTagged(field, scope)) {
      body.push(`  let ${name}_ = ${defaultOf(field)};`);
      tags.push(`      case ${field.tag}: ${name}_ = ${read}; break;`);
    } else {
      body.push(`  const ${name}_ = ${read};`);
    }
  }
  if (scope.flexible) {
    if (tags.length === 0) body.push('  r.skipTags();');
    else {
      body.push(
        '  for (let left = r.uvarint(); left > 0; left--) {',
        '    const tag = r.uvarint();',
        '    const end = r.tagEnd();',
        '    switch (tag) {',
        ...tags,
        '      default: r.offset = end;',
        '    }',
        '    r.expectAt(end);',
        '  }',
      );
    }
  }
  const names = Object.keys(fields).map((name) => `${name}: ${name}_`);
  scope.lines.push(`function decode_${path}(r) {`, ...body, `  return { ${names.join(', ')} };`, '}');
}

/** A statement that writes the value of an expression; writes the functions that it calls. */
function writeStatement(path: string, shape: Shape, nullable: boolean, value: string, scope: Scope): string {
  switch (shape.kind) {
    case 'struct':
      emitEncoder(path, shape.fields, scope);
      return nullable
        ? `if (${value} === null) w.int8(-1); else { w.int8(1); encode_${path}(w, ${value}); }`
        : `encode_${path}(w, ${value});`;
    case 'array': {
      const element = writeStatement(path, shape.element, false, 'list[index]', scope);
      scope.lines.push(
        `function encodeList_${path}(w, list) {`,
        ...(nullable ? [`  if (list === null) { ${scope.flexible ? 'w.uvarint(0)' : 'w.int32(-1)'}; return; }`] : []),
        '  const count = list.length;',
        `  w.${scope.flexible ? 'compactCount' : 'count'}(count);`,
        `  for (let index = 0; index < count; index++) { ${element} }`,
        '}',
      );
      return `encodeList_${path}(w, ${value});`;
    }
    default:
      return `w.${method(shape.kind, nullable, scope.flexible)}(${value});`;
  }
}

function emitEncoder(path: string, fields: Struct, scope: Scope): void {
  const body: string[] = [];
  const tags: { tag: number; name: string; lines: string[] }[] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (!isPresent(field, scope.version)) continue;
    const nullable = includes(field.nullable, scope.version);
    const write = writeStatement(`${path}_${name}`, field.shape, nullable, `${name}_`, scope);
    body.push(`  let ${name}_ = m.${name};`, `  if (${name}_ === undefined) ${name}_ = ${defaultOf(field)};`);
    if (isTagged(field, scope)) {
      body.push(`  const ${name}_set = ${isSet(field, `${name}_`)};`, `  if (${name}_set) tagCount++;`);
      tags.push({
        tag: field.tag as number,
        name,
        lines: [`  if (${name}_set) { const mark = w.openTag(${field.tag}); ${write} w.closeTag(mark); }`],
      });
    } else {
      body.push(`  ${write}`);
    }
  }
  if (scope.flexible) {
    if (tags.length === 0) body.push('  w.uvarint(0);');
    else {
      tags.sort((one, other) => one.tag - other.tag);
      body.unshift('  let tagCount = 0;');
      body.push('  w.uvarint(tagCount);', ...tags.flatMap((tag) => tag.lines));
    }
  }
  scope.lines.push(`function encode_${path}(w, m) {`, ...body, '}');
}

/** An expression: does this tagged field differ from its default (and so has to be written)? */
function isSet(field: AnyField, value: string): string {
  if (field.defaultValue === null) return `${value} !== null`;
  switch (field.shape.kind) {
    case 'array':
    case 'bytes':
      return `${value} === null || ${value}.length !== 0`;
    case 'struct': {
      const parts = Object.entries(field.shape.fields).map(([name, inner]) => {
        const inside = `${value}.${name}`;
        return `(${inside} !== undefined && (${isSet(inner, inside)}))`;
      });
      return `${value} === null || ${parts.join(' || ')}`;
    }
    default:
      return `${value} !== ${defaultOf(field)}`;
  }
}
