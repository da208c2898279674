import type { Socket } from 'node:net';
import type { Address, Clock, Listener, Logger, Network, Timer } from '../../base/index.ts';
import { Connection, type ConnectionDeps } from './connection.ts';

export type SocketServerOptions = {
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  /** `socket.request.max.bytes` */
  readonly requestMaxBytes: number;
  /** `max.connections` */
  readonly connectionsMax: number;
  /** `max.connections.per.ip` */
  readonly connectionsPerAddressMax: number;
  /** `connections.max.idle.ms` */
  readonly idleMaxMs: number;
};

/** A frame whose rest does not come for so long will not come. */
const unfinishedFrameMaxMs = 30_000;
const sweepPeriodMs = 5_000;

/** The broker's listening sockets and all connections on them, with their limits. */
export class SocketServer {
  private readonly options: SocketServerOptions;
  private readonly deps: {
    readonly network: Network;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly admit: ConnectionDeps['admit'];
  };
  private readonly connections = new Set<Connection>();
  private readonly perAddress = new Map<string, number>();
  private listeners: Listener[] = [];
  private sweepTimer: Timer | undefined;
  private refusedCount = 0;

  constructor(options: SocketServerOptions, deps: SocketServer['deps']) {
    this.options = options;
    this.deps = deps;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** Connections that a limit has turned away. */
  get refused(): number {
    return this.refusedCount;
  }

  /**
   * @returns the bound address of each listener by name, with the ports that the system chose
   * @throws with the listener's name if its address cannot be had
   */
  async listen(): Promise<ReadonlyMap<string, Address>> {
    const bound = new Map<string, Address>();
    for (const { name, host, port } of this.options.listeners) {
      try {
        const listener = await this.deps.network.listen({ host, port }, (socket) => this.accept(socket, name));
        this.listeners.push(listener);
        bound.set(name, listener.address);
      } catch (cause) {
        await this.stopListening();
        throw new Error(`cannot listen on ${name}://${host}:${port}: ${(cause as Error).message}`, { cause });
      }
    }
    this.sweepTimer = this.deps.clock.every(sweepPeriodMs, () => this.sweep());
    return bound;
  }

  private accept(socket: Socket, listenerName: string): void {
    const address = socket.remoteAddress ?? 'unknown';
    const sameAddress = this.perAddress.get(address) ?? 0;
    if (this.connections.size >= this.options.connectionsMax || sameAddress >= this.options.connectionsPerAddressMax) {
      this.refusedCount++;
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    this.perAddress.set(address, sameAddress + 1);
    const connection = new Connection(
      socket,
      { listenerName, frameBytesMax: this.options.requestMaxBytes },
      {
        clock: this.deps.clock,
        logger: this.deps.logger,
        admit: this.deps.admit,
        onClosed: (closed) => {
          this.connections.delete(closed);
          const left = (this.perAddress.get(address) ?? 1) - 1;
          if (left === 0) this.perAddress.delete(address);
          else this.perAddress.set(address, left);
        },
      },
    );
    this.connections.add(connection);
  }

  private sweep(): void {
    const nowMs = this.deps.clock.monotonicMs();
    for (const connection of [...this.connections]) {
      if (connection.isBusy) continue;
      const quietMs = nowMs - connection.lastActiveMs;
      const isStuck = connection.unfinishedBytes > 0 && quietMs > unfinishedFrameMaxMs;
      if (isStuck || quietMs > this.options.idleMaxMs) connection.end();
    }
  }

  async stopListening(): Promise<void> {
    const listeners = this.listeners;
    this.listeners = [];
    // Closing waits for open connections; those end in `endAll`.
    for (const listener of listeners) void listener.close();
  }

  endAll(): void {
    this.sweepTimer?.cancel();
    for (const connection of [...this.connections]) connection.end();
  }
}
