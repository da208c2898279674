import { connect, type Socket } from 'node:net';
import type { Request } from '../../../src/protocol/zookeeper/index.ts';
import {
  decodeReplyHeader,
  encodeConnectRequest,
  FrameSplitter,
  JuteWriter,
  openAcl,
  sessionId,
  writeRequestFrame,
} from '../../../src/protocol/zookeeper/index.ts';

export const DATA = Buffer.alloc(100, 'd');

/** A session must not expire while the others are opened. */
const PING_MS = 8_000;

export const createOf = (path: string, data = DATA): Request => ({ op: 'create', path, data, acl: openAcl, flags: 0 });

let unique = 0;
/** A path that nobody has used. */
export const freshPath = (): string => `/b${process.pid}-${unique++}`;

/** A client that sends frames and counts answers; nothing of a body is looked at. */
export class Load {
  errors = 0;
  events = 0;
  closed = false;
  readonly socket: Socket;
  #splitter = new FrameSplitter(64 << 20);
  #ready: () => void = () => {};
  #over: () => void = () => {};
  #open = false;
  #nextXid = 1;
  #sentAt: number[] = [];
  #onAnswer: (latencyMs: number) => void = () => {};

  private constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => {
      this.#splitter.push(chunk, (frame) => {
        if (!this.#open) {
          this.#open = true;
          this.#ready();
          return true;
        }
        const xid = frame.readInt32BE(0);
        if (xid === -1) this.events++;
        else if (xid !== -2) {
          const header = decodeReplyHeader(frame);
          if (header.ok && header.value.error !== 0) this.errors++;
          this.#onAnswer(performance.now() - this.#sentAt.shift()!);
        }
        return true;
      });
    });
    this.socket.on('close', () => {
      this.closed = true;
      this.#over();
    });
  }

  static open(port: number, timeoutMs = 40_000): Promise<Load> {
    return new Promise((resolved, rejected) => {
      const load = new Load(port);
      load.#ready = () => {
        load.#over = () => {};
        const timer = setInterval(() => load.ping(), PING_MS);
        load.socket.once('close', () => clearInterval(timer));
        resolved(load);
      };
      load.#over = () => rejected(new Error('closed before the session was there'));
      const hello = { protocolVersion: 0, lastZxidSeen: 0, timeoutMs, sessionId: sessionId(0n), readOnly: false };
      load.socket.write(encodeConnectRequest({ ...hello, password: Buffer.alloc(16) }));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  ping(): void {
    const writer = new JuteWriter();
    writeRequestFrame(writer, -2, { op: 'ping' });
    this.socket.write(writer.take());
  }

  one(request: Request): Promise<number[]> {
    return this.run(1, 1, () => request);
  }

  /**
   * Keeps `inFlight` requests under way until `count` are answered.
   *
   * @returns latencies in milliseconds
   * @throws  when the server closes the connection
   */
  run(count: number, inFlight: number, make: (index: number) => Request): Promise<number[]> {
    return new Promise((resolved, rejected) => {
      const latencies: number[] = [];
      let sent = 0;
      const writer = new JuteWriter();
      const fill = (): void => {
        while (sent < count && this.#sentAt.length < inFlight) {
          writeRequestFrame(writer, this.#nextXid++, make(sent++));
          this.#sentAt.push(performance.now());
        }
        if (writer.length > 0) this.socket.write(writer.take());
      };
      if (this.closed) rejected(new Error('the server has closed the connection'));
      this.#over = () => rejected(new Error('the server has closed the connection'));
      let scheduled = false;
      this.#onAnswer = (latencyMs) => {
        latencies.push(latencyMs);
        if (latencies.length === count) {
          this.#over = () => {};
          resolved(latencies);
        } else if (!scheduled) {
          scheduled = true;
          queueMicrotask(() => {
            scheduled = false;
            fill();
          });
        }
      };
      fill();
    });
  }
}

/** Opens many, some at a time. */
export async function openMany(ports: readonly number[], count: number, timeoutMs?: number): Promise<Load[]> {
  const loads: Load[] = [];
  while (loads.length < count) {
    const some = Math.min(200, count - loads.length);
    const first = loads.length;
    loads.push(
      ...(await Promise.all(
        Array.from({ length: some }, (_, index) => Load.open(ports[(first + index) % ports.length]!, timeoutMs)),
      )),
    );
  }
  return loads;
}

/** Creates `count` nodes below parents of a thousand each, and answers the parents. */
export async function fill(port: number, count: number): Promise<string> {
  const root = freshPath();
  const loads = await openMany([port], 4);
  const [first] = loads as [Load, ...Load[]];
  await first.one(createOf(root));
  const parents = Math.ceil(count / 1_000);
  await first.run(parents, 64, (index) => createOf(`${root}/p${index}`));
  const each = Math.ceil((count - parents - 1) / loads.length);
  await Promise.all(
    loads.map((load, client) =>
      load.run(each, 128, (index) => {
        const number = index * loads.length + client;
        return createOf(`${root}/p${Math.floor(number / 1_000) % parents}/node-${number}`);
      }),
    ),
  );
  for (const load of loads) load.close();
  return root;
}
