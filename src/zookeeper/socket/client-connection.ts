import type { Socket } from 'node:net';
import type { Clock } from '../../base/index.ts';
import type {
  ConnectRequest,
  EventName,
  Request,
  ResponseBody,
  SessionId,
  Zxid,
} from '../../protocol/zookeeper/index.ts';
import {
  connectedEvent,
  decodeConnectRequest,
  decodeRequest,
  decodeRequestHeader,
  encodeConnectResponse,
  errorCode,
  FrameSplitter,
  JuteWriter,
  opCode,
  permission,
  REQUEST_HEADER_BYTES,
  xid as specialXid,
  writeEventFrame,
  writeReplyFrame,
} from '../../protocol/zookeeper/index.ts';
import type { AccessRules, Identity } from '../request/access.ts';
import { digestIdentities, mayAccess } from '../request/access.ts';
import type { Command } from '../request/decide.ts';
import type { Answer, ReadRequest } from '../request/read.ts';
import { answerRead } from '../request/read.ts';
import type { ServerStatistics } from '../request/server-statistics.ts';
import type { Session } from '../session/session-table.ts';
import type { AclList } from '../tree/acl-table.ts';
import type { DataTree } from '../tree/data-tree.ts';
import type { Watcher } from '../tree/watch-table.ts';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly tree: DataTree;
  readonly rules: AccessRules;
  readonly statistics: ServerStatistics;
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** Refuses by closing the connection, or attaches it to a session, at once or later. */
  connect(connection: ClientConnection, request: ConnectRequest): void;
  /** A write on its way to become a transaction. */
  submit(connection: ClientConnection, cxid: number, command: Command): void;
  /** Calls back, perhaps at once, when what was committed anywhere before the call is in the tree. */
  sync(done: (caughtUp: boolean) => void): void;
  /** The client was heard. */
  touch(session: Session): void;
  /** The text that answers a four-letter word; undefined if nobody knows the word. */
  word(word: string): string | undefined;
  closed(connection: ClientConnection): void;
  /** The client does not read what it is told: closes it, and says so. */
  giveUp(connection: ClientConnection, unsentBytes: number): void;
}

export type ConnectionLimits = {
  readonly frameBytesMax: number;
  /** Requests of all clients that wait; above it, clients that have one waiting are not read from. */
  readonly outstandingMax: number;
  readonly watchesMax: number;
};

type Waiting = {
  readonly xid: number;
  readonly startMs: number;
  /** Undefined: a write, whose answer comes with its transaction. */
  readonly read: ReadRequest | undefined;
  readonly op: Request['op'];
  /** Of a sync that may be answered as soon as it is its turn. */
  ready: Answer | undefined;
};

/** Above this much unsent output a client is neither answered nor read from until it has taken it. */
const UNSENT_BYTES_HIGH = 1 << 20;
/** Above this much (watch events, which nothing slows down) the client is given up. */
const UNSENT_BYTES_MAX = 16 << 20;
/** Of all clients together; above it, those with more than `UNSENT_BYTES_HIGH` are given up. */
const UNSENT_BYTES_OF_ALL_MAX = 64 << 20;
/** Requests of one client that wait for its own write; above it the client is not read from. */
const WAITING_MAX = 4_096;
const WORD_BYTES = 4;
const NO_BYTES = Buffer.alloc(0);
const NO_IDENTITIES: readonly Identity[] = [];

const served = Symbol('connection');
type ServedSocket = Socket & { [served]?: ClientConnection };

//   waiting for connect ──▶ waiting for its session ──▶ open ──▶ closed
/**
 * One client's socket: frames in, answers and watch events out, in the order that ZooKeeper promises. A request waits
 * for the client's own earlier writes; reads go straight to the tree when none is pending.
 *
 * There may be thousands that never say a word, so what only others need is made when they speak, and listeners are
 * shared by all sockets.
 */
