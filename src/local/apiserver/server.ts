import { randomUUID } from 'node:crypto';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { type Clock, failure, type Logger, type Result, success } from '../../base/index.ts';
import { startDefinitions } from './controllers/definitions.ts';
import { startEventExpiry } from './controllers/event-expiry.ts';
import { startGarbageCollector } from './controllers/garbage-collector.ts';
import { makeFirstNamespaces, startNamespaces } from './controllers/namespaces.ts';
import { type Served, serve } from './http/serve.ts';
import { Registry } from './kinds/registry.ts';
import { parseRange, serviceAddress } from './service-addresses.ts';
import { lockFolder } from './store/lock.ts';
import { Store } from './store/store.ts';
import { type Credentials, credentials } from './tls/certificates.ts';
import { kubeconfigText } from './tls/kubeconfig.ts';
import type { PodLogs } from './verbs/subresources.ts';

export type ApiServerOptions = {
  /** Everything that is kept lies here; made if it is not there. */
  readonly folder: string;
  /** Where to listen; 127.0.0.1 if absent. */
  readonly address?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Answers `kubectl logs`; without it logs are refused. */
  readonly podLogs?: PodLogs;
  /** IPv4 range of the addresses of Services; 127.96.0.0/16 if absent. */
  readonly serviceRange?: string;
};

export interface ApiServer {
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  /** YAML text with the administrator's credentials embedded. */
  readonly kubeconfig: string;
  /** Resolves when all is on disk and the port is free. Watches are ended. */
  stop(): Promise<void>;
}

/** Why the server cannot start; `message` says what to do. */
export type ApiServerProblem = {
  readonly kind:
    | 'folder-not-writable'
    | 'folder-in-use'
    | 'data-damaged'
    | 'port-in-use'
    | 'cannot-listen'
    | 'bad-range';
  readonly message: string;
};

const problem = (kind: ApiServerProblem['kind'], message: string) => failure({ kind, message });

const defaultRange = '127.96.0.0/16';
const stopGraceMs = 200;
const headersTimeoutMs = 10_000;
/** More are refused; each watch of an HTTP/1.1 client is one. */
const connectionsLimit = 4_096;

export async function startApiServer(options: ApiServerOptions): Promise<Result<ApiServer, ApiServerProblem>> {
  const { folder, clock, logger } = options;
  const address = options.address ?? '127.0.0.1';
  const range = parseRange(options.serviceRange ?? defaultRange);
  if (range === undefined) {
    return problem(
      'bad-range',
      `The range for Services ${JSON.stringify(options.serviceRange)} is not an IPv4 range such as ${defaultRange}.`,
    );
  }
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.R_OK | constants.X_OK);
  } catch (cause) {
    return problem(
      'folder-not-writable',
      `The data folder ${folder} cannot be written (${(cause as Error).message}). Give write permission on it, or choose another folder.`,
    );
  }
  const lock = lockFolder(folder);
  if (!lock.ok) {
    return problem(
      'folder-in-use',
      `The data folder ${folder} is in use by the process ${lock.problem.ownerPid}. Stop that process first, or choose another folder.`,
    );
  }
  const unlock = lock.value;
  const opened = await Store.open(folder, (err, during) => logger.error({ err }, during));
  if (!opened.ok) {
    unlock();
    return problem('data-damaged', opened.problem.message);
  }
  const store = opened.value;
  const keys = await credentials(join(folder, 'pki'), address, clock.nowMs());
  let stopping = false;
  const registry = new Registry(store);
  const api: Served = {
    store,
    registry,
    clock,
    logger,
    newUid: randomUUID,
    ruleContext: () => ({
      nowMs: clock.nowMs(),
      list: (bucket) => store.list(bucket),
      serviceAddress: (wanted) => serviceAddress(range, store.list('services'), wanted, Math.random),
    }),
    podLogs: options.podLogs,
    isStopping: () => stopping || store.isBroken,
  };
  const server = httpsServer(api, keys);
  const listening = await listen(server, address, options.port);
  if (!listening.ok) {
    await store.close();
    unlock();
    return listening;
  }
  makeFirstNamespaces(api);
  const controllers = [startGarbageCollector(api), startNamespaces(api), startDefinitions(api), startEventExpiry(api)];
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const url = `https://${address.includes(':') ? `[${address}]` : address}:${(server.address() as AddressInfo).port}`;
  logger.info({ url, folder, revision: store.revision }, 'the API server is listening');
  return success({
    url,
    kubeconfig: kubeconfigText(url, keys),
    stop: async () => {
      if (stopping) return;
      stopping = true;
      for (const stopController of controllers) stopController();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // Requests under way may end; watches never would.
      const timer = clock.after(stopGraceMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      await closed;
      timer.cancel();
      await store.close();
      unlock();
    },
  });
}

function httpsServer(api: Served, keys: Credentials): Server {
  const server = createServer(
    {
      key: keys.server.key,
      cert: keys.server.certificate,
      ca: keys.authority,
      // Who has no certificate of ours is told so with a Status, and may still ask for health and version.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      headersTimeout: headersTimeoutMs,
      requestTimeout: 60_000,
      keepAliveTimeout: 120_000,
    },
    (request, response) => {
      response.on('error', () => response.destroy());
      void serve(api, request, response);
    },
  );
  server.maxConnections = connectionsLimit;
  server.on('tlsClientError', (cause, socket) => {
    api.logger.debug({ err: cause }, 'a connection was not TLS, or not ours');
    socket.destroy();
  });
  server.on('clientError', (_cause, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  return server;
}

async function listen(server: Server, address: string, port: number): Promise<Result<void, ApiServerProblem>> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return success(undefined);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      return problem(
        'port-in-use',
        `Port ${port} on ${address} is in use by another process. Stop that process, or choose another port (0 takes a free one).`,
      );
    }
    return problem(
      'cannot-listen',
      `The API server cannot listen on ${address}:${port} (${message}). Choose another address or port.`,
    );
  }
}
