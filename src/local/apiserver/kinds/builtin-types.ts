import { type Field, field, type Structure, structure, untyped, untypedAtomic } from '../schema/structure.ts';
import { builtinTypesText } from './builtin-types.generated.ts';

/**
 * The built-in types by their short name (`core.v1.Pod`), parsed from the generated text on first use.
 *
 * A line there is `name type flags`: a type is a scalar with a format (`integer:int32`), `[]T`, `{}T`, `any`,
 * `anything` or another type's name; flags are `required`, `default=JSON`, `list=map(keys)|set|atomic`,
 * `map=atomic`, `key=` and `strategy=` of strategic merge patches, `enum=a|b`, `#1.2` for the numbers that lead to the
 * field in protobuf, and `pointer` where Go tells zero from absence.
 */
const paragraphs = new Map<string, { readonly atomic: boolean; readonly lines: readonly string[] }>();
const parsed = new Map<string, Structure>();

function readParagraphs(): void {
  let lines: string[] = [];
  for (const line of builtinTypesText.split('\n')) {
    if (line.startsWith('  ')) lines.push(line.slice(2));
    else if (line !== '') {
      const [name = '', ...flags] = line.split(' ');
      lines = [];
      paragraphs.set(name, { atomic: flags.includes('map=atomic'), lines });
    }
  }
}

export function builtinTypeNames(): string[] {
  if (paragraphs.size === 0) readParagraphs();
  return [...paragraphs.keys()];
}

/** @param name  short name, which must be in the generated text */
export function builtinType(name: string): Structure {
  if (paragraphs.size === 0) readParagraphs();
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const paragraph = paragraphs.get(name);
  if (paragraph === undefined) throw new Error(`broken assumption: the type ${name} is not among the generated ones`);
  const fields = new Map<string, Field>();
  const made = structure('object', {
    fields,
    name: name.slice(name.lastIndexOf('.') + 1),
    atomic: paragraph.atomic,
  });
  // Known before its fields are parsed: types refer to themselves.
  parsed.set(name, made);
  for (const line of paragraph.lines) {
    const [fieldName = '', type = '', ...flags] = line.split(' ');
    fields.set(fieldName, parseField(type, flags));
  }
  return made;
}

const scalars: Record<string, Structure> = {
  string: structure('string'),
  boolean: structure('boolean'),
  'int-or-string': structure('intOrString'),
  quantity: structure('quantity'),
  time: structure('string', { format: 'date-time' }),
  microtime: structure('string', { format: 'micro-time' }),
  any: untypedAtomic,
  anything: untyped,
};

function parseType(type: string): Structure {
  const scalar = scalars[type];
  if (scalar !== undefined) return scalar;
  if (type.startsWith('[]')) return structure('list', { element: parseType(type.slice(2)), list: atomicList });
  if (type.startsWith('{}')) return structure('map', { element: parseType(type.slice(2)) });
  const [base = '', format] = type.split(':');
  if (format !== undefined) return structure(base as 'string' | 'integer' | 'number', { format });
  return builtinType(type);
}

const atomicList = { type: 'atomic', keys: [] } as const;

function parseField(type: string, flags: readonly string[]): Field {
  let of = parseType(type);
  const more: { -readonly [Key in keyof Field]?: Field[Key] } = {};
  for (const flag of flags) {
    const at = flag.indexOf('=');
    const [name, value] = at === -1 ? [flag, ''] : [flag.slice(0, at), flag.slice(at + 1)];
    if (flag.startsWith('#')) more.wire = flag.slice(1).split('.').map(Number);
    if (flag === 'pointer') more.pointer = true;
    if (name === 'required') more.required = true;
    if (name === 'default') {
      if (value === '{}') more.alwaysThere = true;
      else more.keyDefault = JSON.parse(value);
    }
    if (name === 'map') of = { ...of, atomic: value === 'atomic' };
    if (name === 'key') more.mergeKey = value;
    if (name === 'strategy') more.strategies = value.split(',');
    if (name === 'enum') more.allowedValues = value.split('|');
    if (name === 'list') {
      const [, listType = '', keys] = /^(\w+)(?:\((.*)\))?$/.exec(value) ?? [];
      of = { ...of, list: { type: listType as 'atomic' | 'set' | 'map', keys: keys?.split(',') ?? [] } };
    }
  }
  return field(of, more);
}