export class ClientConnection implements Watcher {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly openedAtMs: number;
  identities = NO_IDENTITIES;
  session: Session | undefined;
  /** Before the session is there: what was granted. */
  grantedTimeoutMs = 0;
  readOnlyByte: boolean | undefined;
  packetsReceived = 0;
  packetsSent = 0;
  lastOperation = 'NA';
  lastXid = 0;
  lastZxid = 0;
  answeredCount = 0;
  latencyMsLast = 0;
  latencyMsSum = 0;
  latencyMsMax = 0;
  latencyMsMin = Number.POSITIVE_INFINITY;
  #host: ConnectionHost;
  #socket: Socket;
  #splitter: FrameSplitter | undefined;
  #writer = new JuteWriter();
  #waiting: Waiting[] = [];
  #early: Buffer[] | undefined;
  #phase: 'connect' | 'session' | 'open' | 'closed' = 'connect';
  #firstBytes: Buffer | undefined = NO_BYTES;
  #flushScheduled = false;
  #paused = false;
  /** Reads wait because the client does not take its answers; nobody else's business, so they are not `outstanding`. */
  #clogged = false;
  /** What of this connection is in `statistics.unsentBytes`. */
  #unsentNoted = 0;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.remoteAddress = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    this.remotePort = socket.remotePort ?? 0;
    this.openedAtMs = host.clock.nowMs();
    (socket as ServedSocket)[served] = this;
    socket.on('data', ClientConnection.#onData);
    socket.on('error', ClientConnection.#onClose);
    socket.on('close', ClientConnection.#onClose);
  }

  static readonly #onData = function (this: ServedSocket, chunk: Buffer): void {
    this[served]!.#receive(chunk);
  };

  static readonly #onDrain = function (this: ServedSocket): void {
    this[served]!.#drained();
  };

