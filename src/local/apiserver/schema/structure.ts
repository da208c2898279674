/**
 * The shape of a type as pruning, defaulting, strict decoding, patches and field ownership need it. Built-in types
 * and structural schemas of custom resources both become this, so that each algorithm is written once.
 */
export interface Structure {
  readonly type:
    | 'object'
    | 'map'
    | 'list'
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'intOrString'
    | 'quantity'
    /** Not described: any value is kept as it is. */
    | 'any';
  /** `int32`, `int64`, `date-time`, `micro-time`, `byte`, ...: as OpenAPI says it. */
  readonly format?: string;
  /** The Go type's name, for messages about built-in kinds: `ServicePort`. */
  readonly name?: string;
  /** Of an `object`: what is described of it. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Of a `map` its values', of a `list` its items' structure. */
  readonly element?: Structure;
  readonly list?: { readonly type: 'atomic' | 'set' | 'map'; readonly keys: readonly string[] };
  /** An object or map that has one owner as a whole. */
  readonly atomic: boolean;
  /** Fields that are not described are kept. */
  readonly preserveUnknown: boolean;
  /** An object with apiVersion, kind and metadata of its own. */
  readonly embedded: boolean;
  readonly nullable: boolean;
  readonly defaultValue?: unknown;
}

export interface Field {
  readonly structure: Structure;
  readonly required: boolean;
  /** A Go struct that is not a pointer: it is there even when nobody wrote it. */
  readonly alwaysThere: boolean;
  /** Used where a missing key of a list item must count (`protocol` of a port). */
  readonly keyDefault?: unknown;
  /** Strategic merge: the key of the list's items, and the strategies (`merge`, `replace`, `retainKeys`). */
  readonly mergeKey?: string;
  readonly strategies: readonly string[];
  readonly allowedValues?: readonly string[];
  /** The numbers that lead to it in protobuf; more than one where Go embeds a struct. Built-in types only. */
  readonly wire?: readonly number[];
  /** Go holds a pointer: zero is a value of its own, not absence. */
  readonly pointer?: boolean;
}

const nothing: ReadonlyMap<string, Field> = new Map();

export function structure(type: Structure['type'], more: Partial<Structure> = {}): Structure {
  return { type, fields: nothing, atomic: false, preserveUnknown: false, embedded: false, nullable: false, ...more };
}

export function field(of: Structure, more: Partial<Field> = {}): Field {
  return { structure: of, required: false, alwaysThere: false, strategies: [], ...more };
}

/** Inside what nobody described: objects have an owner a field, lists have one as a whole. */
export const untyped: Structure = structure('any', { preserveUnknown: true });
/** As `untyped`, with one owner for all of it. */
export const untypedAtomic: Structure = structure('any', { preserveUnknown: true, atomic: true });

/** What is known of a field of an object or a value of a map; `untyped` when nothing is. */
export function childOf(of: Structure, name: string): Structure {
  return of.fields.get(name)?.structure ?? (of.type === 'map' ? of.element : undefined) ?? untyped;
}
