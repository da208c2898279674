import type { Clock, Logger, Network } from '../../base/index.ts';
import { type apis, errorCode, type ResponseOf, randomUuid } from '../../protocol/kafka/index.ts';
import type { MultiOperation, MultiResult } from '../../protocol/zookeeper/index.ts';
import { BrokerChannel } from './broker-channel.ts';
import {
  type ControlledPartition,
  type ControlledTopic,
  type ControllerContext,
  electedLeader,
  type LiveBroker,
} from './controller-context.ts';
import { ControllerRequests } from './controller-requests.ts';
import type { Coordination } from './coordination.ts';
import {
  controllerData,
  type LeaderAndIsr,
  parseBroker,
  parseController,
  parsePartitionState,
  parseTopic,
  partitionStateData,
  paths,
  topicData,
} from './znodes.ts';

export type ControllerOptions = {
  readonly brokerId: number;
  /** Where brokers are reached by the controller. */
  readonly interBrokerListenerName: string;
};

export type ControllerDeps = {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly coordination: Coordination;
};

/** The controller is deposed or its session is gone: what was under way is dropped. */
class Deposed extends Error {
  override readonly name = 'Deposed';
}

type Partition = { readonly topic: string; readonly partition: number };

/** Reads that are under way at once while the context is loaded. */
const readsAtOnce = 500;
/** State nodes that one multi makes: each is a few hundred bytes, a server takes 1 MiB. */
const statesInMulti = 200;
const retryMs = 500;
const configChangeKeepMs = 15 * 60_000;

/**
 * The controller of ZooKeeper mode. Every broker has one; the one that makes `/controller` is active.
 *
 * ```
 * standby ──made /controller and raised /controller_epoch──▶ active ──lost the node, the epoch or the session──▶ standby
 * active: watches tell that something changed ─▶ event queue (one at a time) ─▶ read ─▶ fenced write ─▶ tell the brokers
 * ```
 * All writes check `/controller_epoch` in the same multi, so that a deposed controller cannot change anything. Partitions
 * with one replica only: their leader is that replica while its broker lives, and nobody otherwise.
 *
 * Source: KafkaController.scala, PartitionStateMachine.scala, ReplicaStateMachine.scala, TopicDeletionManager.scala.
 */
export class Controller {
  private readonly options: ControllerOptions;
  private readonly deps: ControllerDeps;
  private context: ControllerContext | undefined;
  private readonly channels = new Map<number, BrokerChannel>();
  private tail: Promise<void> = Promise.resolve();
  private activeId = -1;
  private isStopped = false;
  /** Grows with every election and resignation: watches of an earlier one are ignored. */
  private generation = 0;
  private readonly deletionWaits = new Map<string, (() => void)[]>();

  constructor(options: ControllerOptions, deps: ControllerDeps) {
    this.options = options;
    this.deps = deps;
  }

  get isActive(): boolean {
    return this.context !== undefined;
  }

  /** As `/controller` says; -1: nobody or unknown. */
  get activeControllerId(): number {
    return this.activeId;
  }

  get epoch(): number {
    return this.context?.epoch ?? -1;
  }

  /** For placement and validation. Read it inside `command` only. */
  get view(): ControllerContext | undefined {
    return this.context;
  }

  /** At the start, and again with every new session. */
  start(): void {
    this.resign();
    this.enqueue('elect', () => this.elect());
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.resign();
    await this.tail;
  }

