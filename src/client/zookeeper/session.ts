import type { Address, Clock, Logger, Network, Random, Result, Timer } from '../../base/index.ts';
import { assert, failure, success } from '../../base/index.ts';
import type { ConnectResponse, Request, ResponseBody, SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import {
  decodeEvent,
  decodeReplyHeader,
  decodeResponseBody,
  errorCode,
  eventNameOf,
  PASSWORD_BYTES,
  REPLY_HEADER_BYTES,
  sessionId,
  xid,
  zxid,
} from '../../protocol/zookeeper/index.ts';
import { Connection } from './connection.ts';
import type { ZooKeeperProblem } from './problem.ts';
import { clientProblem, serverProblem } from './problem.ts';
import type { WatchEvent } from './watch-registry.ts';
import { WatchRegistry } from './watch-registry.ts';

//   connecting ──answer──▶ connected ──connection ends──▶ connecting
//       │                      │
//       │ session unknown      │ close(), auth refused
//       ▼                      ▼
//    expired              closed / authFailed          (these three are final: open another client)
export type SessionState = 'connecting' | 'connected' | 'expired' | 'authFailed' | 'closed';

/** What happens to a session as a whole; listeners hear it in order. */
export type SessionEvent =
  | { readonly kind: 'connected'; readonly sessionId: SessionId; readonly server: Address; readonly resumed: boolean }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'authFailed'; readonly scheme: string }
  | { readonly kind: 'closed' };

export type AuthInfo = { readonly scheme: string; readonly auth: Buffer };

export type SessionOptions = {
  /** Tried in a random order, again and again. */
  readonly servers: readonly Address[];
  /** Wished for; the server answers what it grants. */
  readonly sessionTimeoutMs: number;
  readonly auth: readonly AuthInfo[];
  readonly frameBytesMax: number;
  /** Requests sent and not answered plus requests that wait for a connection. */
  readonly pendingMax: number;
};

