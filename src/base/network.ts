import type { Socket } from 'node:net';

/** `host` is a name or an address; port 0 asks the system for a free one when listening. */
export type Address = { readonly host: string; readonly port: number };

/**
 * TCP as the servers and clients use it. The real one (`platform/network.ts`) looks names up in the hosts file that
 * the local Kubernetes keeps, and lets a wildcard listener of a simulated pod bind to that pod's own address.
 */
export interface Network {
  /** Connecting: wait for `connect` or `error` on the socket. Nagle's algorithm is off. */
  connect(address: Address): Socket;
  /** Rejects with Node's error (`EADDRINUSE`, `EACCES`, ...). */
  listen(address: Address, onConnection: (socket: Socket) => void): Promise<Listener>;
}

export interface Listener {
  /** Where it listens, with the port that the system chose. */
  readonly address: Address;
  /** Accepts no more; connections that are open stay. */
  close(): Promise<void>;
}
