import type { Api, apis, RequestOf, ResponseInputOf, VersionRange } from '../../protocol/kafka/index.ts';
import type { Connection } from '../socket/connection.ts';

/** What a handler knows of a request besides its body. */
export type RequestContext = {
  readonly connection: Connection;
  readonly listenerName: string;
  /** Address with a leading slash, as Java prints it. */
  readonly clientHost: string;
  readonly clientId: string | null;
  readonly apiVersion: number;
};

/** `noResponse`: acks=0. `close`: nothing sensible can be said to this client. */
export type Answer<A extends Api> = ResponseInputOf<A> | 'noResponse' | 'close';

export type Handle<A extends Api> = (request: RequestOf<A>, context: RequestContext) => Answer<A> | Promise<Answer<A>>;

/** One api as this broker serves it: in which versions, and by whom. */
export type ServedApi = {
  readonly api: Api;
  readonly versions: VersionRange;
  /** See `Admitted.isSerial`. */
  readonly isSerial: boolean;
  readonly handle: (request: never, context: RequestContext) => unknown;
};

type AnyServable = (typeof apis)[keyof typeof apis];

/** @param versions  absent: all that the schema has */
export function served<A extends AnyServable>(
  api: A,
  handle: Handle<A>,
  options: { readonly versions?: VersionRange; readonly isSerial?: boolean } = {},
): ServedApi {
  return {
    api: api as unknown as Api,
    versions: options.versions ?? api.versions,
    isSerial: options.isSerial ?? false,
    handle: handle as ServedApi['handle'],
  };
}
