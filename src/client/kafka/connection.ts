import type { Socket } from 'node:net';
import { type Address, type Clock, failure, type Network, type Result, success, type Timer } from '../../base/index.ts';
import {
  type AnyApi,
  type Api,
  apis,
  decodeResponse,
  encodeRequest,
  errorCode,
  FrameReader,
  type RequestInputOf,
  type ResponseOf,
  responseCorrelationId,
  type VersionRange,
} from '../../protocol/kafka/index.ts';
import type { CallProblem } from './problem.ts';

export type ConnectionOptions = {
  readonly clientId: string;
  readonly connectTimeoutMs?: number;
  /** How long a call may take when it does not say; a long-polling call must say more than its wait. */
  readonly requestTimeoutMs?: number;
  /** Requests on the wire at once; answers come in their order. */
  readonly maxInFlight?: number;
  /** Calls that may wait for a place on the wire; more are refused as `busy`. */
  readonly maxWaiting?: number;
  /** The largest answer that is accepted. */
  readonly maxResponseBytes?: number;
};

const defaults = {
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  maxInFlight: 16,
  maxWaiting: 1024,
  maxResponseBytes: 256 * 1024 * 1024,
} as const;

export type CallOptions = {
  readonly timeoutMs?: number;
  /** Exactly this version, for brokers among themselves; absent: the newest that both sides have. */
  readonly version?: number;
};

type Call = {
  readonly api: AnyApi;
  readonly version: number;
  readonly correlationId: number;
  readonly parts: readonly Buffer[];
  readonly answer: (result: Result<unknown, CallProblem>) => void;
  timer: Timer | undefined;
};

/**
 * One connection to one broker: pipelined, answers in order, every call with a time-out and a bound. It ends at the first
 * thing that is wrong with it, and all its calls with it; whoever owns it opens another.
 */
export class KafkaConnection {
  readonly address: Address;
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly options: Required<ConnectionOptions>;
  private readonly frames: FrameReader;
  private readonly inFlight: Call[] = [];
  private readonly waiting: Call[] = [];
  private versions: ReadonlyMap<number, VersionRange> = new Map();
  private nextCorrelationId = 0;
  private ended: CallProblem | undefined;
  private readonly resolveClosed: () => void;

  private constructor(socket: Socket, address: Address, clock: Clock, options: Required<ConnectionOptions>) {
    this.socket = socket;
    this.address = address;
    this.clock = clock;
    this.options = options;
    this.frames = new FrameReader(options.maxResponseBytes);
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.resolveClosed = closed.resolve;
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('error', (error) => this.end('disconnected', error.message));
    socket.on('close', () => this.end('disconnected', 'the broker closed the connection'));
  }

  /** Connects and asks what the other side speaks. */
  static async open(
    network: Network,
    clock: Clock,
    address: Address,
    given: ConnectionOptions,
  ): Promise<Result<KafkaConnection, CallProblem>> {
    const options = { ...defaults, ...given };
    const socket = network.connect(address);
    const problem = await connected(socket, clock, options.connectTimeoutMs);
    if (problem !== undefined) {
      socket.destroy();
      return failure({ kind: 'disconnected', sentence: `cannot connect to ${spelled(address)}: ${problem}` });
    }
    const connection = new KafkaConnection(socket, address, clock, options);
    const negotiated = await connection.negotiate();
    return negotiated === undefined ? success(connection) : failure(negotiated);
  }

  get isOpen(): boolean {
    return this.ended === undefined;
  }

  /** The newest version that both sides have; undefined: none. */
  versionOf(api: AnyApi | Api): number | undefined {
    const theirs = this.versions.get(api.key);
    if (theirs === undefined) return undefined;
    const version = Math.min(theirs.max, api.versions.max);
    return version >= Math.max(theirs.min, api.versions.min) ? version : undefined;
  }

  /**
   * Sends a request and gives its answer. Error codes inside the answer are the caller's to read.
   *
   * @throws EncodeError when a value does not fit its wire type
   */
  call<A extends Api>(
    api: A,
    body: RequestInputOf<A>,
    options: CallOptions = {},
  ): Promise<Result<ResponseOf<A>, CallProblem>> {
    if (this.ended !== undefined) return Promise.resolve(failure(this.ended));
    const version = options.version ?? this.versionOf(api);
    if (version === undefined) {
      const theirs = this.versions.get(api.key);
      const spoken = theirs === undefined ? 'not at all' : `in versions ${theirs.min} to ${theirs.max}`;
      return Promise.resolve(
        failure({
          kind: 'unsupportedVersion',
          sentence: `${spelled(this.address)} has ${api.name} ${spoken}, we have versions ${api.versions.min} to ${api.versions.max}`,
        }),
      );
    }
    if (this.waiting.length >= this.options.maxWaiting) {
      return Promise.resolve(
        failure({ kind: 'busy', sentence: `${this.waiting.length} calls wait for ${spelled(this.address)} already` }),
      );
    }
    return this.send(api, version, body, options.timeoutMs ?? this.options.requestTimeoutMs);
  }

