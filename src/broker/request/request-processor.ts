import type { Logger } from '../../base/index.ts';
import {
  type AnyApi,
  apis,
  decodeRequest,
  encodeResponse,
  errorCode,
  parseRequestHeader,
  type RequestHeader,
} from '../../protocol/kafka/index.ts';
import type { Admitted, Connection, Outcome } from '../socket/connection.ts';
import type { RequestContext, ServedApi } from './api-table.ts';

/** What a broker has answered since it started, by api name. */
export type RequestCounts = ReadonlyMap<string, number>;

/**
 * From a frame to a running handler: header, version, body. ApiVersions of an unknown version is answered in version 0;
 * any other request that we do not serve in its version, and any body that is not what it should be, ends the connection.
 *
 * Source: SocketServer.processCompletedReceives, KafkaApis.handle.
 */
export class RequestProcessor {
  private readonly table: ReadonlyMap<number, ServedApi>;
  private readonly logger: Logger;
  private readonly counted = new Map<string, number>();

  constructor(table: ReadonlyMap<number, ServedApi>, logger: Logger) {
    this.table = table;
    this.logger = logger;
  }

  get counts(): RequestCounts {
    return this.counted;
  }

  readonly admit = (frame: Buffer, connection: Connection): Admitted | undefined => {
    const header = parseRequestHeader(frame);
    if (!header.ok) return this.refuse(connection, header.problem.sentence);
    const { apiKey, apiVersion } = header.value;
    const entry = this.table.get(apiKey);
    if (entry === undefined) return this.refuse(connection, `api key ${apiKey} is not served here`);
    if (apiVersion < entry.versions.min || apiVersion > entry.versions.max || header.value.api === undefined) {
      if (apiKey !== apis.apiVersions.key)
        return this.refuse(connection, `${entry.api.name} version ${apiVersion} is not served here`);
      return { isSerial: false, run: () => this.unknownApiVersions(header.value) };
    }
    return { isSerial: entry.isSerial, run: () => this.run(entry, header.value, frame, connection) };
  };

  private refuse(connection: Connection, why: string): undefined {
    this.logger.info({ client: connection.clientHost, why }, 'closed a connection: a request cannot be served');
    return undefined;
  }

  private unknownApiVersions({ correlationId }: RequestHeader): Outcome {
    const apiKeys = advertised(this.table);
    return encodeResponse(apis.apiVersions, 0, correlationId, { errorCode: errorCode.UNSUPPORTED_VERSION, apiKeys });
  }

  private run(
    entry: ServedApi,
    header: RequestHeader,
    frame: Buffer,
    connection: Connection,
  ): Outcome | Promise<Outcome> {
    const { apiVersion, correlationId, clientId } = header;
    const { name } = entry.api;
    this.counted.set(name, (this.counted.get(name) ?? 0) + 1);
    const body = decodeRequest(entry.api as unknown as AnyApi, apiVersion, frame, header.bodyOffset);
    if (!body.ok) {
      this.refuse(connection, `${name} version ${apiVersion}, byte ${body.problem.offset}: ${body.problem.sentence}`);
      return 'close';
    }
    const context: RequestContext = {
      connection,
      listenerName: connection.listenerName,
      clientHost: connection.clientHost,
      clientId,
      apiVersion,
    };
    const answer = entry.handle(body.value as never, context);
    if (answer instanceof Promise)
      return answer.then((settled: unknown) => encoded(entry, apiVersion, correlationId, settled));
    return encoded(entry, apiVersion, correlationId, answer);
  }
}

function encoded({ api }: ServedApi, version: number, correlationId: number, answer: unknown): Outcome {
  if (answer === 'noResponse' || answer === 'close') return answer;
  return encodeResponse(api, version, correlationId, answer as never);
}

/** What ApiVersions says: only what is served, in the versions in which it is. */
export function advertised(
  table: ReadonlyMap<number, ServedApi>,
): { apiKey: number; minVersion: number; maxVersion: number }[] {
  return [...table.values()]
    .map(({ api, versions }) => ({ apiKey: api.key, minVersion: versions.min, maxVersion: versions.max }))
    .sort((a, b) => a.apiKey - b.apiKey);
}
