import type { Socket } from 'node:net';
import type { Listener } from '../../../src/base/index.ts';
import { nodeNetwork } from '../../../src/platform/index.ts';
import {
  type AnyApi,
  type Api,
  apis,
  decodeRequest,
  encodeResponse,
  FrameReader,
  parseRequestHeader,
} from '../../../src/protocol/kafka/index.ts';

/** What a handler is given: the body, and the connection it came on. */
export type Asked = { readonly body: never; readonly version: number; readonly socket: Socket };
/** Undefined: no answer. */
export type Handler = (asked: Asked) => unknown;

/** A server on a real socket that answers as a script says. ApiVersions is answered with what has a handler. */
export async function scriptedBroker(
  handlers: Partial<Record<keyof typeof apis, Handler>>,
  versions: Partial<Record<keyof typeof apis, { min: number; max: number }>> = {},
): Promise<{
  readonly port: number;
  readonly asked: string[];
  readonly sockets: Set<Socket>;
  readonly stop: () => Promise<void>;
}> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const byKey = new Map<number, { name: keyof typeof apis; api: AnyApi }>();
  for (const name of Object.keys(apis) as (keyof typeof apis)[]) {
    byKey.set(apis[name].key, { name, api: apis[name] as unknown as AnyApi });
  }
  const apiVersions: Handler = () => ({
    errorCode: 0,
    apiKeys: (['apiVersions', ...Object.keys(handlers)] as (keyof typeof apis)[]).map((name) => ({
      apiKey: apis[name].key,
      minVersion: versions[name]?.min ?? apis[name].versions.min,
      maxVersion: versions[name]?.max ?? apis[name].versions.max,
    })),
  });
  const all: Partial<Record<keyof typeof apis, Handler>> = { apiVersions, ...handlers };
  const answer = (socket: Socket, frame: Buffer): void => {
    const header = parseRequestHeader(frame);
    if (!header.ok || header.value.api === undefined) throw new Error('the client sent a bad header');
    const { apiKey, apiVersion, correlationId, bodyOffset, api } = header.value;
    const known = byKey.get(apiKey);
    const request = decodeRequest(api, apiVersion, frame, bodyOffset);
    if (known === undefined || !request.ok) throw new Error('the client sent a bad body');
    asked.push(known.name);
    const body = all[known.name]?.({ body: request.value as never, version: apiVersion, socket });
    if (body === undefined) return;
    const isRefusal = known.name === 'apiVersions' && (body as { errorCode: number }).errorCode === 35;
    for (const part of encodeResponse(api as unknown as Api, isRefusal ? 0 : apiVersion, correlationId, body as never))
      socket.write(part);
  };
  const listener: Listener = await nodeNetwork({}).listen({ host: '127.0.0.1', port: 0 }, (socket) => {
    sockets.add(socket);
    const frames = new FrameReader(1_000_000);
    socket.on('data', (chunk: Buffer) => void frames.push(chunk, (frame) => answer(socket, frame)));
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  return {
    port: listener.address.port,
    asked,
    sockets,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await listener.close();
    },
  };
}
