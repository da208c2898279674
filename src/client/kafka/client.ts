import {
  type Address,
  type Clock,
  failure,
  type Logger,
  type Network,
  type Random,
  type Result,
  success,
} from '../../base/index.ts';
import {
  type Api,
  apis,
  errorCode,
  isRetriable,
  type RequestInputOf,
  type ResponseOf,
} from '../../protocol/kafka/index.ts';
import { type CallOptions, type ConnectionOptions, KafkaConnection, spelled } from './connection.ts';
import { type CallProblem, refusal } from './problem.ts';

export type ClientOptions = ConnectionOptions & {
  /** Tried in turn until one answers; later also the brokers that they name. */
  readonly bootstrap: readonly Address[];
  /** How long a call may go on trying when it does not say. */
  readonly deadlineMs?: number;
};

export type ClientPlatform = {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

/** Which broker must answer. */
export type Target =
  | { readonly kind: 'any' }
  | { readonly kind: 'controller' }
  | { readonly kind: 'broker'; readonly id: number }
  | { readonly kind: 'leader'; readonly topic: string; readonly partition: number }
  | { readonly kind: 'coordinator'; readonly of: 'group' | 'transaction'; readonly id: string };

export const anyBroker: Target = { kind: 'any' };
export const controller: Target = { kind: 'controller' };
export const brokerWithId = (id: number): Target => ({ kind: 'broker', id });

export type RetryOptions<Response> = CallOptions & {
  /** From now; the last problem or answer is given when it passes. */
  readonly deadlineMs?: number;
  /**
   * Error codes of an answer that decide about asking again: retried while one is retriable. Absent: its top-level code.
   */
  readonly codesOf?: (response: Response) => readonly number[];
};

export type BrokerNode = { readonly id: number; readonly address: Address; readonly rack: string | null };

const defaultDeadlineMs = 60_000;
const firstBackoffMs = 50;
const largestBackoffMs = 1000;
/** Leaders of at most this many partitions are remembered; beyond it the memory starts anew. */
const maxKnownLeaders = 200_000;

/**
 * A client of one cluster: finds brokers, keeps one connection to each, sends a request to the broker that must have it,
 * and asks again after errors that pass, with growing pauses, until a deadline. Nothing is kept between calls that an
 * error does not correct.
 */
export class KafkaClient {
  private readonly platform: ClientPlatform;
  private readonly options: ClientOptions;
  private readonly connections = new Map<string, Promise<Result<KafkaConnection, CallProblem>>>();
  private brokers = new Map<number, BrokerNode>();
  private controllerId = -1;
  private readonly leaders = new Map<string, number>();
  private readonly coordinators = new Map<string, number>();
  private turn = 0;
  private isClosed = false;

  constructor(platform: ClientPlatform, options: ClientOptions) {
    this.platform = platform;
    this.options = options;
  }

  /**
   * Sends a request where it belongs and gives its answer.
   *
   * @returns the last problem when the deadline passed, or one that will not pass (an unsupported version)
   * @throws EncodeError when a value does not fit its wire type
   */
  async call<A extends Api>(
    api: A,
    body: RequestInputOf<A>,
    target: Target = anyBroker,
    options: RetryOptions<ResponseOf<A>> = {},
  ): Promise<Result<ResponseOf<A>, CallProblem>> {
    const { clock } = this.platform;
    const until = clock.monotonicMs() + (options.deadlineMs ?? this.options.deadlineMs ?? defaultDeadlineMs);
    let backoffMs = firstBackoffMs;
    for (;;) {
      const result = await this.attempt(api, body, target, options, until);
      const again = result.ok ? this.mustAskAgain(result.value, options.codesOf) : mayPass(result.problem);
      if (!again || this.isClosed) return result;
      if (clock.monotonicMs() + backoffMs >= until) return result;
      this.forget(target);
      const why = result.ok ? 'the answer has an error that passes' : result.problem.sentence;
      this.platform.logger.debug({ api: api.name, why, backoffMs }, 'asking again');
      await this.pause(backoffMs);
      backoffMs = Math.min(backoffMs * 2, largestBackoffMs);
    }
  }

  /** Brokers as the last metadata named them; asks when there is none yet. */
  async knownBrokers(): Promise<Result<readonly BrokerNode[], CallProblem>> {
    if (this.brokers.size === 0) {
      const problem = await this.refresh([]);
      if (problem !== undefined) return failure(problem);
    }
    return success([...this.brokers.values()]);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const open = [...this.connections.values()];
    this.connections.clear();
    for (const each of open) {
      const connection = await each;
      if (connection.ok) connection.value.close();
    }
  }

  private async attempt<A extends Api>(
    api: A,
    body: RequestInputOf<A>,
    target: Target,
    options: CallOptions,
    until: number,
  ): Promise<Result<ResponseOf<A>, CallProblem>> {
    const connection = await this.connectionTo(target);
    if (!connection.ok) return connection;
    const left = Math.max(1, until - this.platform.clock.monotonicMs());
    const timeoutMs = Math.min(left, options.timeoutMs ?? this.options.requestTimeoutMs ?? left);
    return connection.value.call(api, body, { ...options, timeoutMs });
  }

  private mustAskAgain<Response>(
    response: Response,
    codesOf: ((response: Response) => readonly number[]) | undefined,
  ): boolean {
    const codes = codesOf?.(response) ?? topLevelCode(response);
    return codes.some(isRetriable);
  }

  /** After an error nothing that led to this target is believed any more. */
  private forget(target: Target): void {
    if (target.kind === 'controller') this.controllerId = -1;
    if (target.kind === 'broker') this.brokers.delete(target.id);
    if (target.kind === 'leader') this.leaders.delete(partitionKey(target.topic, target.partition));
    if (target.kind === 'coordinator') this.coordinators.delete(`${target.of} ${target.id}`);
  }

  private async connectionTo(target: Target): Promise<Result<KafkaConnection, CallProblem>> {
    if (this.isClosed) return failure({ kind: 'disconnected', sentence: 'the client is closed' });
    if (target.kind === 'any') return this.anyConnection();
    const id = await this.brokerFor(target);
    if (!id.ok) return id;
    const node = this.brokers.get(id.value);
    if (node === undefined)
      return failure({ kind: 'unknownTarget', sentence: `broker ${id.value} is not in the metadata` });
    return this.connect(node.address);
  }

  private async brokerFor(target: Exclude<Target, { kind: 'any' }>): Promise<Result<number, CallProblem>> {
    switch (target.kind) {
      case 'broker':
        return this.found(target.id, [], () => (this.brokers.has(target.id) ? target.id : undefined));
      case 'controller':
        return this.found('the controller', [], () => (this.controllerId >= 0 ? this.controllerId : undefined));
      case 'leader':
        return this.found(`the leader of ${target.topic}-${target.partition}`, [target.topic], () =>
          this.leaders.get(partitionKey(target.topic, target.partition)),
        );
      case 'coordinator':
        return this.coordinatorOf(target);
    }
  }

  /** Looks, asks for metadata when there is nothing, and looks again. */
  private async found(
    what: number | string,
    topics: readonly string[],
    look: () => number | undefined,
  ): Promise<Result<number, CallProblem>> {
    const known = look();
    if (known !== undefined) return success(known);
    const problem = await this.refresh(topics);
    if (problem !== undefined) return failure(problem);
    const id = look();
    if (id !== undefined) return success(id);
    const name = typeof what === 'number' ? `broker ${what}` : what;
    return failure({ kind: 'unknownTarget', sentence: `metadata does not name ${name}` });
  }

  private async coordinatorOf(target: Extract<Target, { kind: 'coordinator' }>): Promise<Result<number, CallProblem>> {
    const key = `${target.of} ${target.id}`;
    const known = this.coordinators.get(key);
    if (known !== undefined) return success(known);
    const connection = await this.anyConnection();
    if (!connection.ok) return connection;
    const keyType = target.of === 'group' ? 0 : 1;
    const answer = await connection.value.call(apis.findCoordinator, {
      key: target.id,
      keyType,
      coordinatorKeys: [target.id],
    });
    if (!answer.ok) return answer;
    const { coordinators, errorCode: code, errorMessage, nodeId, host, port } = answer.value;
    const found = coordinators[0] ?? { nodeId, host, port, errorCode: code, errorMessage };
    const problem = refusal(`the coordinator of ${key}`, found.errorCode, found.errorMessage);
    if (problem !== undefined) return failure(problem);
    const rack = this.brokers.get(found.nodeId)?.rack ?? null;
    this.brokers.set(found.nodeId, { id: found.nodeId, address: { host: found.host, port: found.port }, rack });
    this.coordinators.set(key, found.nodeId);
    return success(found.nodeId);
  }

  /** Asks anyone for brokers, the controller, and the leaders of these topics. */
  private async refresh(topics: readonly string[]): Promise<CallProblem | undefined> {
    const connection = await this.anyConnection();
    if (!connection.ok) return connection.problem;
    const answer = await connection.value.call(apis.metadata, {
      topics: topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    if (!answer.ok) return answer.problem;
    this.learn(answer.value);
    return undefined;
  }

  /** Takes over what a metadata answer says. */
  learn(metadata: ResponseOf<typeof apis.metadata>): void {
    if (metadata.brokers.length > 0) {
      this.brokers = new Map(
        metadata.brokers.map(({ nodeId, host, port, rack }) => [nodeId, { id: nodeId, address: { host, port }, rack }]),
      );
    }
    this.controllerId = metadata.controllerId;
    if (this.leaders.size > maxKnownLeaders) this.leaders.clear();
    for (const topic of metadata.topics) {
      for (const partition of topic.partitions) {
        const key = partitionKey(topic.name ?? '', partition.partitionIndex);
        if (partition.leaderId >= 0) this.leaders.set(key, partition.leaderId);
        else this.leaders.delete(key);
      }
    }
  }

  /** A connection that is open, or else the first of all brokers and bootstrap addresses that answers. */
  private async anyConnection(): Promise<Result<KafkaConnection, CallProblem>> {
    for (const each of this.connections.values()) {
      const connection = await each;
      if (connection.ok && connection.value.isOpen) return connection;
    }
    const candidates = [...[...this.brokers.values()].map((node) => node.address), ...this.options.bootstrap];
    if (candidates.length === 0) return failure({ kind: 'unknownTarget', sentence: 'there are no bootstrap servers' });
    const problems: string[] = [];
    this.turn += 1 + Math.floor(this.platform.random.next() * candidates.length);
    for (let index = 0; index < candidates.length; index++) {
      const address = candidates[(this.turn + index) % candidates.length] as Address;
      const connection = await this.connect(address);
      if (connection.ok) return connection;
      problems.push(connection.problem.sentence);
    }
    return failure({ kind: 'disconnected', sentence: `no broker answers: ${[...new Set(problems)].join('; ')}` });
  }

  private connect(address: Address): Promise<Result<KafkaConnection, CallProblem>> {
    const key = spelled(address);
    const known = this.connections.get(key);
    if (known !== undefined) return known;
    const { network, clock } = this.platform;
    const opening = KafkaConnection.open(network, clock, address, this.options);
    this.connections.set(key, opening);
    void opening.then((connection) => {
      const gone = (): void => {
        if (this.connections.get(key) === opening) this.connections.delete(key);
      };
      if (!connection.ok) gone();
      else if (this.isClosed) connection.value.close();
      else void connection.value.closed.then(gone);
    });
    return opening;
  }

  private pause(delayMs: number): Promise<void> {
    // Half of the pause is chance, so that many clients do not come back together.
    const spread = delayMs / 2 + (this.platform.random.next() * delayMs) / 2;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.platform.clock.after(spread, resolve);
    return promise;
  }
}

function mayPass(problem: CallProblem): boolean {
  if (problem.kind === 'refused') return problem.code !== undefined && isRetriable(problem.code);
  return problem.kind !== 'unsupportedVersion' && problem.kind !== 'malformed';
}

function topLevelCode(response: unknown): readonly number[] {
  if (typeof response !== 'object' || response === null || !('errorCode' in response)) return [];
  const code = response.errorCode;
  return typeof code === 'number' && code !== errorCode.NONE ? [code] : [];
}

const partitionKey = (topic: string, partition: number): string => `${topic}-${partition}`;
