import { failure, type Result, success } from '../../../base/index.ts';
import { type Malformed, MalformedError } from '../wire/malformed.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { type Codec, compile } from './compile.ts';
import type { DecodedStruct, EncodableStruct, Struct } from './field.ts';
import { includes, type VersionRange, type Versions, versionRange } from './versions.ts';

/** A message for all its versions; its codecs are compiled at the first use of each version. */
export class Message<Fields extends Struct> {
  readonly name: string;
  readonly versions: VersionRange;
  /** Versions with compact lengths and tagged fields; undefined: none. */
  readonly flexible: VersionRange | undefined;
  readonly fields: Fields;
  private readonly codecs: Codec[] = [];

  constructor(name: string, versions: VersionRange, flexible: VersionRange | undefined, fields: Fields) {
    this.name = name;
    this.versions = versions;
    this.flexible = flexible;
    this.fields = fields;
  }

  isFlexible(version: number): boolean {
    return includes(this.flexible, version);
  }

  private codec(version: number): Codec {
    const known = this.codecs[version];
    if (known !== undefined) return known;
    if (!includes(this.versions, version)) {
      throw new Error(`broken assumption: ${this.name} has a version ${version}`);
    }
    const made = compile(this.name, this.fields, version, this.isFlexible(version));
    this.codecs[version] = made;
    return made;
  }

  /** @throws MalformedError, and so only for use inside protocol/kafka */
  read(reader: Reader, version: number): DecodedStruct<Fields> {
    return this.codec(version).decode(reader) as DecodedStruct<Fields>;
  }

  /** @throws EncodeError when a value does not fit its type */
  write(writer: Writer, version: number, value: EncodableStruct<Fields>): void {
    this.codec(version).encode(writer, value);
  }

  /** Byte fields of the result are views of `buffer`. Bytes after the message are not looked at. */
  decode(buffer: Buffer, version: number, offset = 0): Result<DecodedStruct<Fields>, Malformed> {
    return caught(() => this.read(new Reader(buffer, offset), version));
  }

  /** @throws EncodeError when a value does not fit its type */
  encode(version: number, value: EncodableStruct<Fields>): Buffer {
    const writer = new Writer();
    this.write(writer, version, value);
    return writer.finishContiguous();
  }
}

export type Decoded<M> = M extends Message<infer Fields> ? DecodedStruct<Fields> : never;
export type Encodable<M> = M extends Message<infer Fields> ? EncodableStruct<Fields> : never;

/** Runs a decoder and turns its complaint about the bytes into a value. */
export function caught<Value>(decode: () => Value): Result<Value, Malformed> {
  try {
    return success(decode());
  } catch (error) {
    if (error instanceof MalformedError) {
      return failure({ kind: 'malformed', sentence: error.message, offset: error.offset });
    }
    throw error;
  }
}

type MessageDefinition<Fields> = {
  readonly name: string;
  readonly versions: Versions;
  readonly flexible?: Versions;
  readonly fields: Fields;
};

/** A message that is not a request: the value of a record, a part of the consumer protocol. */
export function message<const Fields extends Struct>(definition: MessageDefinition<Fields>): Message<Fields> {
  return new Message(
    definition.name,
    versionRange(definition.versions),
    definition.flexible === undefined ? undefined : versionRange(definition.flexible),
    definition.fields,
  );
}
