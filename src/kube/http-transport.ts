import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as SecureAgent } from 'node:https';
import type { ClusterAccess } from './kubeconfig.ts';

/** Requests in flight at once; more wait in the agent's queue, each still under its own time-out. */
const concurrentRequestsLimit = 16;
/** An answer longer than this is refused: a page of 500 objects of the largest size etcd takes would not fit, real ones do. */
export const answerSizeLimitBytes = 256 * 1024 * 1024;
const idleSocketTimeoutMs = 60_000;

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's address, with its query. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly timeoutMs: number;
};

export type HttpAnswer = { readonly status: number; readonly retryAfter?: string; readonly body: string };

/** One API server over keep-alive connections. Rejects when there is no whole answer in time. */
export interface HttpTransport {
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Starts a request whose answer's body goes on (a watch, a log). Resolves at the answer's head; `timeoutMs` bounds only that. */
  stream(request: HttpRequest, signal: AbortSignal): Promise<IncomingMessage>;
  /** Ends all connections. */
  close(): void;
}

export function createHttpTransport(access: ClusterAccess): HttpTransport {
  const server = new URL(access.server);
  const secure = server.protocol === 'https:';
  const makeAgent = (maxSockets: number): Agent => {
    const options = {
      keepAlive: true,
      maxSockets,
      maxFreeSockets: 4,
      scheduling: 'lifo',
      timeout: idleSocketTimeoutMs,
    } as const;
    if (!secure) return new Agent(options);
    return new SecureAgent({
      ...options,
      ...(access.certificateAuthority === undefined ? {} : { ca: access.certificateAuthority }),
      ...(access.clientCertificate === undefined ? {} : { cert: access.clientCertificate }),
      ...(access.clientKey === undefined ? {} : { key: access.clientKey }),
      ...(access.tlsServerName === undefined ? {} : { servername: access.tlsServerName }),
      rejectUnauthorized: access.insecureSkipTlsVerify !== true,
    });
  };
  const agent = makeAgent(concurrentRequestsLimit);
  // Watches hold their connections for long: they must not use up the places of short requests.
  const streamAgent = makeAgent(Number.POSITIVE_INFINITY);

  async function open(request: HttpRequest, from: Agent, signal: AbortSignal): Promise<IncomingMessage> {
    const authorization = await access.authorization?.();
    const body = request.body === undefined ? undefined : Buffer.from(request.body);
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)({
        host: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port === '' ? (secure ? 443 : 80) : server.port,
        path: `${server.pathname === '/' ? '' : server.pathname}${request.path}`,
        method: request.method,
        agent: from,
        signal,
        headers: {
          accept: 'application/json',
          'user-agent': 'hikube-kafka',
          ...(authorization === undefined ? {} : { authorization }),
          ...(body === undefined
            ? {}
            : { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }),
        },
      });
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  return {
    async send(request) {
      const deadline = new AbortController();
      const timer = setTimeout(
        () => deadline.abort(new Error(`no answer within ${request.timeoutMs / 1000} s`)),
        request.timeoutMs,
      );
      try {
        const answer = await open(request, agent, deadline.signal);
        const chunks: Buffer[] = [];
        let sizeBytes = 0;
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          sizeBytes += chunk.length;
          if (sizeBytes > answerSizeLimitBytes)
            throw new Error(`the answer is longer than ${answerSizeLimitBytes} bytes`);
          chunks.push(chunk);
        }
        const retryAfter = answer.headers['retry-after'];
        return {
          status: answer.statusCode ?? 0,
          ...(retryAfter === undefined ? {} : { retryAfter }),
          body: Buffer.concat(chunks).toString('utf8'),
        };
      } catch (error) {
        throw deadline.signal.aborted ? deadline.signal.reason : error;
      } finally {
        clearTimeout(timer);
      }
    },
    async stream(request, signal) {
      const head = new AbortController();
      const timer = setTimeout(
        () => head.abort(new Error(`no answer within ${request.timeoutMs / 1000} s`)),
        request.timeoutMs,
      );
      try {
        return await open(request, streamAgent, AbortSignal.any([signal, head.signal]));
      } catch (error) {
        throw head.signal.aborted ? head.signal.reason : error;
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      agent.destroy();
      streamAgent.destroy();
    },
  };
}
