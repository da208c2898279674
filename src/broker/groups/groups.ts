import type { Clock, Logger, Timer } from '../../base/index.ts';
import type { AppendId, Effect, GroupCoordinator, Reply, Ticket } from '../../coordinator/index.ts';
import { buildBatch, coordinatorPartition, errorCode } from '../../protocol/kafka/index.ts';
import type { PartitionReplica } from '../replica/partition-replica.ts';
import type { Replicas } from '../replica/replicas.ts';
import { loadGroups } from './group-loading.ts';
import { OffsetsRewrite } from './offsets-rewrite.ts';

export type GroupsDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly replicas: Replicas;
  readonly offsetsTopic: string;
  /** How many partitions `__consumer_offsets` has; undefined: it is not there. */
  readonly partitionCount: () => number | undefined;
  readonly makeCoordinator: (partition: number) => GroupCoordinator;
  /** Records are waited for on the device, as those of clients are. */
  readonly isDurableOnDisk: boolean;
};

/** Who answers for a group here: a coordinator, or an error code that says why nobody does. */
export type Found =
  | { readonly kind: 'coordinator'; readonly hosted: HostedPartition }
  | { readonly kind: 'error'; readonly code: number };

/** A batch of coordinator records stays below what any log takes. */
const recordsInBatch = 500;

/**
 * The shell of the group coordinators: one for each partition of `__consumer_offsets` that this broker leads. It replays
 * the partition's log into a coordinator, carries out what the coordinator decides (append, answer), and calls it when
 * its time has come.
 */
export class Groups {
  private readonly deps: GroupsDeps;
  private readonly hosted = new Map<number, HostedPartition>();

  constructor(deps: GroupsDeps) {
    this.deps = deps;
    deps.replicas.listen({
      leads: (replica) => {
        if (replica.topic === deps.offsetsTopic) this.host(replica);
      },
      leadsNoMore: (topic, partition) => {
        if (topic === deps.offsetsTopic) this.leave(partition);
      },
    });
  }

  private host(replica: PartitionReplica): void {
    this.leave(replica.partition);
    const hosted = new HostedPartition(replica, this.deps.makeCoordinator(replica.partition), this.deps);
    this.hosted.set(replica.partition, hosted);
    void hosted.load();
  }

  private leave(partition: number): void {
    this.hosted.get(partition)?.unload();
    this.hosted.delete(partition);
  }

  /** Undefined: `__consumer_offsets` is not there yet. */
  partitionOf(groupId: string): number | undefined {
    const count = this.deps.partitionCount();
    return count === undefined ? undefined : coordinatorPartition(groupId, count);
  }

  find(groupId: string): Found {
    const partition = this.partitionOf(groupId);
    const hosted = partition === undefined ? undefined : this.hosted.get(partition);
    if (hosted === undefined) return { kind: 'error', code: errorCode.NOT_COORDINATOR };
    return hosted.isLoaded
      ? { kind: 'coordinator', hosted }
      : {
          kind: 'error',
          code: hosted.isOffline ? errorCode.COORDINATOR_NOT_AVAILABLE : errorCode.COORDINATOR_LOAD_IN_PROGRESS,
        };
  }

  /** All that are loaded. */
  loaded(): HostedPartition[] {
    return [...this.hosted.values()].filter((each) => each.isLoaded);
  }

  get isLoading(): boolean {
    return [...this.hosted.values()].some((each) => !each.isLoaded && !each.isOffline);
  }

  topicDeleted(topic: string): void {
    for (const hosted of this.loaded()) hosted.run((coordinator, nowMs) => coordinator.topicDeleted(topic, nowMs));
  }

  /** Who waits is told that this broker coordinates no more. */
  stop(): void {
    for (const partition of [...this.hosted.keys()]) this.leave(partition);
  }
}

/** One coordinator with what it needs to act: its log, its timer, who waits for its answers. */
export class HostedPartition {
  private readonly replica: PartitionReplica;
  private readonly coordinator: GroupCoordinator;
  private readonly deps: GroupsDeps;
  private readonly rewrite: OffsetsRewrite;
  private readonly waiting = new Map<Ticket, (reply: Reply) => void>();
  private nextTicket = 1;
  private timer: Timer | undefined;
  private state: 'loading' | 'loaded' | 'offline' | 'unloaded' = 'loading';