  static readonly #onClose = function (this: ServedSocket): void {
    this[served]!.destroy();
  };

  get sessionIdHex(): string {
    return this.session === undefined ? '0x0' : `0x${BigInt.asUintN(64, this.session.id).toString(16)}`;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get isOpen(): boolean {
    return this.#phase !== 'closed';
  }

  get hasSession(): boolean {
    return this.#phase === 'open';
  }

  /** The session is there: answers the connect request. */
  attach(session: Session, password: Buffer): void {
    this.session = session;
    this.#phase = 'open';
    this.#send(
      encodeConnectResponse({
        protocolVersion: 0,
        timeoutMs: session.timeoutMs,
        sessionId: session.id,
        password,
        readOnly: this.readOnlyByte === undefined ? undefined : false,
      }),
    );
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) if (this.isOpen) this.#acceptRequest(frame);
    this.#resumeIfAble();
  }

  /** The session is gone: the client is told so, and closed. */
  refuseSession(): void {
    this.#send(
      encodeConnectResponse({
        protocolVersion: 0,
        timeoutMs: 0,
        sessionId: 0n as SessionId,
        password: Buffer.alloc(16),
        readOnly: this.readOnlyByte === undefined ? undefined : false,
      }),
    );
    this.end();
  }

  /** The word `crst`. */
  resetStatistics(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.answeredCount = 0;
    this.latencyMsSum = 0;
    this.latencyMsMax = 0;
    this.latencyMsMin = Number.POSITIVE_INFINITY;
  }

  /** After what was written has left. */
  end(): void {
    if (this.#phase === 'closed') return;
    this.#flush();
    this.#socket.end();
    this.#close();
    // A client that does not read its last answer keeps the socket no longer than this.
    this.#host.clock.after(LINGER_MS, () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
    this.#close();
  }

  /** The write at the head of the queue has its transaction; answers it and the reads behind it. */
  settleWrite(cxid: number, answer: Answer): void {
    const head = this.#waiting[0];
    if (this.#phase !== 'open' || head === undefined || head.read !== undefined || head.xid !== cxid) return;
    this.#waiting.shift();
    if (!this.#clogged) this.#host.statistics.requestsOutstanding--;
    if (answer.code === errorCode.sessionMoved) {
      // The client has gone to another server; it must not take anything from here as an answer.
      this.end();
      return;
    }
    this.#reply(head, answer);
    if (head.op === 'closeSession') {
      this.end();
      return;
    }
    this.#answerReady();
    this.#resumeIfAble();
  }

  deliver(type: EventName, path: string, zxid: Zxid, acl: AclList): void {
    if (this.#phase !== 'open') return;
    const { rules, statistics } = this.#host;
    if (!mayAccess(rules, acl, permission.read, this.identities)) return;
    statistics.watchEvents++;
    statistics.packetsSent++;
    this.packetsSent++;
    writeEventFrame(this.#writer, connectedEvent(type, path), zxid);
    this.#scheduleFlush();
  }

  #receive(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#firstBytes !== undefined) {
      bytes = this.#firstBytes.length === 0 ? chunk : Buffer.concat([this.#firstBytes, chunk]);
      if (bytes.length < WORD_BYTES) {
        this.#firstBytes = Buffer.from(bytes);
        return;
      }
      this.#firstBytes = undefined;
      if (this.#answerWord(bytes)) return;
    }
    this.#host.statistics.bytesReceived += chunk.length;
    this.#splitter ??= new FrameSplitter(this.#host.limits.frameBytesMax);
    const problem = this.#splitter.push(bytes, (frame) => {
      this.#accept(frame);
      return this.#phase !== 'closed';
    });
    if (problem !== undefined) this.destroy();
    if (this.#phase !== 'closed') this.#pauseIfFull();
  }

  #answerWord(bytes: Buffer): boolean {
    // A length that reads as four letters is over a gigabyte, so no frame begins like this.
    if (bytes[0]! < 0x61 || bytes[0]! > 0x7a) return false;
    const word = bytes.toString('latin1', 0, WORD_BYTES);
    const text = this.#host.word(word);
    if (text === undefined) {
      this.destroy();
      return true;
    }
    this.#socket.end(text);
    this.#close();
    this.#host.clock.after(LINGER_MS, () => this.#socket.destroy());
    return true;
  }

  #accept(frame: Buffer): void {
    this.packetsReceived++;
    this.#host.statistics.packetsReceived++;
    switch (this.#phase) {
      case 'connect': {
        const request = decodeConnectRequest(frame);
        if (!request.ok) {
          this.destroy();
          return;
        }
        this.readOnlyByte = request.value.readOnly;
        this.identities = [{ scheme: 'ip', id: this.remoteAddress }];
        this.#socket.on('drain', ClientConnection.#onDrain);
        this.#phase = 'session';
        this.#host.connect(this, request.value);
        return;
      }
      case 'session':
        // Requests that a client sent without waiting for its session; no more than one chunk, for then it is paused.
        this.#early ??= [];
        this.#early.push(Buffer.from(frame));
        return;
      case 'open':
        this.#acceptRequest(frame);
        return;
      case 'closed':
        return;
    }
  }

  #acceptRequest(frame: Buffer): void {
    const session = this.session!;
    this.#host.touch(session);
    const header = decodeRequestHeader(frame);
    if (header === undefined) {
      this.destroy();
      return;
    }
    const { xid, type } = header;
    const decoded = decodeRequest(type, frame.subarray(REQUEST_HEADER_BYTES));
    if (!decoded.ok) {
      this.#acceptUnreadable(xid, type, decoded.problem.kind === 'unknownType');
      return;
    }
    const request = decoded.value;
    switch (request.op) {
      case 'auth':
        this.#authenticate(xid, request.scheme, request.auth);
        return;
      case 'sasl':
        this.#refuse(xid, errorCode.authFailed);
        return;
      case 'create':
      case 'create2':
      case 'createContainer':
      case 'createTtl':
      case 'delete':
      case 'setData':
      case 'setAcl':
      case 'multi':
      case 'closeSession':
      case 'check':
        this.#submit(xid, request.op, request);
        return;
      case 'sync': {
        const waiting = this.#enqueue(xid, request.op, undefined);
        this.#host.sync((caughtUp) => {
          if (!caughtUp) {
            this.destroy();
            return;
          }
          waiting.ready = { code: errorCode.ok, body: { kind: 'path', path: request.path } };
          if (this.#phase === 'open') this.#answerReady();
        });
        return;
      }
      case 'reconfig':
        this.#submit(xid, request.op, request);
        return;
      default:
        this.#enqueue(xid, request.op, request);
        if (this.#waiting.length === 1) this.#answerReady();
    }
  }

  /** Apache's answers to what it cannot read: a write takes a zxid all the same. */
  #acceptUnreadable(xid: number, type: number, unknown: boolean): void {
    if (writeTypes.has(type)) {
      this.#submit(xid, 'setData', { op: 'fail', code: errorCode.marshallingError });
      return;
    }
    if (unknown) {
      this.#refuse(xid, errorCode.unimplemented);
      this.end();
      return;
    }
    const waiting = this.#enqueue(xid, 'getData', undefined);
    waiting.ready = { code: errorCode.marshallingError, body: nothing };
    if (this.#waiting.length === 1) this.#answerReady();
  }

  #submit(xid: number, op: Request['op'], command: Parameters<ConnectionHost['submit']>[2]): void {
    this.#host.statistics.writes++;
    this.#enqueue(xid, op, undefined);
    this.#host.submit(this, xid, command);
  }

  #enqueue(xid: number, op: Request['op'], read: ReadRequest | undefined): Waiting {
    const waiting: Waiting = { xid, startMs: this.#host.clock.monotonicMs(), read, op, ready: undefined };
    if (!this.#clogged) this.#host.statistics.requestsOutstanding++;
    this.#waiting.push(waiting);
    return waiting;
  }

  #authenticate(xid: number, scheme: string, auth: Buffer): void {
    const header = { xid, zxid: 0 as Zxid, error: errorCode.ok as number };
    if (scheme === 'digest') {
      for (const identity of digestIdentities(this.#host.rules, auth)) this.#addIdentity(identity);
    } else if (scheme !== 'ip') header.error = errorCode.authFailed;
    this.#countSent();
    writeReplyFrame(this.#writer, header, nothing);
    this.#scheduleFlush();
    if (header.error !== errorCode.ok) this.end();
  }

  #addIdentity(identity: Identity): void {
    if (this.identities.some(({ scheme, id }) => scheme === identity.scheme && id === identity.id)) return;
    this.identities = [...this.identities, identity];
  }

  #refuse(xid: number, error: number): void {
    this.#countSent();
    writeReplyFrame(this.#writer, { xid, zxid: this.#host.tree.lastZxid, error }, nothing);
    this.#scheduleFlush();
  }

  /** Reads and finished syncs at the head of the queue, as long as the client takes its answers. */
  #answerReady(): void {
    if (this.#clogged) return;
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      if (head.read === undefined && head.ready === undefined) return;
      if (this.#unsentBytes() > UNSENT_BYTES_HIGH) {
        this.#clogged = true;
        this.#host.statistics.requestsOutstanding -= this.#waiting.length;
        return;
      }
      this.#waiting.shift();
      const { tree, rules, statistics, limits } = this.#host;
      statistics.requestsOutstanding--;
      statistics.reads++;
      if (head.read === undefined) {
        this.#reply(head, head.ready!);
        continue;
      }
      const view = { tree, rules, identities: this.identities, sessionId: this.session!.id, watcher: this, limits };
      const answer = answerRead(head.read, view);
      if (answer.code === errorCode.quotaExceeded) {
        statistics.watchesRefused++;
        if (head.op === 'setWatches' || head.op === 'setWatches2') {
          // Clients take no notice of this answer, and would wait for events that never come.
          this.destroy();
          return;
        }
      }
      this.#reply(head, answer);
    }
  }

  #reply({ xid, startMs, op }: Waiting, { code, body }: Answer): void {
    const { statistics, tree, clock } = this.#host;
    const latencyMs = clock.monotonicMs() - startMs;
    statistics.answered(latencyMs);
    this.answeredCount++;
    this.latencyMsLast = latencyMs;
    this.latencyMsSum += latencyMs;
    if (latencyMs > this.latencyMsMax) this.latencyMsMax = latencyMs;
    if (latencyMs < this.latencyMsMin) this.latencyMsMin = latencyMs;
    this.lastOperation = op;
    this.lastXid = xid;
    this.lastZxid = tree.lastZxid;
    this.#countSent();
    writeReplyFrame(
      this.#writer,
      { xid: op === 'ping' ? specialXid.ping : xid, zxid: tree.lastZxid, error: code },
      body,
    );
    this.#scheduleFlush();
  }

  #countSent(): void {
    this.packetsSent++;
    this.#host.statistics.packetsSent++;
  }

  #send(bytes: Buffer): void {
    this.#writer.raw(bytes);
    this.#countSent();
    this.#scheduleFlush();
  }

  /** Everything that one turn of the loop has to say leaves in one write. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#phase === 'closed' || this.#writer.length === 0) return;
    this.#socket.write(this.#writer.take());
    this.#noteUnsent();
    const { statistics } = this.#host;
    const unsentBytes = this.#socket.writableLength;
    // The greatest of those that do not read go first, before there is no memory for anybody.
    const tooMuch = statistics.unsentBytes > UNSENT_BYTES_OF_ALL_MAX && unsentBytes > UNSENT_BYTES_HIGH;
    if (tooMuch || unsentBytes > UNSENT_BYTES_MAX) this.#host.giveUp(this, unsentBytes);
    else this.#pauseIfFull();
    // The system took it all at once, so no `drain` comes. Others have their turn before there is more.
    if (this.#clogged && !this.#socket.writableNeedDrain) setImmediate(() => this.#drained());
  }

  #unsentBytes(): number {
    return this.#socket.writableLength + this.#writer.length;
  }

  #noteUnsent(): void {
    const unsentBytes = this.#phase === 'closed' ? 0 : this.#socket.writableLength;
    this.#host.statistics.unsentBytes += unsentBytes - this.#unsentNoted;
    this.#unsentNoted = unsentBytes;
  }

  #drained(): void {
    this.#noteUnsent();
    if (this.#clogged && this.#phase !== 'closed') {
      this.#clogged = false;
      this.#host.statistics.requestsOutstanding += this.#waiting.length;
      this.#answerReady();
    }
    this.#resumeIfAble();
  }

  #isFull(): boolean {
    const { statistics, limits } = this.#host;
    return (
      this.#waiting.length > WAITING_MAX ||
      (this.#waiting.length > 0 && statistics.requestsOutstanding > limits.outstandingMax) ||
      this.#clogged ||
      this.#unsentBytes() > UNSENT_BYTES_HIGH ||
      this.#phase === 'session'
    );
  }

  #pauseIfFull(): void {
    if (this.#paused || !this.#isFull()) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resumeIfAble(): void {
    if (!this.#paused || this.#phase === 'closed' || this.#isFull()) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #close(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    if (!this.#clogged) this.#host.statistics.requestsOutstanding -= this.#waiting.length;
    this.#waiting = [];
    this.#noteUnsent();
    this.#host.closed(this);
  }
}

const LINGER_MS = 2_000;
const nothing: ResponseBody = { kind: 'nothing' };
const writeTypes: ReadonlySet<number> = new Set([
  opCode.create,
  opCode.create2,
  opCode.createContainer,
  opCode.createTtl,
  opCode.delete,
  opCode.setData,
  opCode.setAcl,
  opCode.multi,
  opCode.check,
  opCode.reconfig,
]);