  close(): void {
    this.end('disconnected', 'the connection was closed on this side');
  }

  private send<A extends Api>(
    api: A,
    version: number,
    body: RequestInputOf<A>,
    timeoutMs: number,
  ): Promise<Result<ResponseOf<A>, CallProblem>> {
    const correlationId = this.nextCorrelationId;
    this.nextCorrelationId = (correlationId + 1) & 0x7fffffff;
    const parts = encodeRequest(api, version, { correlationId, clientId: this.options.clientId }, body);
    const { promise, resolve } = Promise.withResolvers<Result<ResponseOf<A>, CallProblem>>();
    const call: Call = {
      api: api as unknown as AnyApi,
      version,
      correlationId,
      parts,
      answer: resolve as Call['answer'],
      timer: undefined,
    };
    call.timer = this.clock.after(timeoutMs, () =>
      this.end('timedOut', `${api.name} was not answered within ${Math.round(timeoutMs)} ms`),
    );
    this.waiting.push(call);
    this.fillWire();
    return promise;
  }

  private fillWire(): void {
    while (this.inFlight.length < this.options.maxInFlight) {
      const call = this.waiting.shift();
      if (call === undefined) return;
      this.inFlight.push(call);
      this.socket.cork();
      for (const part of call.parts) this.socket.write(part);
      this.socket.uncork();
    }
  }

  private received(chunk: Buffer): void {
    const problem = this.frames.push(chunk, (frame) => this.answered(frame));
    if (problem !== undefined) {
      this.end('malformed', `an answer of ${problem.sizeBytes} bytes is not within 0 to ${problem.limitBytes}`);
    }
  }

  private answered(frame: Buffer): void {
    if (this.ended !== undefined) return;
    const call = this.inFlight.shift();
    if (call === undefined || responseCorrelationId(frame) !== call.correlationId) {
      if (call !== undefined) this.inFlight.unshift(call);
      this.end('malformed', `an answer has correlation id ${responseCorrelationId(frame)}, which nobody waits for`);
      return;
    }
    const decoded = decodeResponse(call.api, call.version, frame);
    if (!decoded.ok) {
      this.inFlight.unshift(call);
      const { sentence, offset } = decoded.problem;
      this.end(
        'malformed',
        `the answer to ${call.api.name} version ${call.version} is bad at byte ${offset}: ${sentence}`,
      );
      return;
    }
    call.timer?.cancel();
    call.answer(success(decoded.value.body));
    this.fillWire();
  }

  /** Ends the connection once; every call that has no answer gets this problem. */
  private end(kind: CallProblem['kind'], why: string): void {
    if (this.ended !== undefined) return;
    const problem: CallProblem = { kind, sentence: `${spelled(this.address)}: ${why}` };
    this.ended = problem;
    this.socket.destroy();
    for (const call of [...this.inFlight.splice(0), ...this.waiting.splice(0)]) {
      call.timer?.cancel();
      call.answer(failure(problem));
    }
    this.resolveClosed();
  }

  private async negotiate(): Promise<CallProblem | undefined> {
    const named = { clientSoftwareName: 'hikube-kafka', clientSoftwareVersion: '1' };
    const asked = await this.send(apis.apiVersions, 3, named, this.options.connectTimeoutMs);
    let answer = asked;
    if (asked.ok && asked.value.errorCode === errorCode.UNSUPPORTED_VERSION) {
      answer = await this.send(apis.apiVersions, 0, {}, this.options.connectTimeoutMs);
    }
    if (!answer.ok) return answer.problem;
    if (answer.value.errorCode !== errorCode.NONE) {
      this.end('refused', `ApiVersions was refused with error ${answer.value.errorCode}`);
      return this.ended;
    }
    this.versions = new Map(
      answer.value.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]),
    );
    return undefined;
  }
}

/** @returns what went wrong, or undefined once the socket is connected */
function connected(socket: Socket, clock: Clock, timeoutMs: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = clock.after(timeoutMs, () => resolve(`no answer within ${timeoutMs} ms`));
  socket.once('connect', () => resolve(undefined));
  socket.on('error', (error) => resolve(error.message));
  socket.once('close', () => resolve('the connection was closed'));
  return promise.finally(() => timer.cancel());
}

export const spelled = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
