import { connect, type Socket } from 'node:net';
import type { ConnectResponse, Request, ResponseBody } from '../../../src/protocol/zookeeper/index.ts';
import {
  type AnsweredOp,
  decodeConnectResponse,
  decodeEvent,
  decodeReplyHeader,
  decodeResponseBody,
  encodeConnectRequest,
  FrameSplitter,
  JuteWriter,
  REPLY_HEADER_BYTES,
  sessionId,
  xid as specialXid,
  writeRequestFrame,
} from '../../../src/protocol/zookeeper/index.ts';

export type WireReply =
  | {
      readonly kind: 'reply';
      readonly xid: number;
      readonly zxid: number;
      readonly error: number;
      readonly body: ResponseBody | undefined;
    }
  | {
      readonly kind: 'event';
      readonly zxid: number;
      readonly type: number;
      readonly state: number;
      readonly path: string;
    };

/** A client as bare as the protocol: every frame that comes is kept in its order, for tests that look at just that. */
export class WireClient {
  readonly replies: WireReply[] = [];
  session: ConnectResponse | undefined;
  closed = false;
  #socket: Socket;
  #splitter = new FrameSplitter(64 << 20);
  #ops = new Map<number, AnsweredOp>();
  #nextXid = 1;
  #wake: (() => void)[] = [];

  constructor(port: number, host = '127.0.0.1') {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#splitter.push(chunk, (frame) => {
        this.#accept(frame);
        return true;
      });
      this.#wakeAll();
    });
    const over = (): void => {
      this.closed = true;
      this.#wakeAll();
    };
    this.#socket.on('close', over);
    this.#socket.on('error', over);
  }

  /** @returns undefined if the server closed the connection instead of answering */
  async open(
    options: { timeoutMs?: number; lastZxidSeen?: number; resume?: ConnectResponse } = {},
  ): Promise<ConnectResponse | undefined> {
    this.#socket.write(
      encodeConnectRequest({
        protocolVersion: 0,
        lastZxidSeen: options.lastZxidSeen ?? 0,
        timeoutMs: options.timeoutMs ?? 30_000,
        sessionId: options.resume?.sessionId ?? sessionId(0n),
        password: options.resume?.password ?? Buffer.alloc(16),
        readOnly: false,
      }),
    );
    await this.#until(() => this.session !== undefined);
    return this.session;
  }

  /** @returns the xid under which its answer comes */
  send(request: Request): number {
    const xid = request.op === 'ping' ? specialXid.ping : request.op === 'auth' ? specialXid.auth : this.#nextXid++;
    this.#ops.set(xid, request.op);
    const writer = new JuteWriter();
    writeRequestFrame(writer, xid, request);
    this.#socket.write(writer.take());
    return xid;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends and waits for the answer; undefined if the connection was closed before it. */
  async call(request: Request): Promise<Extract<WireReply, { kind: 'reply' }> | undefined> {
    const from = this.replies.length;
    const xid = this.send(request);
    const find = (): WireReply | undefined =>
      this.replies.slice(from).find((reply) => reply.kind === 'reply' && reply.xid === xid);
    await this.#until(() => find() !== undefined);
    return find() as Extract<WireReply, { kind: 'reply' }> | undefined;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Waits until the other side has closed. */
  async ended(): Promise<void> {
    await this.#until(() => this.closed);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.closed) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #accept(frame: Buffer): void {
    if (this.session === undefined) {
      const response = decodeConnectResponse(Buffer.from(frame));
      if (response.ok) this.session = response.value;
      return;
    }
    const header = decodeReplyHeader(frame);
    if (!header.ok) throw new Error(header.problem.sentence);
    const { xid, zxid, error } = header.value;
    const body = Buffer.from(frame.subarray(REPLY_HEADER_BYTES));
    if (xid === specialXid.notification) {
      const event = decodeEvent(body);
      if (!event.ok) throw new Error(event.problem.sentence);
      this.replies.push({ kind: 'event', zxid, ...event.value });
      return;
    }
    const op = this.#ops.get(xid);
    if (op === undefined && error === 0) throw new Error(`an answer to ${xid}, which was not asked`);
    const decoded = op !== undefined && error === 0 ? decodeResponseBody(op, body) : undefined;
    if (decoded !== undefined && !decoded.ok) throw new Error(`${op}: ${decoded.problem.sentence}`);
    this.replies.push({ kind: 'reply', xid, zxid, error, body: decoded?.value });
  }
}
