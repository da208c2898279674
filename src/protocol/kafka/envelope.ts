import { failure, type Result, success } from '../../base/index.ts';
import { apis } from './apis/index.ts';
import type { Api, RequestInputOf, RequestOf, ResponseInputOf, ResponseOf } from './schema/api.ts';
import type { Struct } from './schema/field.ts';
import { caught } from './schema/message.ts';
import type { Malformed } from './wire/malformed.ts';
import { Reader } from './wire/reader.ts';
import { fillSize, Writer } from './wire/writer.ts';

/** An api whose messages are not known statically. */
export type AnyApi = Api<Struct, Struct>;

export type RequestHeader = {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** Undefined for a key or version that is not ours: then header fields after the correlation id were read as well as possible. */
  readonly api: AnyApi | undefined;
  /** Where the body begins in the frame. */
  readonly bodyOffset: number;
};

export const apiByKey: ReadonlyMap<number, AnyApi> = new Map(
  Object.values(apis).map((each) => [each.key, each as unknown as AnyApi]),
);

const controlledShutdownKey = apis.controlledShutdown.key;
const apiVersionsKey = apis.apiVersions.key;
const frameSizeBytes = 4;

/** 0: no client id, 1: client id, 2: client id and tagged fields. Source: ApiMessageTypeGenerator.java. */
export function requestHeaderVersion(api: AnyApi, version: number): 0 | 1 | 2 {
  if (api.key === controlledShutdownKey && version === 0) return 0;
  return api.request.isFlexible(version) ? 2 : 1;
}

/** 0: the correlation id alone, 1: and tagged fields. A client must be able to read an ApiVersions answer of any version. */
export function responseHeaderVersion(api: AnyApi, version: number): 0 | 1 {
  if (api.key === apiVersionsKey) return 0;
  return api.response.isFlexible(version) ? 1 : 0;
}

/**
 * Reads the header of a request frame (without its size). For an ApiVersions request of a version that we do not have,
 * `api` is there all the same (answer error 35 in version 0, never close).
 */
export function parseRequestHeader(frame: Buffer): Result<RequestHeader, Malformed> {
  return caught(() => {
    const reader = new Reader(frame);
    const apiKey = reader.int16();
    const apiVersion = reader.int16();
    const correlationId = reader.int32();
    const api = apiByKey.get(apiKey);
    const isOurs = api !== undefined && apiVersion >= api.versions.min && apiVersion <= api.versions.max;
    if (!isOurs) {
      return {
        apiKey,
        apiVersion,
        correlationId,
        clientId: null,
        api: apiKey === apiVersionsKey ? api : undefined,
        bodyOffset: reader.offset,
      };
    }
    const headerVersion = requestHeaderVersion(api, apiVersion);
    const clientId = headerVersion === 0 ? null : reader.nullableString();
    if (headerVersion === 2) reader.skipTags();
    return { apiKey, apiVersion, correlationId, clientId, api, bodyOffset: reader.offset };
  });
}

/** Reads the body of a request whose header named `api` and `version`. Byte fields are views of the frame. */
export function decodeRequest<A extends AnyApi>(
  api: A,
  version: number,
  frame: Buffer,
  bodyOffset: number,
): Result<RequestOf<A>, Malformed> {
  return api.request.decode(frame, version, bodyOffset) as Result<RequestOf<A>, Malformed>;
}

/**
 * A whole request frame with its size, as buffers for `writev`.
 *
 * @throws EncodeError when a value does not fit its type
 */
export function encodeRequest<A extends Api>(
  api: A,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string | null },
  body: RequestInputOf<A>,
): Buffer[] {
  const writer = new Writer();
  writer.int32(0);
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(header.correlationId);
  const headerVersion = requestHeaderVersion(api as unknown as AnyApi, version);
  if (headerVersion >= 1) writer.nullableString(header.clientId);
  if (headerVersion === 2) writer.uvarint(0);
  api.request.write(writer, version, body);
  return finishFrame(writer);
}

/**
 * A whole response frame with its size, as buffers for `writev`.
 *
 * @throws EncodeError when a value does not fit its type
 */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInputOf<A>,
): Buffer[] {
  const writer = new Writer();
  writer.int32(0);
  writer.int32(correlationId);
  if (responseHeaderVersion(api as unknown as AnyApi, version) === 1) writer.uvarint(0);
  api.response.write(writer, version, body);
  return finishFrame(writer);
}

function finishFrame(writer: Writer): Buffer[] {
  const parts = writer.finish();
  fillSize(parts, writer.size - frameSizeBytes);
  return parts;
}

/** The correlation id of a response frame (without its size); undefined when it is too short to have one. */
export function responseCorrelationId(frame: Buffer): number | undefined {
  return frame.length < 4 ? undefined : frame.readInt32BE(0);
}

/**
 * Reads a response frame (without its size). An ApiVersions answer that says error 35 is read as version 0, whatever
 * was asked.
 */
export function decodeResponse<A extends AnyApi>(
  api: A,
  version: number,
  frame: Buffer,
): Result<{ readonly correlationId: number; readonly body: ResponseOf<A> }, Malformed> {
  const header = caught(() => {
    const reader = new Reader(frame);
    const correlationId = reader.int32();
    if (responseHeaderVersion(api, version) === 1) reader.skipTags();
    return { correlationId, bodyOffset: reader.offset };
  });
  if (!header.ok) return header;
  const { correlationId, bodyOffset } = header.value;
  const isRefusal =
    api.key === apiVersionsKey && frame.length >= bodyOffset + 2 && frame.readInt16BE(bodyOffset) === 35;
  const body = api.response.decode(frame, isRefusal ? 0 : version, bodyOffset);
  if (!body.ok) return failure(body.problem);
  return success({ correlationId, body: body.value as ResponseOf<A> });
}