export type ClientDeps = {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

export type Reply = { readonly header: { readonly zxid: Zxid; readonly error: number }; readonly body: ResponseBody };
type Answer = Result<Reply, ZooKeeperProblem>;
type Pending = {
  readonly request: Request;
  xid: number;
  /** Runs while the answer's frame is processed, before any later frame: watches are registered here. */
  readonly onAnswer: ((answer: Answer) => void) | undefined;
  readonly resolve: (answer: Answer) => void;
};

const RECONNECT_WAIT_MS_MAX = 1_000;
const CONNECT_TIMEOUT_MS_MIN = 250;
const TICKS_PER_TIMEOUT = 12;
const TICK_MS_MIN = 20;
/** After a third of the time-out without sending, a ping; after two thirds without hearing, another server. */
const PING_PART = 1 / 3;
const SILENCE_PART = 2 / 3;
const XID_MAX = 0x7fffffff;

/**
 * One session over as many connections as it takes. Mutable state of one owner: requests are answered first in, first
 * out; those that were sent when a connection ends fail with `connectionLoss`, those that wait go out on the next one.
 */
export class Session {
  readonly watches = new WatchRegistry();
  #options: SessionOptions;
  #deps: ClientDeps;
  #state: SessionState = 'connecting';
  #servers: Address[];
  #serverIndex = 0;
  #connection: Connection | undefined;
  #id: SessionId = sessionId(0n);
  #password: Buffer = Buffer.alloc(PASSWORD_BYTES);
  #timeoutMs: number;
  #lastZxid = zxid(0);
  #nextXid = 1;
  #sent: Pending[] = [];
  /** A server answers credentials at once, before requests that were sent earlier. */
  #sentAuth: Pending[] = [];
  #waiting: Pending[] = [];
  #auth: AuthInfo[];
  #timer: Timer | undefined;
  #listeners = new Set<(event: SessionEvent) => void>();
  #onWatch: (event: WatchEvent) => void;
  #pingSent = false;

  constructor(options: SessionOptions, deps: ClientDeps, onWatch: (event: WatchEvent) => void) {
    assert(options.servers.length > 0, 'a ZooKeeper client is given at least one server');
    this.#options = options;
    this.#deps = deps;
    this.#timeoutMs = options.sessionTimeoutMs;
    this.#auth = [...options.auth];
    this.#onWatch = onWatch;
    this.#servers = shuffled(options.servers, deps.random);
    this.#connect();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** 0n before the first connection. */
  get id(): SessionId {
    return this.#id;
  }

  get password(): Buffer {
    return this.#password;
  }

  /** What the server granted, once connected. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  get lastZxid(): Zxid {
    return this.#lastZxid;
  }

  /** @returns a call that stops listening */
  listen(listener: (event: SessionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  call(request: Request, onAnswer?: (answer: Answer) => void): Promise<Answer> {
    return new Promise((resolve) => {
      const refusal = this.#refusal();
      if (refusal !== undefined) {
        onAnswer?.(failure(refusal));
        resolve(failure(refusal));
        return;
      }
      const pending: Pending = { request, xid: this.#takeXid(request), onAnswer, resolve };
      if (this.#state === 'connected') this.#send(pending);
      else this.#waiting.push(pending);
    });
  }

  /** Adds credentials now and to every later connection. */
  addAuth(auth: AuthInfo): Promise<Answer> {
    this.#auth.push(auth);
    return this.call({ op: 'auth', type: 0, ...auth });
  }

  /** Ends the session at the server too, if it can be reached now. */
  async close(): Promise<void> {
    if (this.#state === 'connected') {
      await this.call({ op: 'closeSession' });
    }
    this.#finish('closed', { kind: 'closed' }, clientProblem('clientClosed', 'this ZooKeeper client was closed'));
  }

  #refusal(): ZooKeeperProblem | undefined {
    switch (this.#state) {
      case 'expired':
        return clientProblem('sessionExpired', 'the session has expired; open a new client');
      case 'authFailed':
        return clientProblem('authFailed', 'the server refused the credentials; open a new client');
      case 'closed':
        return clientProblem('clientClosed', 'this ZooKeeper client was closed');
      default:
        break;
    }
    if (this.#sent.length + this.#waiting.length >= this.#options.pendingMax) {
      return clientProblem('tooManyPending', `${this.#options.pendingMax} requests already wait for an answer`);
    }
    return undefined;
  }

  #takeXid(request: Request): number {
    if (request.op === 'auth') return xid.auth;
    const taken = this.#nextXid;
    this.#nextXid = taken === XID_MAX ? 1 : taken + 1;
    return taken;
  }

  #send(pending: Pending): void {
    (pending.xid === xid.auth ? this.#sentAuth : this.#sent).push(pending);
    this.#connection!.send(pending.xid, pending.request);
  }

  #connect(): void {
    const server = this.#servers[this.#serverIndex % this.#servers.length]!;
    this.#serverIndex++;
    const connectTimeoutMs = Math.max(CONNECT_TIMEOUT_MS_MIN, this.#timeoutMs / this.#servers.length);
    this.#connection = new Connection(
      server,
      {
        protocolVersion: 0,
        lastZxidSeen: this.#lastZxid,
        timeoutMs: this.#options.sessionTimeoutMs,
        sessionId: this.#id,
        password: this.#password,
        readOnly: false,
      },
      { connectTimeoutMs, frameBytesMax: this.#options.frameBytesMax },
      this.#deps,
      {
        connected: (response) => this.#onConnected(response, server),
        frame: (frame) => this.#onFrame(frame),
        ended: (reason) => this.#onEnded(reason, server),
      },
    );
  }

  #onConnected(response: ConnectResponse, server: Address): void {
    if (response.timeoutMs <= 0 || response.sessionId === 0n) {
      this.#finish(
        'expired',
        { kind: 'expired' },
        clientProblem('sessionExpired', `the session has expired: ${server.host}:${server.port} does not know it`),
      );
      return;
    }
    const resumed = this.#id !== 0n;
    this.#id = response.sessionId;
    this.#password = response.password;
    this.#timeoutMs = response.timeoutMs;
    this.#state = 'connected';
    this.#pingSent = false;
    this.#servers = shuffled(this.#options.servers, this.#deps.random);
    this.#serverIndex = 0;
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.every(Math.max(TICK_MS_MIN, this.#timeoutMs / TICKS_PER_TIMEOUT), () =>
      this.#tick(),
    );

    const waitingAuth = new Set(this.#waiting.filter(({ request }) => request.op === 'auth'));
    const ignore = (): void => {};
    if (waitingAuth.size === 0) {
      for (const auth of this.#auth) {
        this.#send({ request: { op: 'auth', type: 0, ...auth }, xid: xid.auth, onAnswer: undefined, resolve: ignore });
      }
    } else {
      // Credentials added while nobody was connected are at the end of #auth and among the waiting: send each once.
      const known = this.#auth.length - waitingAuth.size;
      for (const auth of this.#auth.slice(0, Math.max(0, known))) {
        this.#send({ request: { op: 'auth', type: 0, ...auth }, xid: xid.auth, onAnswer: undefined, resolve: ignore });
      }
      for (const pending of waitingAuth) this.#send(pending);
    }
    for (const request of this.watches.setWatchesRequests(this.#lastZxid)) {
      this.#send({ request, xid: xid.setWatches, onAnswer: undefined, resolve: ignore });
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const pending of waiting) if (!waitingAuth.has(pending)) this.#send(pending);
    this.#deps.logger.debug({ server, session: this.#id.toString(16), resumed }, 'connected to ZooKeeper');
    this.#emit({ kind: 'connected', sessionId: this.#id, server, resumed });
  }

  #tick(): void {
    const connection = this.#connection;
    if (this.#state !== 'connected' || connection === undefined) return;
    if (connection.sinceHeardMs > this.#timeoutMs * SILENCE_PART) {
      connection.abandon(`nothing heard for ${Math.round(connection.sinceHeardMs)} ms`);
      return;
    }
    const due =
      connection.sinceSentMs > this.#timeoutMs * PING_PART || connection.sinceHeardMs > this.#timeoutMs * PING_PART;
    if (due && !this.#pingSent) {
      this.#pingSent = true;
      connection.send(xid.ping, { op: 'ping' });
    }
  }

  /** @returns what is wrong with the frame, which ends the connection */
  #onFrame(frame: Buffer): string | undefined {
    const header = decodeReplyHeader(frame);
    if (!header.ok) return `an answer's header cannot be read: ${header.problem.sentence}`;
    const { value } = header;
    const body = frame.subarray(REPLY_HEADER_BYTES);
    if (value.xid === xid.ping) {
      this.#pingSent = false;
      return undefined;
    }
    if (value.xid === xid.notification) return this.#onEvent(body);

    const queue = value.xid === xid.auth ? this.#sentAuth : this.#sent;
    const pending = queue[0];
    if (pending === undefined || pending.xid !== value.xid) {
      return `the server answered request ${value.xid}, ${pending === undefined ? 'none' : pending.xid} was next`;
    }
    queue.shift();
    if (value.zxid > this.#lastZxid) this.#lastZxid = value.zxid;
    if (value.xid === xid.auth && value.error !== errorCode.ok) {
      this.#settle(pending, failure(serverProblem(value.error, 'auth', undefined)));
      const scheme = pending.request.op === 'auth' ? pending.request.scheme : '';
      this.#finish(
        'authFailed',
        { kind: 'authFailed', scheme },
        clientProblem('authFailed', `the server refused the credentials of scheme ${scheme}`),
      );
      return undefined;
    }
    const path = 'path' in pending.request ? pending.request.path : undefined;
    if (value.error !== errorCode.ok) {
      this.#settle(pending, failure(serverProblem(value.error, pending.request.op, path)));
      return undefined;
    }
    // Chunks of a socket are pooled: what a caller keeps must not pin them.
    const decoded = decodeResponseBody(pending.request.op, Buffer.from(body));
    if (!decoded.ok) {
      const sentence = `the answer to ${pending.request.op} cannot be read: ${decoded.problem.sentence}`;
      this.#settle(pending, failure(clientProblem('badAnswer', sentence, path)));
      return sentence;
    }
    this.#settle(pending, success({ header: value, body: decoded.value }));
    return undefined;
  }

  #onEvent(body: Buffer): string | undefined {
    const event = decodeEvent(body);
    if (!event.ok) return `a watch event cannot be read: ${event.problem.sentence}`;
    const type = eventNameOf(event.value.type);
    if (type === undefined) return `a watch event has the unknown type ${event.value.type}`;
    this.#onWatch({ type, path: event.value.path });
    return undefined;
  }

  #onEnded(reason: string, server: Address): void {
    this.#connection = undefined;
    const wasConnected = this.#state === 'connected';
    this.#deps.logger.debug({ server, reason }, 'connection to ZooKeeper ended');
    const lost = [...this.#sentAuth, ...this.#sent];
    this.#sent = [];
    this.#sentAuth = [];
    this.#state = 'connecting';
    this.#timer?.cancel();
    for (const pending of lost) {
      if (pending.request.op === 'closeSession') this.#settle(pending, success(closedReply(this.#lastZxid)));
      else {
        const path = 'path' in pending.request ? pending.request.path : undefined;
        const sentence = `the connection to ${server.host}:${server.port} ended before the answer: ${reason}`;
        this.#settle(pending, failure(clientProblem('connectionLoss', sentence, path)));
      }
    }
    if (wasConnected) this.#emit({ kind: 'disconnected', reason });
    if (this.#state !== 'connecting') return; // a listener closed the client
    const wholeRound = this.#serverIndex % this.#servers.length === 0;
    const waitMs = wholeRound ? this.#deps.random.next() * RECONNECT_WAIT_MS_MAX : 0;
    this.#timer = this.#deps.clock.after(waitMs, () => this.#connect());
  }

  #settle(pending: Pending, answer: Answer): void {
    pending.onAnswer?.(answer);
    pending.resolve(answer);
  }

  #finish(state: 'expired' | 'authFailed' | 'closed', event: SessionEvent, problem: ZooKeeperProblem): void {
    if (this.#state === 'expired' || this.#state === 'authFailed' || this.#state === 'closed') return;
    this.#state = state;
    this.#timer?.cancel();
    this.#connection?.destroy();
    this.#connection = undefined;
    this.watches.clear();
    const left = [...this.#sentAuth, ...this.#sent, ...this.#waiting];
    this.#sent = [];
    this.#sentAuth = [];
    this.#waiting = [];
    for (const pending of left) this.#settle(pending, failure(problem));
    this.#emit(event);
  }

  #emit(event: SessionEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

const closedReply = (lastZxid: Zxid): Reply => ({
  header: { zxid: lastZxid, error: errorCode.ok },
  body: { kind: 'nothing' },
});

function shuffled<Element>(elements: readonly Element[], random: Random): Element[] {
  const copy = [...elements];
  for (let index = copy.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [copy[index], copy[other]] = [copy[other]!, copy[index]!];
  }
  return copy;
}
