/**
 * TCP between members. Each member opens one connection to each other member and asks over it; the other answers over the
 * same one. So between two members there are two connections, and none needs to be agreed upon. What is sent while there
 * is no connection is lost, as agreement allows.
 */
import type { Socket } from 'node:net';
import type { Address, Clock, Listener, Logger, Network, Random, Timer } from '../../base/index.ts';
import { type NodeId, nodeId } from '../../quorum/index.ts';
import { channels, decodeHello, encodeFrame, encodeHello, FrameReader, frameBytesMax, type Hello } from './frame.ts';
import type { Member } from './types.ts';

/** How long a connection may take to be made and welcomed, and a stranger may take to say who it is. */
const helloMs = 2000;
const aliveEveryMs = 500;
/** A connection that brings nothing for so long is broken, whatever the system says: packets may be dropped silently. */
const silenceMs = 2500;
const reconnectMinMs = 20;
const reconnectMaxMs = 500;
/** More than this may not wait to be sent on one connection. */
const waitingBytesMax = 128 * 1024 * 1024;
/** Of the user's own bytes less may wait, so that agreement goes on. */
const toldWaitingBytesMax = 16 * 1024 * 1024;
/** Connections from outside that have not said who they are. */
const strangersMax = 64;

export type PeerTransportOptions = {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly listen: Address;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** `answer`: over the connection that a question would be answered on. */
  readonly onFrame: (from: NodeId, channel: number, payload: Buffer) => void;
  /** Of the connection that this member opened. */
  readonly onPeer: (peer: NodeId, connected: boolean) => void;
};

/** Calls `onFrame` for what arrives and closes itself after silence. */
class Line {
  readonly socket: Socket;
  readonly reader = new FrameReader();
  readonly #clock: Clock;
  #heardAtMs: number;
  readonly #timer: Timer;
  #corked = false;

  constructor(socket: Socket, clock: Clock, onFrame: (channel: number, payload: Buffer) => void) {
    this.socket = socket;
    this.#clock = clock;
    this.#heardAtMs = clock.monotonicMs();
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece: Buffer) => {
      this.#heardAtMs = clock.monotonicMs();
      if (!this.reader.push(piece, onFrame)) socket.destroy();
    });
    this.#timer = clock.every(aliveEveryMs, () => this.#beat());
    socket.on('close', () => this.#timer.cancel());
  }

  #beat(): void {
    // A process that was stopped finds its own clock far ahead: it first looks at what has arrived meanwhile.
    const silentMs = this.#clock.monotonicMs() - this.#heardAtMs;
    if (silentMs > silenceMs) {
      setImmediate(() => {
        if (this.#clock.monotonicMs() - this.#heardAtMs > silenceMs) this.socket.destroy();
      });
    } else this.send(channels.alive, [], waitingBytesMax);
  }

  send(channel: number, pieces: readonly Uint8Array[], limitBytes: number): boolean {
    const { socket } = this;
    if (socket.destroyed || socket.writableLength > limitBytes) return false;
    // All that one turn of the loop sends leaves in one system call.
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    for (const piece of encodeFrame(channel, pieces)) socket.write(piece);
    return true;
  }
}

type Outbound = { line: Line | undefined; timer: Timer | undefined; backoffMs: number; welcomed: boolean };

