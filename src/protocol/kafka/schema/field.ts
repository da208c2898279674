import type { Uuid } from '../wire/uuid.ts';
import type { BytesToWrite } from '../wire/writer.ts';
import { type VersionRange, type Versions, versionRange } from './versions.ts';

declare const decodedType: unique symbol;
declare const encodableType: unique symbol;
declare const optionalType: unique symbol;

export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes';

export type Shape =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'array'; readonly element: Shape }
  | { readonly kind: 'struct'; readonly fields: Struct };

/**
 * One field of a message, for all its versions. The phantom types say what decoding gives, what encoding takes, and
 * whether encoding may do without (because there is a default).
 */
export type Field<Decoded, Encodable, Optional extends boolean> = {
  readonly shape: Shape;
  /** Versions whose wire form has the field; undefined: all. In the others it has its default. */
  readonly versions: VersionRange | undefined;
  /** Versions in which it may be null. */
  readonly nullable: VersionRange | undefined;
  /** Number in the tagged section; undefined: an ordinary field. */
  readonly tag: number | undefined;
  /** Versions in which it is in the tagged section, when not in all of its versions. */
  readonly taggedVersions: VersionRange | undefined;
  /** Undefined: the empty value of the type. */
  readonly defaultValue: boolean | number | string | null | undefined;
  readonly [decodedType]?: Decoded;
  readonly [encodableType]?: Encodable;
  readonly [optionalType]?: Optional;
};

export type AnyField = Field<unknown, unknown, boolean>;
/** Fields in wire order. */
export type Struct = { readonly [name: string]: AnyField };

export type FieldOptions = {
  readonly versions?: Versions;
  /** `true`: in every version that has the field. */
  readonly nullable?: Versions | true;
  readonly tag?: number;
  readonly taggedVersions?: Versions;
  readonly default?: boolean | number | string | null;
};

type Nullable<Value, Options> = Options extends { readonly nullable: Versions | true } ? Value | null : Value;
type IsOptional<Options> = Options extends
  | { readonly versions: Versions }
  | { readonly default: unknown }
  | { readonly tag: number }
  ? true
  : false;
type Made<Decoded, Encodable, Options> = Field<
  Nullable<Decoded, Options>,
  Nullable<Encodable, Options>,
  IsOptional<Options>
>;

type OptionalNames<Fields> = {
  [Name in keyof Fields]: Fields[Name] extends Field<unknown, unknown, infer Optional>
    ? Optional extends true
      ? Name
      : never
    : never;
}[keyof Fields];

/** What decoding gives: every field, those that the version lacks with their defaults. */
export type DecodedStruct<Fields> = {
  -readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Decoded, unknown, boolean> ? Decoded : never;
};

/** What encoding takes: fields that have a default, or that not all versions have, may be left out. */
export type EncodableStruct<Fields> = {
  readonly [Name in Exclude<keyof Fields, OptionalNames<Fields>>]: Fields[Name] extends Field<
    unknown,
    infer Encodable,
    boolean
  >
    ? Encodable
    : never;
} & {
  readonly [Name in OptionalNames<Fields>]?:
    | (Fields[Name] extends Field<unknown, infer Encodable, boolean> ? Encodable : never)
    | undefined;
};

function make<Decoded, Encodable, Options extends FieldOptions>(
  shape: Shape,
  options: Options,
): Made<Decoded, Encodable, Options> {
  const versions = options.versions === undefined ? undefined : versionRange(options.versions);
  return {
    shape,
    versions,
    nullable:
      options.nullable === undefined
        ? undefined
        : options.nullable === true
          ? versionRange('0+')
          : versionRange(options.nullable),
    tag: options.tag,
    taggedVersions: options.taggedVersions === undefined ? undefined : versionRange(options.taggedVersions),
    defaultValue: options.default,
  };
}

type None = Record<never, never>;

const scalar =
  <Value>(kind: ScalarKind) =>
  <const Options extends FieldOptions = None>(options?: Options): Made<Value, Value, Options> =>
    make<Value, Value, Options>({ kind }, options ?? ({} as Options));

export const bool = scalar<boolean>('bool');
export const int8 = scalar<number>('int8');
export const int16 = scalar<number>('int16');
export const uint16 = scalar<number>('uint16');
export const int32 = scalar<number>('int32');
export const uint32 = scalar<number>('uint32');
/** A number, see `Reader`. */
export const int64 = scalar<number>('int64');
export const float64 = scalar<number>('float64');
export const uuid = scalar<Uuid>('uuid');
export const string = scalar<string>('string');
/** A view of the received buffer when decoded; handed on by reference when encoded. */
export const bytes = scalar<Buffer>('bytes');
/** Record batches, opaque here: the same wire form as `bytes`. What is encoded may come in several pieces, batch by batch. */
export const records = <const Options extends FieldOptions = None>(
  options?: Options,
): Made<Buffer, BytesToWrite, Options> =>
  make<Buffer, BytesToWrite, Options>({ kind: 'bytes' }, options ?? ({} as Options));

export function struct<const Fields extends Struct, const Options extends FieldOptions = None>(
  fields: Fields,
  options?: Options,
): Made<DecodedStruct<Fields>, EncodableStruct<Fields>, Options> {
  return make<DecodedStruct<Fields>, EncodableStruct<Fields>, Options>(
    { kind: 'struct', fields },
    options ?? ({} as Options),
  );
}

/** An array of structs. */
export function list<const Fields extends Struct, const Options extends FieldOptions = None>(
  fields: Fields,
  options?: Options,
): Made<DecodedStruct<Fields>[], readonly EncodableStruct<Fields>[], Options> {
  return make<DecodedStruct<Fields>[], readonly EncodableStruct<Fields>[], Options>(
    { kind: 'array', element: { kind: 'struct', fields } },
    options ?? ({} as Options),
  );
}

/** An array of scalars: `array(int32(), ...)`. */
export function array<Decoded, Encodable, const Options extends FieldOptions = None>(
  element: Field<Decoded, Encodable, false>,
  options?: Options,
): Made<Decoded[], readonly Encodable[], Options> {
  return make<Decoded[], readonly Encodable[], Options>(
    { kind: 'array', element: element.shape },
    options ?? ({} as Options),
  );
}
