import { connect, createServer, type Server, type Socket } from 'node:net';

/** A back end that does not take a connection in this time is left for the next one. */
const connectTimeoutMs = 1_000;

export type Backend = { readonly host: string; readonly port: number };

/** One port of a Service on its local address. */
export interface TcpForwarder {
  /** Closes the port and all connections through it. */
  close(): Promise<void>;
}

/**
 * Accepts on an address and port and passes each connection to one of the back ends, in turn; if one does not answer,
 * the next is tried, as a load balancer does. Back-pressure holds in both directions, and a half-closed connection stays
 * half open.
 *
 * Rejects with Node's error when the port cannot be bound.
 *
 * @param backends  asked for each connection, since they change
 */
export function startForwarder(
  address: { readonly host: string; readonly port: number },
  backends: () => readonly Backend[],
): Promise<TcpForwarder> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };

  const server: Server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    track(client);
    const candidates = backends();
    const first = turn++;
    const tryNext = (tried: number): void => {
      const backend = candidates[(first + tried) % candidates.length];
      if (tried >= candidates.length || backend === undefined || client.destroyed) {
        client.destroy();
        return;
      }
      const upstream = connect({ ...backend, noDelay: true, allowHalfOpen: true });
      track(upstream);
      const timer = setTimeout(() => upstream.destroy(), connectTimeoutMs);
      upstream.once('connect', () => {
        clearTimeout(timer);
        upstream.removeAllListeners('close');
        upstream.once('close', () => {
          sockets.delete(upstream);
          client.destroy();
        });
        client.once('close', () => upstream.destroy());
        client.pipe(upstream);
        upstream.pipe(client);
      });
      upstream.once('close', () => {
        clearTimeout(timer);
        if (upstream.bytesWritten === 0) tryNext(tried + 1);
      });
    };
    tryNext(0);
  });

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, backlog: 511 }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      resolve({
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}