export class PeerTransport {
  readonly #options: PeerTransportOptions;
  #listener: Listener | undefined;
  #peers = new Map<NodeId, Member>();
  readonly #outbound = new Map<NodeId, Outbound>();
  readonly #inbound = new Map<NodeId, Line>();
  readonly #sockets = new Set<Socket>();
  #strangers = 0;
  #stopped = false;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
  }

  /** Rejects if the address cannot be listened on. */
  async start(peers: readonly Member[]): Promise<void> {
    const { network, listen } = this.#options;
    this.#listener = await network.listen(listen, (socket) => this.#accept(socket));
    this.setPeers(peers);
  }

  get address(): Address | undefined {
    return this.#listener?.address;
  }

  setPeers(peers: readonly Member[]): void {
    const before = this.#peers;
    this.#peers = new Map(peers.filter(({ id }) => id !== this.#options.nodeId).map((peer) => [peer.id, peer]));
    for (const [id, peer] of before) {
      const now = this.#peers.get(id);
      if (now !== undefined && now.address.host === peer.address.host && now.address.port === peer.address.port)
        continue;
      const outbound = this.#outbound.get(id);
      this.#outbound.delete(id);
      outbound?.timer?.cancel();
      outbound?.line?.socket.destroy();
      if (now === undefined) this.#inbound.get(id)?.socket.destroy();
    }
    for (const id of this.#peers.keys()) {
      if (this.#outbound.has(id)) continue;
      const outbound: Outbound = { line: undefined, timer: undefined, backoffMs: reconnectMinMs, welcomed: false };
      this.#outbound.set(id, outbound);
      this.#connect(id, outbound);
    }
  }

  isConnected(peer: NodeId): boolean {
    return this.#outbound.get(peer)?.welcomed === true;
  }

  /** Over our own connection. False: there is none, or too much waits on it. */
  ask(to: NodeId, channel: number, pieces: readonly Uint8Array[]): boolean {
    const outbound = this.#outbound.get(to);
    if (outbound?.welcomed !== true || outbound.line === undefined) return false;
    const limitBytes = channel === channels.told ? toldWaitingBytesMax : waitingBytesMax;
    return outbound.line.send(channel, pieces, limitBytes);
  }

  /** Over the connection on which the other asks. */
  answer(to: NodeId, channel: number, pieces: readonly Uint8Array[]): boolean {
    return this.#inbound.get(to)?.send(channel, pieces, waitingBytesMax) ?? false;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #connect(id: NodeId, outbound: Outbound): void {
    const peer = this.#peers.get(id);
    if (peer === undefined || this.#stopped) return;
    const { network, clock, clusterId, logger, random } = this.#options;
    const socket = network.connect(peer.address);
    this.#track(socket);
    const tooLate = clock.after(helloMs, () => {
      if (!outbound.welcomed) socket.destroy();
    });
    const line = new Line(socket, clock, (channel, payload) => {
      if (channel === channels.alive) return;
      if (outbound.welcomed) this.#options.onFrame(id, channel, payload);
      else if (channel === channels.welcome) {
        outbound.welcomed = true;
        outbound.backoffMs = reconnectMinMs;
        line.reader.limitBytes = frameBytesMax;
        this.#options.onPeer(id, true);
      } else {
        const reason = channel === channels.refused ? payload.toString() : 'it did not answer as a member does';
        logger.warn({ peer: id, address: peer.address, reason }, 'a peer turned this member away');
        outbound.backoffMs = reconnectMaxMs;
        socket.destroy();
      }
    });
    outbound.line = line;
    socket.once('connect', () =>
      line.send(channels.hello, [encodeHello({ clusterId, from: this.#options.nodeId, to: id })], waitingBytesMax),
    );
    socket.once('close', () => {
      tooLate.cancel();
      if (this.#outbound.get(id) === outbound && !this.#stopped) {
        const waitMs = outbound.backoffMs * (0.5 + random.next() / 2);
        outbound.backoffMs = Math.min(reconnectMaxMs, outbound.backoffMs * 2);
        outbound.timer = clock.after(waitMs, () => this.#connect(id, outbound));
      }
      outbound.line = undefined;
      outbound.welcomed = false;
      // Also for one that was never made: whoever waits for this peer should look elsewhere.
      if (!this.#stopped) this.#options.onPeer(id, false);
    });
  }

  #accept(socket: Socket): void {
    if (this.#stopped || this.#strangers >= strangersMax) {
      socket.destroy();
      return;
    }
    this.#track(socket);
    this.#strangers++;
    const { clock, logger } = this.#options;
    let from: NodeId | undefined;
    let known = false;
    const settle = (): void => {
      if (known) return;
      known = true;
      this.#strangers--;
    };
    const tooLate = clock.after(helloMs, () => {
      if (!known) socket.destroy();
    });
    const line = new Line(socket, clock, (channel, payload) => {
      // Members beat from the first moment, before they are known.
      if (channel === channels.alive) return;
      if (from !== undefined) {
        this.#options.onFrame(from, channel, payload);
        return;
      }
      const hello = channel === channels.hello ? decodeHello(payload) : undefined;
      const reason = this.#refusal(hello);
      settle();
      if (hello === undefined || reason !== undefined) {
        logger.warn({ remote: socket.remoteAddress, reason }, 'turned a connection away');
        line.send(channels.refused, [Buffer.from(reason ?? '')], waitingBytesMax);
        socket.end();
        return;
      }
      from = nodeId(hello.from);
      line.reader.limitBytes = frameBytesMax;
      const before = this.#inbound.get(from);
      this.#inbound.set(from, line);
      before?.socket.destroy();
      line.send(channels.welcome, [], waitingBytesMax);
    });
    socket.once('close', () => {
      tooLate.cancel();
      settle();
      if (from !== undefined && this.#inbound.get(from) === line) this.#inbound.delete(from);
    });
  }

  #refusal(hello: Hello | undefined): string | undefined {
    const { clusterId, nodeId: own } = this.#options;
    if (hello === undefined) return 'this port is for members of the ensemble only';
    if (hello.clusterId !== clusterId) return `this is cluster ${clusterId}, not ${hello.clusterId}`;
    if (hello.to !== own) return `this is member ${own}, not ${hello.to}: look at the addresses in the configuration`;
    return this.#peers.has(nodeId(hello.from))
      ? undefined
      : `member ${hello.from} is not in the configuration of member ${own}`;
  }

  /** Safe to call again. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }
  #stopping: Promise<void> | undefined;

  async #end(): Promise<void> {
    this.#stopped = true;
    for (const outbound of this.#outbound.values()) outbound.timer?.cancel();
    for (const socket of this.#sockets) socket.destroy();
    await this.#listener?.close();
  }
}
