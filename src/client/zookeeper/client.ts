import type { Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type {
  Acl,
  CreateMode,
  MultiOperation,
  MultiResult,
  Request,
  RequestOf,
  ResponseTo,
  SessionId,
  Stat,
  Zxid,
} from '../../protocol/zookeeper/index.ts';
import {
  addWatchMode,
  createFlags,
  errorCode,
  JUTE_MAX_BUFFER_DEFAULT,
  openAcl,
  watcherType,
} from '../../protocol/zookeeper/index.ts';
import type { ZooKeeperProblem } from './problem.ts';
import { serverProblem } from './problem.ts';
import type { AuthInfo, ClientDeps, Reply, SessionEvent, SessionOptions, SessionState } from './session.ts';
import { Session } from './session.ts';
import type { WatchEvent, Watcher, WatchKind } from './watch-registry.ts';

export type ZooKeeperOptions = Pick<SessionOptions, 'servers' | 'sessionTimeoutMs'> &
  Partial<SessionOptions> & {
    /** Every path of this client is below it: `/kafka`. The node itself is not created. */
    readonly chroot?: string;
  };

/** `jute.maxbuffer` of Apache's own client: answers may be larger than what a server accepts. */
const CLIENT_FRAME_BYTES_MAX = 4 * (JUTE_MAX_BUFFER_DEFAULT + 1);
const PENDING_MAX = 10_000;

export type CreateOptions = {
  readonly mode?: CreateMode;
  readonly acl?: readonly Acl[];
  /** For the modes with a TTL, and required there. */
  readonly ttlMs?: number;
};

type Outcome<Value> = Promise<Result<Value, ZooKeeperProblem>>;

/** A multi that changed nothing: which operation failed, and the code of each (0 before it, -2 after it). */
export type MultiProblem = ZooKeeperProblem & {
  readonly failedIndex: number | undefined;
  readonly codes: readonly number[];
};

/**
 * A ZooKeeper session as callers use it. Every outcome is a value; nothing rejects. Requests leave in the order of the
 * calls and are answered in that order; a watcher is told before any later answer that shows the change.
 */
export class ZooKeeperClient {
  readonly #session: Session;
  readonly #chroot: string;

  constructor(options: ZooKeeperOptions, deps: ClientDeps) {
    this.#chroot = options.chroot === undefined || options.chroot === '/' ? '' : options.chroot.replace(/\/+$/, '');
    this.#session = new Session(
      {
        servers: options.servers,
        sessionTimeoutMs: options.sessionTimeoutMs,
        auth: options.auth ?? [],
        frameBytesMax: options.frameBytesMax ?? CLIENT_FRAME_BYTES_MAX,
        pendingMax: options.pendingMax ?? PENDING_MAX,
      },
      deps,
      (event) => this.#deliver(event),
    );
  }

  get state(): SessionState {
    return this.#session.state;
  }

  get sessionId(): SessionId {
    return this.#session.id;
  }

  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }

  /** Highest zxid that this client has seen; after a reconnect no server older than it will do. */
  get lastZxid(): Zxid {
    return this.#session.lastZxid;
  }

  /** @returns a call that stops listening */
  onSession(listener: (event: SessionEvent) => void): () => void {
    return this.#session.listen(listener);
  }

  /** Resolves when connected (true) or when the session is over (false). Never rejects; it may wait for ever. */
  connected(): Promise<boolean> {
    if (this.state === 'connected') return Promise.resolve(true);
    if (this.state !== 'connecting') return Promise.resolve(false);
    return new Promise((resolve) => {
      const stop = this.onSession((event) => {
        if (event.kind === 'disconnected') return;
        stop();
        resolve(event.kind === 'connected');
      });
    });
  }

  /** @returns the path with its sequence number, if any, and the new node's stat */
  create(path: string, data: Buffer | undefined, options: CreateOptions = {}): Outcome<{ path: string; stat: Stat }> {
    return this.#call(this.#createOperation(path, data, options), ({ path: created, stat }) => ({
      path: this.#outside(created),
      stat,
    }));
  }

  /** @param version  -1 for any */
  delete(path: string, version = -1): Outcome<undefined> {
    return this.#call({ op: 'delete', path: this.#inside(path), version }, () => undefined);
  }

  /** A missing node is a good answer: undefined. The watch then waits for its creation. */
  async exists(path: string, watch?: Watcher): Promise<Result<Stat | undefined, ZooKeeperProblem>> {
    const full = this.#inside(path);
    const answer = await this.#session.call({ op: 'exists', path: full, watch: watch !== undefined }, (early) => {
      if (watch === undefined) return;
      if (early.ok) this.#session.watches.add('data', full, watch);
      else if (early.problem.kind === 'noNode') this.#session.watches.add('exist', full, watch);
    });
    if (answer.ok) return success((answer.value.body as ResponseTo<'exists'>).stat);
    return answer.problem.kind === 'noNode' ? success(undefined) : answer;
  }

  getData(path: string, watch?: Watcher): Outcome<{ data: Buffer | undefined; stat: Stat }> {
    const full = this.#inside(path);
    return this.#call(
      { op: 'getData', path: full, watch: watch !== undefined },
      ({ data, stat }) => ({ data, stat }),
      watch && { kind: 'data', path: full, watch },
    );
  }

  /** @param version  -1 for any */
  setData(path: string, data: Buffer | undefined, version = -1): Outcome<Stat> {
    return this.#call({ op: 'setData', path: this.#inside(path), data, version }, ({ stat }) => stat);
  }

  getChildren(path: string, watch?: Watcher): Outcome<{ children: readonly string[]; stat: Stat }> {
    const full = this.#inside(path);
    return this.#call(
      { op: 'getChildren2', path: full, watch: watch !== undefined },
      ({ children, stat }) => ({ children, stat }),
      watch && { kind: 'child', path: full, watch },
    );
  }

  getAcl(path: string): Outcome<{ acl: readonly Acl[]; stat: Stat }> {
    return this.#call({ op: 'getAcl', path: this.#inside(path) }, ({ acl, stat }) => ({ acl, stat }));
  }

  /** @param version  of the ACL (`aversion`), -1 for any */
  setAcl(path: string, acl: readonly Acl[], version = -1): Outcome<Stat> {
    return this.#call({ op: 'setAcl', path: this.#inside(path), acl, version }, ({ stat }) => stat);
  }

  /** After it, reads on this client see everything that was committed before the call. */
  sync(path: string): Outcome<undefined> {
    return this.#call({ op: 'sync', path: this.#inside(path) }, () => undefined);
  }

  /** All or nothing. Later operations see the effects of earlier ones. */
  async multi(operations: readonly MultiOperation[]): Promise<Result<readonly MultiResult[], MultiProblem>> {
    const answer = await this.#session.call({
      op: 'multi',
      operations: operations.map((operation) => ({ ...operation, path: this.#inside(operation.path) })),
    });
    if (!answer.ok) return failure({ ...answer.problem, failedIndex: undefined, codes: [] });
    const { results } = answer.value.body as ResponseTo<'multi'>;
    const codes = results.map((result) => (result.op === 'error' ? result.code : errorCode.ok));
    const failedIndex = codes.findIndex((code) => code !== errorCode.ok && code !== errorCode.runtimeInconsistency);
    const anyError = failedIndex >= 0 || codes.some((code) => code !== errorCode.ok);
    if (anyError) {
      const index = Math.max(0, failedIndex);
      const operation = operations[index];
      return failure({
        ...serverProblem(codes[index] ?? errorCode.systemError, operation?.op ?? 'multi', operation?.path),
        failedIndex: index,
        codes,
      });
    }
    return success(
      results.map((result) => ('path' in result ? { ...result, path: this.#outside(result.path) } : result)),
    );
  }

  /** The operation of a `create` for use in `multi`. */
  createOperation(path: string, data: Buffer | undefined, options: CreateOptions = {}): MultiOperation {
    return createOperation(path, data, options);
  }

  /** A watch that stays: `persistent` hears of the node and its children, `persistentRecursive` of all below it. */
  addWatch(path: string, mode: 'persistent' | 'persistentRecursive', watch: Watcher): Outcome<undefined> {
    const full = this.#inside(path);
    return this.#call({ op: 'addWatch', path: full, mode: addWatchMode[mode] }, () => undefined, {
      kind: mode,
      path: full,
      watch,
    });
  }

  /** Removes all watches of a type on a path, here and at the server. */
  removeWatches(path: string, type: keyof typeof watcherType): Outcome<undefined> {
    const full = this.#inside(path);
    const kinds: Record<keyof typeof watcherType, readonly WatchKind[]> = {
      children: ['child'],
      data: ['data', 'exist'],
      any: ['data', 'exist', 'child', 'persistent', 'persistentRecursive'],
      persistent: ['persistent'],
      persistentRecursive: ['persistentRecursive'],
    };
    return this.#map(
      this.#session.call({ op: 'removeWatches', path: full, type: watcherType[type] }, (early) => {
        if (early.ok) this.#session.watches.remove(kinds[type], full);
      }),
      () => undefined,
    );
  }

  /** Paths of this session's own ephemeral nodes below a prefix. */
  getEphemerals(prefixPath = '/'): Outcome<readonly string[]> {
    return this.#call({ op: 'getEphemerals', prefixPath: this.#inside(prefixPath) }, ({ children }) =>
      children.map((path) => this.#outside(path)),
    );
  }

  /** Nodes below a path, at any depth. */
  getAllChildrenNumber(path: string): Outcome<number> {
    return this.#call({ op: 'getAllChildrenNumber', path: this.#inside(path) }, ({ number }) => number);
  }

  whoAmI(): Outcome<readonly { readonly scheme: string; readonly user: string }[]> {
    return this.#call({ op: 'whoAmI' }, ({ clientInfo }) => clientInfo);
  }

  /** Undefined members stay as they are. Answers the new configuration's text. */
  reconfig(change: Partial<Omit<RequestOf<'reconfig'>, 'op'>>): Outcome<{ data: Buffer | undefined; stat: Stat }> {
    return this.#call(
      {
        op: 'reconfig',
        joiningServers: change.joiningServers,
        leavingServers: change.leavingServers,
        newMembers: change.newMembers,
        currentConfigId: change.currentConfigId ?? -1,
      },
      ({ data, stat }) => ({ data, stat }),
    );
  }

  /** Credentials for this and every later connection of the session. */
  addAuth(auth: AuthInfo): Outcome<undefined> {
    return this.#map(this.#session.addAuth(auth), () => undefined);
  }

  /** Ends the session, its ephemeral nodes included, if a server can be reached now; else it will expire there. */
  close(): Promise<void> {
    return this.#session.close();
  }

  #call<Op extends Request['op'], Value>(
    request: RequestOf<Op> & Request,
    value: (body: ResponseTo<Op>) => Value,
    watching?: { readonly kind: WatchKind; readonly path: string; readonly watch: Watcher },
  ): Outcome<Value> {
    const register =
      watching &&
      ((early: Result<Reply, ZooKeeperProblem>): void => {
        if (early.ok) this.#session.watches.add(watching.kind, watching.path, watching.watch);
      });
    // The session decodes an answer by its request's `op`, so the body has the type that belongs to it.
    return this.#map(this.#session.call(request, register), ({ body }) => value(body as ResponseTo<Op>));
  }

  async #map<Value>(answer: Promise<Result<Reply, ZooKeeperProblem>>, value: (reply: Reply) => Value): Outcome<Value> {
    const settled = await answer;
    if (settled.ok) return success(value(settled.value));
    const { path } = settled.problem;
    return failure(path === undefined ? settled.problem : { ...settled.problem, path: this.#outside(path) });
  }

  #createOperation(path: string, data: Buffer | undefined, options: CreateOptions): RequestOf<'create2'> {
    // The three ways to ask for a stat have the same shape but for the TTL; the answer is decoded alike.
    return createOperation(this.#inside(path), data, options) as RequestOf<'create2'>;
  }

  #deliver(event: WatchEvent): void {
    const outside: WatchEvent = { type: event.type, path: this.#outside(event.path) };
    for (const watcher of this.#session.watches.fire(event.type, event.path)) {
      // After the continuations of answers that came before it, before those that come after it.
      queueMicrotask(() => watcher(outside));
    }
  }

  #inside(path: string): string {
    if (this.#chroot === '') return path;
    return path === '/' ? this.#chroot : this.#chroot + path;
  }

  #outside(path: string): string {
    if (this.#chroot === '' || !path.startsWith(this.#chroot)) return path;
    return path.length === this.#chroot.length ? '/' : path.slice(this.#chroot.length);
  }
}

function createOperation(path: string, data: Buffer | undefined, options: CreateOptions): MultiOperation {
  const mode = options.mode ?? 'persistent';
  const body = { path, data, acl: options.acl ?? openAcl, flags: createFlags[mode] };
  switch (mode) {
    case 'container':
      return { op: 'createContainer', ...body };
    case 'persistentTtl':
    case 'persistentSequentialTtl':
      return { op: 'createTtl', ...body, ttlMs: options.ttlMs ?? 0 };
    default:
      return { op: 'create2', ...body };
  }
}