  constructor(replica: PartitionReplica, coordinator: GroupCoordinator, deps: GroupsDeps) {
    this.replica = replica;
    this.coordinator = coordinator;
    this.deps = deps;
    this.rewrite = new OffsetsRewrite(replica, deps.logger);
  }

  get isLoaded(): boolean {
    return this.state === 'loaded';
  }

  get isOffline(): boolean {
    return this.state === 'offline';
  }

  /** For requests that only read. */
  get reads(): Pick<GroupCoordinator, 'offsetFetch' | 'describeGroup' | 'listGroups'> {
    return this.coordinator;
  }

  async load(): Promise<void> {
    const { clock, logger } = this.deps;
    const { topic, partition } = this.replica;
    const startedMs = clock.monotonicMs();
    try {
      const records = await loadGroups(this.replica, this.coordinator, () => this.state === 'loading');
      if (this.state !== 'loading') return;
      this.state = 'loaded';
      this.apply(this.coordinator.loaded(clock.nowMs()));
      if (records > 0)
        logger.info(
          { partition, records, tookMs: Math.round(clock.monotonicMs() - startedMs) },
          'loaded the groups of a partition',
        );
    } catch (error) {
      this.state = 'offline';
      logger.error(
        { topic, partition, problem: (error as Error).message },
        'the groups of a partition cannot be loaded',
      );
    }
  }

  unload(): void {
    const wasLoaded = this.state === 'loaded';
    this.timer?.cancel();
    if (wasLoaded) this.apply(this.coordinator.unload());
    this.timer?.cancel();
    this.state = 'unloaded';
    this.waiting.clear();
  }

  /**
   * A request that waits for its answer.
   *
   * @param command  gets the ticket to give to the coordinator
   */
  ask(command: (coordinator: GroupCoordinator, ticket: Ticket, nowMs: number) => readonly Effect[]): Promise<Reply> {
    return new Promise((resolve) => {
      const ticket = this.nextTicket++;
      this.waiting.set(ticket, resolve);
      this.run((coordinator, nowMs) => command(coordinator, ticket, nowMs));
    });
  }

  run(command: (coordinator: GroupCoordinator, nowMs: number) => readonly Effect[]): void {
    if (this.state === 'loaded') this.apply(command(this.coordinator, this.deps.clock.nowMs()));
  }

  private apply(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'append') this.append(effect);
      else {
        const resolve = this.waiting.get(effect.ticket);
        this.waiting.delete(effect.ticket);
        resolve?.(effect.reply);
      }
    }
    this.schedule();
  }

  private append({ id, records }: Extract<Effect, { kind: 'append' }>): void {
    const { clock } = this.deps;
    const timestampMs = clock.nowMs();
    let endOffset = this.replica.log.logEndOffset;
    for (let from = 0; from < records.length; from += recordsInBatch) {
      const batch = buildBatch({
        records: records.slice(from, from + recordsInBatch).map((record) => ({ ...record, timestampMs })),
      });
      const outcome = this.replica.append(batch, { origin: 'coordinator' });
      if (!outcome.ok) {
        const code =
          outcome.problem.kind === 'notLeader' ? errorCode.NOT_COORDINATOR : errorCode.COORDINATOR_NOT_AVAILABLE;
        // Not inside the call that decided on the append: the coordinator is told after it has finished.
        queueMicrotask(() => this.settled(id, code));
        return;
      }
      endOffset = outcome.value.endOffset;
    }
    const reached = (problem?: unknown): void =>
      this.settled(id, problem === undefined ? errorCode.NONE : errorCode.COORDINATOR_NOT_AVAILABLE);
    if (this.deps.isDurableOnDisk) this.replica.log.whenSynced(endOffset, reached);
    else this.replica.log.whenWritten(endOffset, reached);
    this.rewrite.noticeGrowth();
  }

  private settled(id: AppendId, code: number): void {
    this.run((coordinator, nowMs) =>
      code === errorCode.NONE ? coordinator.committed(id, nowMs) : coordinator.notCommitted(id, code, nowMs),
    );
  }

  private schedule(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const atMs = this.coordinator.nextTickMs;
    if (atMs === undefined || this.state !== 'loaded') return;
    const delayMs = Math.max(1, atMs - this.deps.clock.nowMs());
    this.timer = this.deps.clock.after(delayMs, () => this.run((coordinator, nowMs) => coordinator.tick(nowMs)));
  }
}
