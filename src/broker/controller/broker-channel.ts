import type { Address, Clock, Logger, Network } from '../../base/index.ts';
import { KafkaConnection } from '../../client/kafka/index.ts';
import type { Api, RequestInputOf, ResponseOf } from '../../protocol/kafka/index.ts';

/** Requests to one broker that wait for those before them. */
const queuedMax = 10_000;
const firstBackoffMs = 50;
const backoffMaxMs = 2_000;
const requestTimeoutMs = 30_000;

type Queued = { readonly send: (connection: KafkaConnection) => Promise<boolean> };

/**
 * The controller's way to one broker: requests in order, one at a time, each again and again until it is answered or the
 * broker is gone. Order is what keeps brokers' views from going back.
 *
 * Source: ControllerChannelManager.scala.
 */
export class BrokerChannel {
  private readonly address: Address;
  private readonly deps: { readonly network: Network; readonly clock: Clock; readonly logger: Logger };
  private readonly clientId: string;
  private connection: KafkaConnection | undefined;
  private queue: Queued[] = [];
  private isRunning = false;
  private isClosed = false;
  private backoffMs = firstBackoffMs;

  constructor(address: Address, clientId: string, deps: BrokerChannel['deps']) {
    this.address = address;
    this.clientId = clientId;
    this.deps = deps;
  }

  /** @param answered  called with the answer, not at all if the channel closes before */
  send<A extends Api>(
    api: A,
    version: number,
    body: RequestInputOf<A>,
    answered: (answer: ResponseOf<A>) => void,
  ): void {
    if (this.isClosed) return;
    if (this.queue.length >= queuedMax) {
      this.deps.logger.error({ address: this.address }, 'too many requests wait for a broker: the oldest is dropped');
      this.queue.shift();
    }
    this.queue.push({
      send: async (connection) => {
        const answer = await connection.call(api, body, { version, timeoutMs: requestTimeoutMs });
        if (answer.ok) {
          if (!this.isClosed) answered(answer.value);
          return true;
        }
        this.deps.logger.warn(
          { api: api.name, problem: answer.problem.sentence },
          'a broker did not answer the controller; asking again',
        );
        return false;
      },
    });
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.queue.length > 0 && !this.isClosed) {
      if (await this.sendFirst(this.queue[0] as Queued)) {
        this.queue.shift();
        this.backoffMs = firstBackoffMs;
        continue;
      }
      await new Promise<void>((resolve) => this.deps.clock.after(this.backoffMs, resolve));
      this.backoffMs = Math.min(backoffMaxMs, this.backoffMs * 2);
    }
    this.isRunning = false;
  }

  private async sendFirst(first: Queued): Promise<boolean> {
    if (this.connection === undefined || !this.connection.isOpen) {
      const { network, clock } = this.deps;
      const opened = await KafkaConnection.open(network, clock, this.address, {
        clientId: this.clientId,
        requestTimeoutMs,
        maxInFlight: 1,
      });
      if (!opened.ok) {
        this.deps.logger.debug({ problem: opened.problem.sentence }, 'the controller cannot reach a broker');
        return false;
      }
      if (this.isClosed) {
        opened.value.close();
        return false;
      }
      this.connection = opened.value;
    }
    return first.send(this.connection);
  }

  close(): void {
    this.isClosed = true;
    this.queue = [];
    this.connection?.close();
  }
}