  /**
   * Runs a command of an admin request between two events, while active.
   *
   * @returns undefined if this is not the active controller
   */
  command<Value>(run: (context: ControllerContext) => Promise<Value>): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      this.enqueue('command', async () => {
        if (this.context === undefined) {
          resolve(undefined);
          return;
        }
        try {
          resolve(await run(this.context));
        } catch (error) {
          if (error instanceof Deposed) {
            resolve(undefined);
            throw error;
          }
          reject(error as Error);
        }
      });
    });
  }

  private enqueue(name: string, run: () => Promise<void>): void {
    this.tail = this.tail.then(async () => {
      if (this.isStopped) return;
      try {
        await run();
      } catch (error) {
        if (error instanceof Deposed) {
          this.deps.logger.warn({ event: name, reason: error.message }, 'no longer the controller');
          this.start();
          return;
        }
        this.deps.logger.error({ err: error, event: name }, 'the controller could not finish an event; electing again');
        this.resign();
        await new Promise<void>((resolve) => this.deps.clock.after(retryMs, resolve));
        if (!this.isStopped) this.enqueue('elect', () => this.elect());
      }
    });
  }

  // ── election ───────────────────────────────────────────────────────────────────────────────────────────────────

  private async elect(): Promise<void> {
    const { coordination, clock, logger } = this.deps;
    const { brokerId } = this.options;
    const { generation } = this;
    const client = coordination.client;
    const watch = (): void => {
      if (generation === this.generation) this.start();
    };
    for (;;) {
      const present = await coordination.retried(() => client.getData(paths.controller, watch));
      const stale: MultiOperation[] = [];
      if (present.ok) {
        this.activeId = parseController(present.value.data) ?? -1;
        const { stat } = present.value;
        // Our own node of a session that died with its process: nobody else would write our id.
        if (this.activeId !== brokerId || stat.ephemeralOwner === 0n || stat.ephemeralOwner === client.sessionId)
          return;
        stale.push({ op: 'delete', path: paths.controller, version: stat.version });
      } else if (present.problem.kind !== 'noNode') throw new Error(present.problem.sentence);
      this.activeId = -1;
      const epoch = await this.readEpoch();
      const made = await client.multi([
        ...stale,
        client.createOperation(paths.controller, controllerData(brokerId, clock.nowMs()), { mode: 'ephemeral' }),
        {
          op: 'setData',
          path: paths.controllerEpoch,
          data: Buffer.from(String(epoch.value + 1)),
          version: epoch.version,
        },
      ]);
      if (made.ok) {
        this.activeId = brokerId;
        // Arms the watch that tells when the node is lost.
        const own = await coordination.retried(() => client.getData(paths.controller, watch));
        if (!own.ok) throw new Error(own.problem.sentence);
        logger.info({ epoch: epoch.value + 1 }, 'elected as controller');
        await this.takeOver(epoch.value + 1, epoch.version + 1);
        return;
      }
      if (!['nodeExists', 'badVersion', 'noNode', 'connectionLoss'].includes(made.problem.kind))
        throw new Error(made.problem.sentence);
    }
  }

  private async readEpoch(): Promise<{ value: number; version: number }> {
    const { coordination } = this.deps;
    for (;;) {
      const read = await coordination.retried((client) => client.getData(paths.controllerEpoch));
      if (read.ok) return { value: Number(read.value.data?.toString() ?? '0') || 0, version: read.value.stat.version };
      if (read.problem.kind !== 'noNode') throw new Error(read.problem.sentence);
      const made = await coordination.retried((client) => client.create(paths.controllerEpoch, Buffer.from('0')));
      if (!made.ok && made.problem.kind !== 'nodeExists') throw new Error(made.problem.sentence);
    }
  }

  private resign(): void {
    this.generation++;
    this.context = undefined;
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
    for (const name of [...this.deletionWaits.keys()]) this.tellDeleted(name);
  }

  private async takeOver(epoch: number, epochVersion: number): Promise<void> {
    this.context = {
      epoch,
      epochVersion,
      brokers: new Map(),
      topics: new Map(),
      shuttingDown: new Set(),
      offlineReplicas: new Set(),
      deleting: new Map(),
    };
    const { context } = this;
    for (const [id, broker] of await this.readBrokers()) this.addBroker(id, broker);
    for (const name of await this.watchedChildren(paths.topics, () => this.topicsChanged())) {
      const topic = await this.readTopic(name);
      if (topic !== undefined) context.topics.set(name, topic);
    }
    for (const name of await this.watchedChildren(paths.deletedTopics, () => this.deletionsChanged()))
      this.markDeleted(name);
    // Brokers learn first who lives, then what they lead.
    const first = new ControllerRequests();
    first.addUpdateMetadata(context.brokers.keys(), []);
    this.send(first);
    const requests = new ControllerRequests();
    const changed = await this.electLeaders(requests);
    for (const partition of this.partitionsOf(context.topics.keys())) {
      const known = this.partition(partition);
      if (known?.state === undefined || context.deleting.has(partition.topic)) continue;
      if (!changed.has(`${partition.topic}-${partition.partition}`)) {
        requests.addLeaderAndIsr(
          known.replicas.filter((id) => context.brokers.has(id)),
          partition,
          false,
        );
      }
    }
    requests.addUpdateMetadata(context.brokers.keys(), this.partitionsOf(context.topics.keys()));
    this.send(requests);
    this.deps.logger.info(
      { epoch, brokers: [...context.brokers.keys()], topics: context.topics.size },
      'the controller is ready',
    );
    await this.deleteTopics();
    await this.purgeConfigChanges();
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Children of a path; `changed` runs once as an event when there are others. */
  private async watchedChildren(path: string, changed: () => Promise<void>): Promise<readonly string[]> {
    const { generation } = this;
    const watch = (): void => {
      if (generation === this.generation) this.enqueue(`watch ${path}`, changed);
    };
    const read = await this.deps.coordination.retried((client) => client.getChildren(path, watch));
    if (!read.ok) throw new Error(read.problem.sentence);
    return read.value.children;
  }

  private async readBrokers(): Promise<ReadonlyMap<number, LiveBroker>> {
    const ids = (await this.watchedChildren(paths.brokerIds, () => this.brokersChanged()))
      .map(Number)
      .sort((a, b) => a - b);
    const brokers = new Map<number, LiveBroker>();
    for (const id of ids) {
      const read = await this.deps.coordination.retried((client) => client.getData(paths.brokerId(id)));
      if (!read.ok) continue;
      const registration = parseBroker(id, read.value.data);
      if (registration !== undefined) brokers.set(id, { registration, epoch: Number(read.value.stat.czxid) });
      else
        this.deps.logger.error({ path: paths.brokerId(id) }, 'a broker registration is not readable and is left out');
    }
    return brokers;
  }

  /** The assignment, watched, and the states of all partitions. */
  private async readTopic(name: string): Promise<ControlledTopic | undefined> {
    const { coordination, logger } = this.deps;
    const { generation } = this;
    const watch = (): void => {
      if (generation === this.generation) this.enqueue(`watch topic ${name}`, () => this.partitionsChanged(name));
    };
    const read = await coordination.retried((client) => client.getData(paths.topic(name), watch));
    if (!read.ok) return undefined;
    const assignment = parseTopic(read.value.data);
    if (assignment === undefined) {
      logger.error({ topic: name }, 'the assignment of a topic is not readable; the topic is left out');
      return undefined;
    }
    let { topicId } = assignment;
    if (topicId === undefined) {
      topicId = randomUuid();
      await this.fenced([
        {
          op: 'setData',
          path: paths.topic(name),
          data: topicData({ ...assignment, topicId }),
          version: read.value.stat.version,
        },
      ]);
    }
    const partitions = new Map<number, ControlledPartition>();
    const numbers = [...assignment.partitions.keys()];
    for (let from = 0; from < numbers.length; from += readsAtOnce) {
      const some = numbers.slice(from, from + readsAtOnce);
      const states = await Promise.all(
        some.map((partition) =>
          coordination.retried((client) => client.getData(paths.partitionState(name, partition))),
        ),
      );
      for (const [index, partition] of some.entries()) {
        const state = states[index] as (typeof states)[number];
        const replicas = assignment.partitions.get(partition) ?? [];
        if (!state.ok && state.problem.kind !== 'noNode') throw new Error(state.problem.sentence);
        const parsed = state.ok ? parsePartitionState(state.value.data) : undefined;
        partitions.set(partition, {
          replicas,
          state:
            parsed === undefined || !state.ok
              ? undefined
              : { ...parsed, partitionEpoch: state.value.stat.version, writtenAt: state.value.stat.mzxid },
        });
      }
    }
    return { topicId, partitions };
  }

  // ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private async brokersChanged(): Promise<void> {
    const { context } = this;
    if (context === undefined) return;
    const now = await this.readBrokers();
    const gone = [...context.brokers.keys()].filter((id) => !now.has(id));
    const bounced = [...now]
      .filter(([id, { epoch }]) => (context.brokers.get(id)?.epoch ?? epoch) !== epoch)
      .map(([id]) => id);
    const come = [...now.keys()].filter((id) => !context.brokers.has(id));
    if (gone.length + bounced.length + come.length === 0) return;
    this.deps.logger.info({ come, gone, bounced, live: [...now.keys()] }, 'brokers changed');
    for (const id of [...gone, ...bounced]) this.removeBroker(id);
    if (gone.length + bounced.length > 0) {
      const requests = new ControllerRequests();
      const changed = await this.electLeaders(requests);
      requests.addUpdateMetadata(context.brokers.keys(), changed.values());
      this.send(requests);
    }
    const started = [...come, ...bounced];
    if (started.length === 0) return;
    for (const id of started) this.addBroker(id, now.get(id) as LiveBroker);
    // The new ones learn everything, the old ones that the new ones live; then everybody who leads what.
    const first = new ControllerRequests();
    first.addUpdateMetadata(
      [...context.brokers.keys()].filter((id) => !started.includes(id)),
      [],
    );
    first.addUpdateMetadata(started, this.partitionsOf(context.topics.keys()));
    this.send(first);
    const requests = new ControllerRequests();
    const changed = await this.electLeaders(requests);
    for (const partition of this.partitionsOf(context.topics.keys())) {
      const known = this.partition(partition);
      if (
        known?.state === undefined ||
        changed.has(`${partition.topic}-${partition.partition}`) ||
        context.deleting.has(partition.topic)
      )
        continue;
      requests.addLeaderAndIsr(
        known.replicas.filter((id) => started.includes(id)),
        partition,
        false,
      );
    }
    requests.addUpdateMetadata(context.brokers.keys(), changed.values());
    this.send(requests);
    await this.deleteTopics();
  }

  private addBroker(id: number, broker: LiveBroker): void {
    const { context } = this;
    if (context === undefined) return;
    context.brokers.set(id, broker);
    context.shuttingDown.delete(id);
    for (const replica of context.offlineReplicas)
      if (replica.endsWith(`-${id}`)) context.offlineReplicas.delete(replica);
    const { interBrokerListenerName, brokerId } = this.options;
    const endpoint =
      broker.registration.endpoints.find(({ listener }) => listener === interBrokerListenerName) ??
      broker.registration.endpoints[0];
    if (endpoint === undefined) {
      this.deps.logger.error({ broker: id, interBrokerListenerName }, 'a broker has no address for the controller');
      return;
    }
    this.channels.get(id)?.close();
    const { network, clock, logger } = this.deps;
    this.channels.set(
      id,
      new BrokerChannel(endpoint, `controller-${brokerId}`, { network, clock, logger: logger.child({ broker: id }) }),
    );
  }

  private removeBroker(id: number): void {
    this.context?.brokers.delete(id);
    this.context?.shuttingDown.delete(id);
    this.channels.get(id)?.close();
    this.channels.delete(id);
  }

  private async topicsChanged(): Promise<void> {
    const { context } = this;
    if (context === undefined) return;
    const names = await this.watchedChildren(paths.topics, () => this.topicsChanged());
    const there = new Set(names);
    for (const name of [...context.topics.keys()]) {
      if (!there.has(name) && !context.deleting.has(name)) context.topics.delete(name);
    }
    const fresh = names.filter((name) => !context.topics.has(name));
    if (fresh.length === 0) return;
    for (const name of fresh) {
      const topic = await this.readTopic(name);
      if (topic !== undefined) context.topics.set(name, topic);
    }
    await this.bringOnline();
  }

  private async partitionsChanged(name: string): Promise<void> {
    const { context } = this;
    const known = context?.topics.get(name);
    if (context === undefined || known === undefined || context.deleting.has(name)) return;
    const topic = await this.readTopic(name);
    if (topic === undefined) return;
    let isLarger = false;
    for (const [partition, each] of topic.partitions) {
      if (known.partitions.has(partition)) continue;
      known.partitions.set(partition, each);
      isLarger = true;
    }
    if (isLarger) await this.bringOnline();
  }

  /** Gives leaders to partitions that have none and could, and tells everybody. */
  private async bringOnline(): Promise<void> {
    const { context } = this;
    if (context === undefined) return;
    const requests = new ControllerRequests();
    const changed = await this.electLeaders(requests);
    if (changed.size === 0) return;
    requests.addUpdateMetadata(context.brokers.keys(), changed.values());
    this.send(requests);
  }

  /**
   * Makes or rewrites the state of every partition whose leader is not who it should be.
   *
   * @returns the partitions that have changed, by `topic-partition`
   */
  private async electLeaders(requests: ControllerRequests): Promise<ReadonlyMap<string, Partition>> {
    const { context } = this;
    const changed = new Map<string, Partition>();
    if (context === undefined) return changed;
    const writes: { partition: Partition; known: ControlledPartition; next: LeaderAndIsr }[] = [];
    for (const partition of this.partitionsOf(context.topics.keys())) {
      const known = this.partition(partition);
      if (known === undefined || context.deleting.has(partition.topic)) continue;
      const brokerEpochOf = (id: number): number | undefined =>
        context.offlineReplicas.has(`${partition.topic}-${partition.partition}-${id}`)
          ? undefined
          : context.brokers.get(id)?.epoch;
      const leader = electedLeader(known, brokerEpochOf);
      // A partition that never had a leader waits until one of its brokers lives.
      if (leader === undefined || (known.state === undefined && leader < 0)) continue;
      const next: LeaderAndIsr = {
        leader,
        leaderEpoch: known.state === undefined ? 0 : known.state.leaderEpoch + 1,
        inSyncReplicas: known.state?.inSyncReplicas ?? known.replicas.filter((id) => brokerEpochOf(id) !== undefined),
        controllerEpoch: context.epoch,
      };
      writes.push({ partition, known, next });
    }
    for (let from = 0; from < writes.length; from += statesInMulti)
      await this.writeStates(writes.slice(from, from + statesInMulti));
    for (const { partition, known, next } of writes) {
      const partitionEpoch = known.state === undefined ? 0 : known.state.partitionEpoch + 1;
      context.topics.get(partition.topic)?.partitions.set(partition.partition, {
        replicas: known.replicas,
        state: { ...next, partitionEpoch, writtenAt: Number.MAX_SAFE_INTEGER },
      });
      changed.set(`${partition.topic}-${partition.partition}`, partition);
      requests.addLeaderAndIsr(
        known.replicas.filter((id) => context.brokers.has(id)),
        partition,
        known.state === undefined,
      );
    }
    return changed;
  }

  private async writeStates(
    writes: readonly { partition: Partition; known: ControlledPartition; next: LeaderAndIsr }[],
  ): Promise<void> {
    const { client } = this.deps.coordination;
    const parents = new Set<string>();
    const operations: MultiOperation[] = [];
    for (const { partition: at, known, next } of writes) {
      const data = partitionStateData(next);
      const path = paths.partitionState(at.topic, at.partition);
      if (known.state !== undefined) {
        operations.push({ op: 'setData', path, data, version: known.state.partitionEpoch });
        continue;
      }
      if (!parents.has(at.topic)) {
        parents.add(at.topic);
        const isThere = await this.deps.coordination.retried((each) => each.exists(paths.partitions(at.topic)));
        if (!isThere.ok) throw new Error(isThere.problem.sentence);
        if (isThere.value === undefined) operations.push(client.createOperation(paths.partitions(at.topic), undefined));
      }
      operations.push(client.createOperation(paths.partition(at.topic, at.partition), undefined));
      operations.push(client.createOperation(path, data));
    }
    await this.fenced(operations);
  }

  /** Writes only while this controller's epoch is the latest. */
  private async fenced(operations: readonly MultiOperation[]): Promise<readonly MultiResult[]> {
    const { context } = this;
    if (context === undefined) throw new Deposed('resigned');
    const check: MultiOperation = { op: 'check', path: paths.controllerEpoch, version: context.epochVersion };
    const done = await this.deps.coordination.client.multi([check, ...operations]);
    if (done.ok) return done.value.slice(1);
    if (done.problem.failedIndex === 0 && done.problem.kind === 'badVersion')
      throw new Deposed('another controller was elected');
    throw new Error(done.problem.sentence);
  }

  // ── topics going away ──────────────────────────────────────────────────────────────────────────────────────────

  private async deletionsChanged(): Promise<void> {
    if (this.context === undefined) return;
    for (const name of await this.watchedChildren(paths.deletedTopics, () => this.deletionsChanged()))
      this.markDeleted(name);
    await this.deleteTopics();
  }

  private markDeleted(name: string): void {
    const { context } = this;
    if (context === undefined || context.deleting.has(name)) return;
    const topic = context.topics.get(name);
    const left = new Set<string>();
    for (const [partition, { replicas }] of topic?.partitions ?? [])
      for (const id of replicas) left.add(`${partition}-${id}`);
    context.deleting.set(name, left);
  }

  /** Asks the brokers that live to drop what they have of the topics; finishes those of which nothing is left. */
  private async deleteTopics(): Promise<void> {
    const { context } = this;
    if (context === undefined || context.deleting.size === 0) return;
    const requests = new ControllerRequests();
    requests.addUpdateMetadata(context.brokers.keys(), this.partitionsOf(context.deleting.keys()));
    for (const [topic, left] of context.deleting) {
      for (const each of left) {
        const [partition, id] = each.split('-').map(Number) as [number, number];
        if (context.brokers.has(id)) requests.addStopReplica([id], { topic, partition }, true);
      }
    }
    this.send(requests);
    for (const [topic, left] of [...context.deleting]) if (left.size === 0) await this.finishDeletion(topic);
  }

  private stopped(brokerId: number, answer: ResponseOf<typeof apis.stopReplica>): void {
    this.enqueue('replicas stopped', async () => {
      const { context } = this;
      if (context === undefined || answer.errorCode !== errorCode.NONE) return;
      for (const { topicName, partitionIndex, errorCode: code } of answer.partitionErrors) {
        const left = context.deleting.get(topicName);
        if (left === undefined || code !== errorCode.NONE) continue;
        left.delete(`${partitionIndex}-${brokerId}`);
        if (left.size === 0) await this.finishDeletion(topicName);
      }
    });
  }

  private async finishDeletion(name: string): Promise<void> {
    const { context } = this;
    if (context === undefined) return;
    await this.deleteBelow(paths.topic(name));
    await this.deleteBelow(paths.topicConfig(name));
    await this.deleteBelow(paths.deletedTopic(name));
    context.deleting.delete(name);
    context.topics.delete(name);
    this.tellDeleted(name);
    this.deps.logger.info({ topic: name }, 'deleted a topic');
    // A topic of the same name may have been asked for meanwhile; our own watch on the topics is still set.
    await this.topicsChanged();
  }

  /** Resolves when the topic is gone from ZooKeeper, or when this is no longer the controller. */
  whenDeleted(name: string): Promise<void> {
    if (this.context === undefined || !this.context.deleting.has(name)) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.deletionWaits.get(name);
      if (waiting === undefined) this.deletionWaits.set(name, [resolve]);
      else waiting.push(resolve);
    });
  }

  private tellDeleted(name: string): void {
    for (const tell of this.deletionWaits.get(name) ?? []) tell();
    this.deletionWaits.delete(name);
  }

  /** A node with everything below it, children first, in fenced writes. */
  private async deleteBelow(path: string): Promise<void> {
    const found: string[] = [];
    const visit = async (at: string): Promise<void> => {
      const read = await this.deps.coordination.retried((client) => client.getChildren(at));
      if (!read.ok) {
        if (read.problem.kind === 'noNode') return;
        throw new Error(read.problem.sentence);
      }
      for (let from = 0; from < read.value.children.length; from += readsAtOnce) {
        await Promise.all(read.value.children.slice(from, from + readsAtOnce).map((child) => visit(`${at}/${child}`)));
      }
      found.push(at);
    };
    await visit(path);
    for (let from = 0; from < found.length; from += statesInMulti) {
      await this.fenced(
        found.slice(from, from + statesInMulti).map((each) => ({ op: 'delete', path: each, version: -1 })),
      );
    }
  }

  private async purgeConfigChanges(): Promise<void> {
    const { coordination, clock } = this.deps;
    const read = await coordination.retried((client) => client.getChildren(paths.configChanges));
    if (!read.ok) return;
    for (const name of read.value.children) {
      const path = `${paths.configChanges}/${name}`;
      const stat = await coordination.retried((client) => client.exists(path));
      if (stat.ok && stat.value !== undefined && clock.nowMs() - stat.value.ctime > configChangeKeepMs) {
        await coordination.retried((client) => client.delete(path));
      }
    }
  }

  // ── brokers' own words ─────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A broker is about to stop. Partitions with one replica have nowhere to go; they stay until the broker has left.
   *
   * @returns an error code
   */
  async controlledShutdown(brokerId: number, brokerEpoch: number): Promise<number> {
    const outcome = await this.command(async (context) => {
      const broker = context.brokers.get(brokerId);
      if (broker === undefined) return errorCode.BROKER_NOT_AVAILABLE;
      if (brokerEpoch >= 0 && brokerEpoch !== broker.epoch) return errorCode.STALE_BROKER_EPOCH;
      context.shuttingDown.add(brokerId);
      return errorCode.NONE;
    });
    return outcome ?? errorCode.NOT_CONTROLLER;
  }

  private leaderAndIsrAnswered(brokerId: number, answer: ResponseOf<typeof apis.leaderAndIsr>): void {
    if (answer.errorCode !== errorCode.NONE) {
      this.deps.logger.info(
        { broker: brokerId, errorCode: answer.errorCode },
        'a broker refused a LeaderAndIsr request as stale',
      );
      return;
    }
    const offline: string[] = [];
    for (const { topicId, partitionErrors } of answer.topics) {
      const name = [...(this.context?.topics ?? [])].find(
        ([, topic]) => partitionErrors.some((each) => each.errorCode !== 0) && topic.topicId === topicId,
      )?.[0];
      for (const { partitionIndex, errorCode: code } of partitionErrors) {
        if (code === errorCode.KAFKA_STORAGE_ERROR && name !== undefined)
          offline.push(`${name}-${partitionIndex}-${brokerId}`);
      }
    }
    if (offline.length === 0) return;
    this.enqueue('replicas offline', async () => {
      for (const replica of offline) this.context?.offlineReplicas.add(replica);
      await this.bringOnline();
    });
  }

  // ── small ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private partition({ topic, partition }: Partition): ControlledPartition | undefined {
    return this.context?.topics.get(topic)?.partitions.get(partition);
  }

  private *partitionsOf(topics: Iterable<string>): Generator<Partition, void, undefined> {
    for (const topic of topics) {
      for (const partition of this.context?.topics.get(topic)?.partitions.keys() ?? []) yield { topic, partition };
    }
  }

  private send(requests: ControllerRequests): void {
    if (this.context === undefined) return;
    requests.send(this.context, this.channels, this.options.brokerId, this.options.interBrokerListenerName, {
      leaderAndIsr: (brokerId, answer) => this.leaderAndIsrAnswered(brokerId, answer),
      stopReplica: (brokerId, answer) => this.stopped(brokerId, answer),
    });
  }

  /** After an admin command has written topics or deletions itself: looks at once instead of waiting for the watch. */
  async noticeTopics(): Promise<void> {
    await this.topicsChanged();
  }

  async noticePartitions(topic: string): Promise<void> {
    await this.partitionsChanged(topic);
  }

  async noticeDeletions(): Promise<void> {
    await this.deletionsChanged();
  }
}
