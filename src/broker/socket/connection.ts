import type { Socket } from 'node:net';
import type { Clock, Logger } from '../../base/index.ts';
import { type FrameError, FrameReader } from '../../protocol/kafka/index.ts';

/** What becomes of a request: its response as buffers, none (acks=0), or the end of the connection. */
export type Outcome = readonly Buffer[] | 'noResponse' | 'close';

/** How the request layer wants a frame to be run. */
export type Admitted = {
  /** Runs only when every earlier answer of the connection has left: its answer may be large or long in coming. */
  readonly isSerial: boolean;
  readonly run: () => Outcome | Promise<Outcome>;
};

export type ConnectionDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  /** @returns undefined for a frame that is no request that we answer: the connection is closed */
  readonly admit: (frame: Buffer, connection: Connection) => Admitted | undefined;
  readonly onClosed: (connection: Connection) => void;
};

/** Requests of one connection that are being worked on; more wait in the socket. */
const inFlightMax = 128;

type Slot = { outcome: Outcome | undefined; readonly admitted: Admitted; hasStarted: boolean };

/**
 * One client's connection: frames in, answers out in the order of the requests, however the work behind them overlaps.
 *
 * ```
 * socket ─▶ frames ─▶ waiting ─▶ slots (at most inFlightMax, run at once unless serial) ─▶ answers from the front ─▶ socket
 * ```
 * Back-pressure goes both ways: while answers cannot leave, or requests wait, nothing more is read.
 * A frame that cannot be understood ends this connection and nothing else.
 */
export class Connection {
  readonly socket: Socket;
  readonly listenerName: string;
  /** Address of the peer as Java prints it: `/10.0.0.5`. */
  readonly clientHost: string;
  /** Monotonic time of the last byte in or out. */
  lastActiveMs: number;
  /** Who the client said it is (ApiVersions). */
  clientSoftware = 'unknown';

  private readonly deps: ConnectionDeps;
  private readonly frames: FrameReader;
  private waiting: Buffer[] = [];
  private slots: Slot[] = [];
  private isPaused = false;
  private isBlocked = false;
  private isCorked = false;
  private isEnded = false;
  private isPumping = false;

  constructor(
    socket: Socket,
    options: { readonly listenerName: string; readonly frameBytesMax: number },
    deps: ConnectionDeps,
  ) {
    this.socket = socket;
    this.listenerName = options.listenerName;
    this.clientHost = `/${socket.remoteAddress ?? 'unknown'}`;
    this.deps = deps;
    this.frames = new FrameReader(options.frameBytesMax);
    this.lastActiveMs = deps.clock.monotonicMs();
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('drain', () => this.drained());
    socket.on('error', () => this.end());
    socket.on('close', () => this.end());
    socket.on('end', () => this.end());
  }

  get isOpen(): boolean {
    return !this.isEnded;
  }

  /** A request is being worked on or waits. */
  get isBusy(): boolean {
    return this.slots.length > 0 || this.waiting.length > 0;
  }

  /** Bytes of a frame whose rest has not come. */
  get unfinishedBytes(): number {
    return this.frames.pendingBytes;
  }

  /** Ends the connection; answers that have not left are lost. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.waiting = [];
    this.socket.destroy();
    this.deps.onClosed(this);
  }

  private received(chunk: Buffer): void {
    if (this.isEnded) return;
    this.lastActiveMs = this.deps.clock.monotonicMs();
    const problem = this.frames.push(chunk, (frame) => this.waiting.push(frame));
    this.pump();
    if (problem !== undefined) this.refuse(problem);
  }

  private refuse({ sizeBytes, limitBytes }: FrameError): void {
    this.deps.logger.info(
      { client: this.clientHost, sizeBytes, limitBytes },
      'closed a connection: its bytes are not Kafka requests',
    );
    this.end();
  }

  /** Starts what may start; decides whether to read on. Answers that are there at once come back to `settle` meanwhile. */
  private pump(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    let taken = 0;
    while (taken < this.waiting.length && this.slots.length < inFlightMax && !this.isBlocked && !this.isEnded) {
      const admitted = this.deps.admit(this.waiting[taken++] as Buffer, this);
      if (admitted === undefined) {
        this.end();
        break;
      }
      const slot: Slot = { outcome: undefined, admitted, hasStarted: false };
      this.slots.push(slot);
      if (!admitted.isSerial || this.slots.length === 1) this.start(slot);
    }
    this.isPumping = false;
    if (this.isEnded) return;
    if (taken > 0) this.waiting = taken === this.waiting.length ? [] : this.waiting.slice(taken);
    const mustPause = this.isBlocked || this.waiting.length > 0;
    if (mustPause !== this.isPaused) {
      this.isPaused = mustPause;
      if (mustPause) this.socket.pause();
      else this.socket.resume();
    }
  }

  private start(slot: Slot): void {
    slot.hasStarted = true;
    let outcome: Outcome | Promise<Outcome>;
    try {
      outcome = slot.admitted.run();
    } catch (error) {
      this.failed(error);
      return;
    }
    if (outcome instanceof Promise) {
      outcome.then(
        (settled) => this.settle(slot, settled),
        (error: unknown) => this.failed(error),
      );
    } else this.settle(slot, outcome);
  }

  private failed(error: unknown): void {
    this.deps.logger.error(
      { err: error, client: this.clientHost },
      'a request failed in an unexpected way; its connection is closed',
    );
    this.end();
  }

  private settle(slot: Slot, outcome: Outcome): void {
    slot.outcome = outcome;
    if (this.isEnded || this.slots[0] !== slot) return;
    let sent = 0;
    while (sent < this.slots.length) {
      const front = this.slots[sent] as Slot;
      if (front.outcome === undefined) break;
      sent++;
      if (front.outcome === 'close') {
        this.end();
        return;
      }
      if (front.outcome !== 'noResponse') this.write(front.outcome);
    }
    this.slots = sent === this.slots.length ? [] : this.slots.slice(sent);
    this.startFront();
    if (this.waiting.length > 0) this.pump();
  }

  private startFront(): void {
    const front = this.slots[0];
    if (front !== undefined && !front.hasStarted && !this.isBlocked && !this.isEnded) this.start(front);
  }

  private write(buffers: readonly Buffer[]): void {
    if (!this.isCorked) {
      // All answers of this turn leave in one call.
      this.isCorked = true;
      this.socket.cork();
      process.nextTick(() => {
        this.isCorked = false;
        this.socket.uncork();
        if (this.socket.writableNeedDrain && !this.isEnded) {
          this.isBlocked = true;
          this.pump();
        }
      });
    }
    for (const buffer of buffers) this.socket.write(buffer);
  }

  private drained(): void {
    this.lastActiveMs = this.deps.clock.monotonicMs();
    this.isBlocked = false;
    this.startFront();
    this.pump();
  }
}
