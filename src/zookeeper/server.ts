import type { Socket } from 'node:net';
import type { Clock, Disk, Listener, Logger, Network, Random, Result, Timer } from '../base/index.ts';
import { failure, success } from '../base/index.ts';
import type { ConnectRequest, SessionId } from '../protocol/zookeeper/index.ts';
import { sessionId as toSessionId } from '../protocol/zookeeper/index.ts';
import type { DataFolders, Recovered } from './disk/data-folder.ts';
import { prune } from './disk/data-folder.ts';
import { writeSnapshot } from './disk/snapshot-writer.ts';
import type { AccessRules } from './request/access.ts';
import { answerWrite } from './request/answer.ts';
import type { Command } from './request/decide.ts';
import type { Wish } from './request/decider.ts';
import { Decider } from './request/decider.ts';
import { ServerStatistics } from './request/server-statistics.ts';
import type { ServerSettings } from './server-settings.ts';
import { firstSessionId, passwordOf } from './session/password.ts';
import type { Session } from './session/session-table.ts';
import { SessionTable } from './session/session-table.ts';
import type { ConnectionHost, ConnectionLimits } from './socket/client-connection.ts';
import { ClientConnection } from './socket/client-connection.ts';
import type { DataTree } from './tree/data-tree.ts';
import { ownerKind, ttlOf } from './tree/owner.ts';
import type { LoggedTxn } from './tree/txn.ts';

export type ServerDeps = {
  readonly clock: Clock;
  readonly network: Network;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
};

/** How a server stands among its peers. */
export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer' | 'looking';

/**
 * Where the order of transactions comes from: this server alone, or an ensemble. It calls `Server.commit` with every
 * transaction, in order, once it can be lost no more.
 */
export interface Orderer {
  readonly mode: ServerMode;
  /** Whether this server decides now, expires sessions and sweeps containers. */
  readonly decides: boolean;
  /** Clients are served; otherwise a connect is refused and they look for another server. */
  readonly serves: boolean;
  /** Puts a wish on its way. */
  submit(wish: Wish): void;
  /** Calls back when everything committed anywhere before the call is applied here, or when that cannot be had. */
  sync(done: (caughtUp: boolean) => void): void;
  /** Asks the deciding server whether a session lives, and makes this server its owner. Undefined: it cannot be asked. */
  renew(session: SessionId, done: (alive: boolean | undefined) => void): void;
  /** A session's client was heard here, and somebody else may have to know. */
  touched(session: Session): void;
  /** Enough was written since the last snapshot. */
  snapshotDue(): void;
  /** What it adds to `mntr`, to `srvr` and to `conf`. */
  monitorValues(): [string, string | number][];
  proposalLines(): string[];
  configLines(): string[];
  /** Begins a new log file, if the order is kept in files of its own. */
  rollLog(): void;
}

/** Connections without a session are closed after this: Apache's `sessionlessCnxnTimeout`. */
const HANDSHAKE_MS_MAX = 10_000;
/** A bound that is reached is told of again only after so long. */
const LIMIT_LOG_EVERY_MS = 10_000;
const SERVER_NONE = 0n;

/**
 * A server of ZooKeeper's client protocol: connections, sessions, the tree, and the flow between them. Where the order
 * of writes comes from is the orderer's business.
 *
 * Flow of a write: connection -> orderer (decide, log, agree) -> `commit` -> tree and watch events -> answer.
 * Invariants: the tree changes only in `commit`, in the order of zxids, and only with what can be lost no more; so
 * nothing that a client has seen is ever taken back.
 */
export class Server implements ConnectionHost {
  tree: DataTree;
  readonly rules: AccessRules;
  readonly statistics = new ServerStatistics();
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  readonly settings: ServerSettings;
  sessions: SessionTable;
  decider: Decider;
  readonly startedAtMs: number;
  /** Sessions by the log: what a snapshot holds. */
  committedSessions: Map<SessionId, number>;
  #deps: ServerDeps;
  #folders: DataFolders;
  #orderer: Orderer | undefined;
  #words: (word: string) => string | undefined = () => undefined;
  #connections = new Set<ClientConnection>();
  #bySession = new Map<SessionId, ClientConnection>();
  #byAddress = new Map<string, number>();
  #opening = new Map<SessionId, { readonly connection: ClientConnection; readonly timeoutMs: number }>();
  #nextSessionId: bigint;
  #listener: Listener | undefined;
  #timers: Timer[] = [];
  #txnsSinceSnapshot: number;
  #nextSnapshotAt: number;
  #snapshotting: Promise<void> | undefined;
  #lastTickMs: number;
  #limitsToldAtMs = Number.NEGATIVE_INFINITY;
  #limitsTold = 0;

