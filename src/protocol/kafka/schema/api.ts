import type { Struct } from './field.ts';
import { type Decoded, type Encodable, Message } from './message.ts';
import { type VersionRange, type Versions, versionRange } from './versions.ts';

/** One request and its response, for all versions. */
export type Api<Request extends Struct = Struct, Response extends Struct = Struct> = {
  readonly key: number;
  /** Kafka's name: `ListOffsets`. */
  readonly name: string;
  readonly versions: VersionRange;
  readonly request: Message<Request>;
  readonly response: Message<Response>;
};

/** What a server receives: every field is there. */
export type RequestOf<A extends { readonly request: unknown }> = Decoded<A['request']>;
/** What a client writes: fields with defaults may be left out. */
export type RequestInputOf<A extends { readonly request: unknown }> = Encodable<A['request']>;
/** What a client receives: every field is there. */
export type ResponseOf<A extends { readonly response: unknown }> = Decoded<A['response']>;
/** What a server writes: fields with defaults may be left out. */
export type ResponseInputOf<A extends { readonly response: unknown }> = Encodable<A['response']>;

type ApiDefinition<Request, Response> = {
  readonly key: number;
  readonly name: string;
  readonly versions: Versions;
  readonly flexible?: Versions;
  readonly request: Request;
  readonly response: Response;
};

export function api<const Request extends Struct, const Response extends Struct>(
  definition: ApiDefinition<Request, Response>,
): Api<Request, Response> {
  const versions = versionRange(definition.versions);
  const flexible = definition.flexible === undefined ? undefined : versionRange(definition.flexible);
  return {
    key: definition.key,
    name: definition.name,
    versions,
    request: new Message(`${definition.name}Request`, versions, flexible, definition.request),
    response: new Message(`${definition.name}Response`, versions, flexible, definition.response),
  };
}
