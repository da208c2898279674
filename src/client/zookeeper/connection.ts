import type { Socket } from 'node:net';
import type { Address, Clock, Network, Result, Timer } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { ConnectRequest, ConnectResponse, Request } from '../../protocol/zookeeper/index.ts';
import {
  decodeConnectResponse,
  encodeConnectRequest,
  FrameSplitter,
  JuteWriter,
  writeRequestFrame,
} from '../../protocol/zookeeper/index.ts';

export type ConnectionHandlers = {
  /** The server's answer to the connect request; comes first and once. */
  connected(response: ConnectResponse): void;
  /** Every later frame, valid only during the call; answers a sentence if the frame is nonsense. */
  frame(frame: Buffer): string | undefined;
  /** Once, whatever happened, unless `destroy` was called before. */
  ended(reason: string): void;
};

/** One TCP connection to one server: the connect exchange, frames in, batched frames out, silence noticed. */
export class Connection {
  readonly server: Address;
  #socket: Socket;
  #clock: Clock;
  #handlers: ConnectionHandlers;
  #splitter: FrameSplitter;
  #writer = new JuteWriter(4096);
  #flushScheduled = false;
  #handshaken = false;
  #over = false;
  #handshakeTimer: Timer;
  #lastHeardMs: number;
  #lastSentMs: number;

  constructor(
    server: Address,
    hello: ConnectRequest,
    options: { readonly connectTimeoutMs: number; readonly frameBytesMax: number },
    deps: { readonly network: Network; readonly clock: Clock },
    handlers: ConnectionHandlers,
  ) {
    this.server = server;
    this.#clock = deps.clock;
    this.#handlers = handlers;
    this.#splitter = new FrameSplitter(options.frameBytesMax);
    this.#lastHeardMs = this.#lastSentMs = deps.clock.monotonicMs();
    this.#handshakeTimer = deps.clock.after(options.connectTimeoutMs, () =>
      this.#end(`no answer within ${Math.round(options.connectTimeoutMs)} ms`),
    );
    this.#socket = deps.network.connect(server);
    this.#socket.on('connect', () => this.#socket.write(encodeConnectRequest(hello)));
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error: Error) => this.#end(error.message));
    this.#socket.on('close', () => this.#end('the server closed the connection'));
  }

  get sinceHeardMs(): number {
    return this.#clock.monotonicMs() - this.#lastHeardMs;
  }

  get sinceSentMs(): number {
    return this.#clock.monotonicMs() - this.#lastSentMs;
  }

  /** Requests of one turn of the loop leave in one write. */
  send(xid: number, request: Request): void {
    writeRequestFrame(this.#writer, xid, request);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  /** Ends it without calling `ended`. */
  destroy(): void {
    this.#over = true;
    this.#handshakeTimer.cancel();
    this.#socket.destroy();
  }

  /** Ends it and calls `ended`. */
  abandon(reason: string): void {
    this.#end(reason);
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#over || this.#writer.length === 0) return;
    this.#lastSentMs = this.#clock.monotonicMs();
    this.#socket.write(this.#writer.take());
  }

  #receive(chunk: Buffer): void {
    this.#lastHeardMs = this.#clock.monotonicMs();
    const problem = this.#splitter.push(chunk, (frame) => {
      const accepted = this.#accept(frame);
      if (!accepted.ok) this.#end(accepted.problem);
      return !this.#over;
    });
    if (problem !== undefined) this.#end(problem.sentence);
  }

  #accept(frame: Buffer): Result<undefined, string> {
    if (this.#handshaken) {
      const nonsense = this.#handlers.frame(frame);
      return nonsense === undefined ? success(undefined) : failure(nonsense);
    }
    const response = decodeConnectResponse(frame);
    if (!response.ok) return failure(`the answer to the connect request cannot be read: ${response.problem.sentence}`);
    this.#handshaken = true;
    this.#handshakeTimer.cancel();
    this.#handlers.connected(response.value);
    return success(undefined);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.destroy();
    this.#handlers.ended(reason);
  }
}
