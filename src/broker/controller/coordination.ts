import type { Clock, Logger, Network, Random, Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import { isRetriable, ZooKeeperClient, type ZooKeeperProblem } from '../../client/zookeeper/index.ts';

export type CoordinationOptions = {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Empty or `/path`. */
  readonly chroot: string;
  /** `zookeeper.session.timeout.ms` */
  readonly sessionTimeoutMs: number;
};

export type CoordinationDeps = {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

const retriesMax = 20;
const retryWaitMs = 200;
const reminderMs = 10_000;

/**
 * The broker's session with ZooKeeper, for as long as the broker lives: when a session expires another begins, and who
 * listens makes its ephemeral nodes and watches anew.
 */
export class Coordination {
  private readonly options: CoordinationOptions;
  private readonly deps: CoordinationDeps;
  private current: ZooKeeperClient | undefined;
  private readonly listeners: (() => void)[] = [];
  private isStopped = false;

  constructor(options: CoordinationOptions, deps: CoordinationDeps) {
    this.options = options;
    this.deps = deps;
  }

  get client(): ZooKeeperClient {
    if (this.current === undefined) throw new Error('broken assumption: ZooKeeper is used after `start`');
    return this.current;
  }

  get isConnected(): boolean {
    return this.current?.state === 'connected';
  }

  /** Told when an expired session was replaced by a new one. */
  onNewSession(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Makes the chroot if there is one, and waits for the first session, however long that takes. */
  async start(): Promise<void> {
    if (this.options.chroot !== '') {
      const outside = this.open('');
      await this.connected(outside);
      await makePath(outside, this.options.chroot, this.deps.clock);
      await outside.close();
    }
    this.current = this.open(this.options.chroot);
    await this.connected(this.current);
    this.watchExpiry(this.current);
  }

  private open(chroot: string): ZooKeeperClient {
    return new ZooKeeperClient(
      { servers: this.options.servers, chroot, sessionTimeoutMs: this.options.sessionTimeoutMs },
      this.deps,
    );
  }

  private async connected(client: ZooKeeperClient): Promise<void> {
    const servers = this.options.servers.map(({ host, port }) => `${host}:${port}`).join(',');
    const reminder = this.deps.clock.every(reminderMs, () =>
      this.deps.logger.warn({ servers }, 'still waiting for ZooKeeper'),
    );
    await client.connected();
    reminder.cancel();
  }

  private watchExpiry(client: ZooKeeperClient): void {
    client.onSession((event) => {
      if (event.kind === 'disconnected')
        this.deps.logger.warn({ reason: event.reason }, 'lost the connection to ZooKeeper');
      if (event.kind === 'connected' && event.resumed) this.deps.logger.info({}, 'connected to ZooKeeper again');
      if (event.kind !== 'expired' || this.isStopped) return;
      this.deps.logger.warn({}, 'the ZooKeeper session has expired; starting another');
      const next = this.open(this.options.chroot);
      this.current = next;
      this.watchExpiry(next);
      void this.connected(next).then(() => {
        if (!this.isStopped && this.current === next) for (const listener of this.listeners) listener();
      });
    });
  }

  /** Asks again after a lost connection. A write may have happened before it was lost: the caller must bear a repetition. */
  retried<Value, Problem extends ZooKeeperProblem>(
    call: (client: ZooKeeperClient) => Promise<Result<Value, Problem>>,
  ): Promise<Result<Value, Problem>> {
    return retried(() => call(this.client), this.deps.clock);
  }

  async makePath(path: string): Promise<Result<undefined, ZooKeeperProblem>> {
    return makePath(this.client, path, this.deps.clock);
  }

  /** Ends the session; its ephemeral nodes go with it. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.current?.close();
  }
}

async function retried<Value, Problem extends ZooKeeperProblem>(
  call: () => Promise<Result<Value, Problem>>,
  clock: Clock,
): Promise<Result<Value, Problem>> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await call();
    if (outcome.ok || !isRetriable(outcome.problem) || attempt === retriesMax) return outcome;
    await new Promise<void>((resolve) => clock.after(retryWaitMs, resolve));
  }
}

/** With parents; no problem if it is there. */
async function makePath(
  client: ZooKeeperClient,
  path: string,
  clock: Clock,
): Promise<Result<undefined, ZooKeeperProblem>> {
  const parts = path.split('/').slice(1);
  // Most often the parent is there: try the whole path first.
  for (let depth = parts.length; depth <= parts.length; ) {
    const made = await retried(() => client.create(`/${parts.slice(0, depth).join('/')}`, undefined), clock);
    if (made.ok || made.problem.kind === 'nodeExists') {
      if (depth === parts.length) return success(undefined);
      depth++;
    } else if (made.problem.kind === 'noNode' && depth > 1) depth--;
    else return failure(made.problem);
  }
  return success(undefined);
}