  constructor(settings: ServerSettings, folders: DataFolders, recovered: Recovered, deps: ServerDeps) {
    this.settings = settings;
    this.#folders = folders;
    this.#deps = deps;
    this.clock = deps.clock;
    this.tree = recovered.tree;
    this.rules = settings.rules;
    this.committedSessions = recovered.sessions;
    this.limits = {
      frameBytesMax: settings.frameBytesMax,
      outstandingMax: settings.outstandingMax,
      watchesMax: settings.room.watchesMax,
    };
    this.#lastTickMs = deps.clock.monotonicMs();
    this.sessions = this.#newSessionTable();
    for (const [id, timeoutMs] of recovered.sessions) this.sessions.open(id, timeoutMs, undefined);
    this.decider = new Decider(this.tree, this.sessions, settings, deps.clock);
    this.startedAtMs = deps.clock.nowMs();
    this.#nextSessionId = firstSessionId(settings.serverId, deps.clock.nowMs());
    this.#txnsSinceSnapshot = recovered.replayedCount;
    this.#nextSnapshotAt = settings.snapshotTxnCount;
  }

  #newSessionTable(): SessionTable {
    return new SessionTable(this.settings.tickMs, () => this.clock.monotonicMs() - this.#lastTickMs);
  }

  get orderer(): Orderer {
    if (this.#orderer === undefined) throw new Error('broken assumption: the server has been given its orderer');
    return this.#orderer;
  }

  get connections(): ReadonlySet<ClientConnection> {
    return this.#connections;
  }

  get clientAddress(): { readonly host: string; readonly port: number } | undefined {
    return this.#listener?.address;
  }

  get disk(): Disk {
    return this.#deps.disk;
  }

  get folders(): DataFolders {
    return this.#folders;
  }

  setWords(words: (word: string) => string | undefined): void {
    this.#words = words;
  }

  /** Starts to serve. @returns why the client port cannot be had */
  async start(orderer: Orderer): Promise<Result<undefined, string>> {
    this.#orderer = orderer;
    const { client, tickMs, containerCheckMs, purgeIntervalMs } = this.settings;
    try {
      this.#listener = await this.#deps.network.listen(client, (socket) => this.#accept(socket));
    } catch (error) {
      return failure(
        `cannot listen for clients on ${client.host}:${client.port} (clientPort): ${(error as Error).message}`,
      );
    }
    const { clock } = this;
    this.#lastTickMs = clock.monotonicMs();
    this.#timers.push(clock.every(tickMs, () => this.#tick()));
    this.#timers.push(clock.every(containerCheckMs, () => this.#sweepContainers()));
    if (purgeIntervalMs > 0) this.#timers.push(clock.every(purgeIntervalMs, () => this.#prune()));
    return success(undefined);
  }

  /** Closes every connection; sessions live on. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    const closed = this.#listener?.close();
    this.closeConnections();
    await closed;
    await this.#snapshotting;
  }

  /** After the loss of the leader: nobody must get an answer that belongs to a request which may be lost. */
  closeConnections(): void {
    for (const connection of [...this.#connections]) connection.destroy();
    this.#opening.clear();
  }

  /** The state of another server takes the place of this one's. No client may be connected meanwhile. */
  replaceState(tree: DataTree, sessions: ReadonlyMap<SessionId, number>): void {
    this.closeConnections();
    this.tree = tree;
    this.committedSessions = new Map(sessions);
    this.sessions = this.#newSessionTable();
    for (const [id, timeoutMs] of sessions) this.sessions.open(id, timeoutMs, undefined);
    this.decider = new Decider(tree, this.sessions, this.settings, this.clock);
  }

  /** The connection of a session, if its client is here. */
  connectionOf(session: SessionId): ClientConnection | undefined {
    return this.#bySession.get(session) ?? this.#opening.get(session)?.connection;
  }

  /** One transaction that can be lost no more. */
  commit({ header, txn }: LoggedTxn): void {
    const applied = this.tree.apply(header, txn);
    this.decider.overlay.applied(header.zxid);
    if (txn.type === 'createSession') this.#sessionCreated(header.sessionId, txn.timeoutMs);
    else {
      const connection = this.#bySession.get(header.sessionId);
      connection?.settleWrite(header.cxid, answerWrite(txn, applied));
      if (txn.type === 'closeSession') this.#sessionClosed(header.sessionId);
    }
    this.#txnsSinceSnapshot++;
    if (this.#txnsSinceSnapshot >= this.#nextSnapshotAt) this.#snapshotDue();
  }

  #snapshotDue(): void {
    this.#txnsSinceSnapshot = 0;
    // Servers of an ensemble must not all write one at the same time.
    this.#nextSnapshotAt = Math.ceil(this.settings.snapshotTxnCount * (0.5 + this.#deps.random.next() / 2));
    this.orderer.snapshotDue();
  }

  /** Takes a snapshot now, unless one is being taken. Resolves when it is on the device. */
  snapshot(): Promise<void> {
    this.#snapshotting ??= this.#writeSnapshot().finally(() => {
      this.#snapshotting = undefined;
    });
    return this.#snapshotting;
  }

  // What connections ask for.

  connect(connection: ClientConnection, request: ConnectRequest): void {
    const { logger } = this.#deps;
    if (!this.orderer.serves) {
      connection.destroy();
      return;
    }
    if (request.lastZxidSeen > this.tree.lastZxid) {
      logger.info(
        { client: connection.remoteAddress, seen: request.lastZxidSeen, here: this.tree.lastZxid },
        'refused a client that has seen a newer state, it must try another server',
      );
      connection.destroy();
      return;
    }
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.settings;
    const timeoutMs = Math.min(Math.max(request.timeoutMs, minSessionTimeoutMs), maxSessionTimeoutMs);
    connection.grantedTimeoutMs = timeoutMs;
    if (request.sessionId === 0n) {
      const id = toSessionId(this.#nextSessionId++);
      this.#opening.set(id, { connection, timeoutMs });
      this.orderer.submit({
        sessionId: id,
        cxid: 0,
        identities: [],
        command: { op: 'createSession', timeoutMs },
        fromServer: this.settings.serverId,
      });
      return;
    }
    const id = request.sessionId;
    if (!request.password.equals(passwordOf(id))) {
      connection.refuseSession();
      return;
    }
    this.#bySession.get(id)?.destroy();
    this.orderer.renew(id, (alive) => {
      if (!connection.isOpen) return;
      if (alive === undefined) connection.destroy();
      else if (alive) this.#attach(connection, id, timeoutMs);
      else connection.refuseSession();
    });
  }

  sync(done: (caughtUp: boolean) => void): void {
    this.orderer.sync(done);
  }

  submit(connection: ClientConnection, cxid: number, command: Command): void {
    this.orderer.submit({
      sessionId: connection.session!.id,
      cxid,
      identities: connection.identities,
      command,
      fromServer: this.settings.serverId,
    });
  }

  touch(session: Session): void {
    this.sessions.touch(session);
    this.orderer.touched(session);
  }

  word(word: string): string | undefined {
    return this.#words(word);
  }

  closed(connection: ClientConnection): void {
    this.#connections.delete(connection);
    this.tree.removeWatcher(connection);
    const left = (this.#byAddress.get(connection.remoteAddress) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(connection.remoteAddress);
    else this.#byAddress.set(connection.remoteAddress, left);
    const { session } = connection;
    if (session !== undefined && this.#bySession.get(session.id) === connection) this.#bySession.delete(session.id);
  }

  giveUp(connection: ClientConnection, unsentBytes: number): void {
    this.statistics.connectionsDropped++;
    this.#deps.logger.warn(
      { client: connection.remoteAddress, session: connection.sessionIdHex, unsentBytes },
      'closed the connection of a client that does not read what it is told',
    );
    connection.destroy();
  }

  #accept(socket: Socket): void {
    const { connectionsPerAddressMax, connectionsMax } = this.settings;
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const fromAddress = this.#byAddress.get(address) ?? 0;
    if (
      (connectionsPerAddressMax > 0 && fromAddress >= connectionsPerAddressMax) ||
      (connectionsMax > 0 && this.#connections.size >= connectionsMax)
    ) {
      this.statistics.connectionsRejected++;
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#byAddress.set(address, fromAddress + 1);
    this.#connections.add(new ClientConnection(socket, this));
  }

  #attach(connection: ClientConnection, id: SessionId, timeoutMs: number): void {
    const session = this.sessions.open(id, timeoutMs, this.settings.serverId);
    this.#bySession.set(id, connection);
    connection.attach(session, passwordOf(id));
  }

  #sessionCreated(id: SessionId, timeoutMs: number): void {
    this.committedSessions.set(id, timeoutMs);
    const opening = this.#opening.get(id);
    this.#opening.delete(id);
    if (opening?.connection.isOpen) this.#attach(opening.connection, id, timeoutMs);
    else this.sessions.open(id, timeoutMs, undefined);
  }

  #sessionClosed(id: SessionId): void {
    this.committedSessions.delete(id);
    this.sessions.close(id);
    const connection = this.#bySession.get(id);
    this.#bySession.delete(id);
    connection?.end();
  }

  #tick(): void {
    const nowMs = this.clock.monotonicMs();
    const elapsedMs = nowMs - this.#lastTickMs;
    this.#lastTickMs = nowMs;
    const tooOld = this.clock.nowMs() - HANDSHAKE_MS_MAX;
    for (const connection of this.#connections) {
      if (!connection.hasSession && connection.openedAtMs < tooOld) connection.destroy();
    }
    this.#tellOfLimits(nowMs);
    if (!this.orderer.decides) return;
    for (const session of this.sessions.advance(elapsedMs)) {
      this.statistics.sessionsExpired++;
      this.#deps.logger.info(
        { session: session.id.toString(16), timeoutMs: session.timeoutMs },
        'a session has expired',
      );
      this.orderer.submit({
        sessionId: session.id,
        cxid: 0,
        identities: [],
        command: { op: 'closeSession' },
        fromServer: undefined,
      });
    }
  }

  #tellOfLimits(nowMs: number): void {
    const { watchesRefused, connectionsRejected } = this.statistics;
    const { refusedForRoomCount } = this.decider;
    const refused = watchesRefused + connectionsRejected + refusedForRoomCount;
    if (refused === this.#limitsTold || nowMs - this.#limitsToldAtMs < LIMIT_LOG_EVERY_MS) return;
    this.#limitsTold = refused;
    this.#limitsToldAtMs = nowMs;
    const { room, connectionsPerAddressMax, connectionsMax } = this.settings;
    this.#deps.logger.warn(
      {
        ...{ refusedForRoomCount, watchesRefused, connectionsRejected },
        ...{ znodes: this.tree.nodeCount, 'hikube.maxZnodes': room.znodesMax },
        ...{ dataBytes: this.tree.approximateDataBytes, 'hikube.maxDataBytes': room.dataBytesMax },
        ...{ watches: this.tree.watchCount, 'hikube.maxWatches': room.watchesMax },
        ...{ maxClientCnxns: connectionsPerAddressMax, maxCnxns: connectionsMax },
      },
      'refused clients because a bound is reached: raise it in zoo.cfg (and the memory with it), or find who fills the server',
    );
  }

  /** Source: ContainerManager. */
  #sweepContainers(): void {
    if (!this.orderer.decides) return;
    const most = Math.max(1, Math.floor((this.settings.containersPerMinute * this.settings.containerCheckMs) / 60_000));
    const due: string[] = [];
    for (const path of this.tree.containers) {
      const node = this.tree.get(path);
      // A container that has never had a child is still waiting for it.
      if (node !== undefined && node.childCount === 0 && node.cversion > 0) due.push(path);
    }
    const nowMs = this.clock.nowMs();
    for (const path of this.tree.ttls) {
      const node = this.tree.get(path);
      if (node === undefined || node.childCount > 0) continue;
      if (ownerKind(node.owner, this.tree.extendedTypes) === 'ttl' && nowMs - node.mtime > ttlOf(node.owner)) {
        due.push(path);
      }
    }
    for (const path of due.slice(0, most)) {
      this.orderer.submit({
        sessionId: toSessionId(SERVER_NONE),
        cxid: 0,
        identities: [],
        command: { op: 'deleteContainer', path },
        fromServer: undefined,
      });
    }
  }

  async #writeSnapshot(): Promise<void> {
    const { disk, logger } = this.#deps;
    const lastZxid = this.tree.lastZxid;
    const startedMs = this.clock.monotonicMs();
    this.orderer.rollLog();
    try {
      const sizeBytes = await writeSnapshot(this.#folders.snapshots, this.tree, new Map(this.committedSessions), {
        disk,
        clock: this.clock,
      });
      const durationMs = Math.round(this.clock.monotonicMs() - startedMs);
      this.statistics.snapshots++;
      this.statistics.snapshotMsLast = durationMs;
      logger.info({ lastZxid: `0x${lastZxid.toString(16)}`, sizeBytes, durationMs }, 'wrote a snapshot');
    } catch (err) {
      logger.error({ err }, 'could not write a snapshot; the log keeps everything, and it will be tried again');
    }
  }

  #prune(): void {
    const removed = prune(this.#folders, this.settings.retainSnapshots, this.#deps.disk);
    if (removed.length > 0) this.#deps.logger.info({ removed }, 'removed old snapshots and logs');
  }
}
