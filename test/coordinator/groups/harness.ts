import {
  type Caller,
  type CoordinatorRecord,
  createGroupCoordinator,
  defaultGroupSettings,
  type Effect,
  type GroupCoordinator,
  type GroupSettings,
  type Reply,
} from '../../../src/coordinator/index.ts';
import type { apis, RequestInputOf, RequestOf, ResponseInputOf } from '../../../src/protocol/kafka/index.ts';

type Append = Extract<Effect, { kind: 'append' }>;
type Body<Name extends keyof typeof apis> = ResponseInputOf<(typeof apis)[Name]>;
export type Join = Body<'joinGroup'>;
export type Sync = Body<'syncGroup'>;

/** A coordinator with a clock of its own and a log that commits at once, or when the test says so. */
export class Harness {
  nowMs = 1_000_000;
  readonly log: CoordinatorRecord[] = [];
  readonly answers = new Map<number, Reply>();
  readonly held: Append[] = [];
  isHolding = false;
  coordinator: GroupCoordinator;
  private nextTicket = 1;
  private nextId = 1;
  private readonly settings: GroupSettings;

  constructor(settings: Partial<GroupSettings> = {}) {
    this.settings = { ...defaultGroupSettings, initialRebalanceDelayMs: 0, ...settings };
    this.coordinator = this.fresh();
    this.run(this.coordinator.loaded(this.nowMs));
  }

  private fresh(): GroupCoordinator {
    return createGroupCoordinator(this.settings, () => `id${this.nextId++}`);
  }

  /** Another broker takes over and reads the log. */
  failOver(): void {
    this.run(this.coordinator.unload());
    this.coordinator = this.fresh();
    for (const record of this.log) this.coordinator.replay(record);
    this.run(this.coordinator.loaded(this.nowMs));
  }

  caller(apiVersion: number, clientId = 'c'): Caller {
    return { ticket: this.nextTicket++, apiVersion, clientId, clientHost: '/127.0.0.1' };
  }

  run(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'reply') {
        if (this.answers.has(effect.ticket)) throw new Error(`ticket ${effect.ticket} is answered twice`);
        this.answers.set(effect.ticket, effect.reply);
      } else if (this.isHolding) this.held.push(effect);
      else this.commit(effect);
    }
  }

  commit(append: Append): void {
    this.log.push(...append.records);
    this.run(this.coordinator.committed(append.id, this.nowMs));
  }

  /** Ends the oldest append that is held. */
  release(errorCode = 0): void {
    const append = this.held.shift();
    if (append === undefined) throw new Error('nothing is held');
    if (errorCode === 0) this.commit(append);
    else this.run(this.coordinator.notCommitted(append.id, errorCode, this.nowMs));
  }

  /** Lets time go by, stopping wherever the coordinator asks for it. */
  pass(ms: number): void {
    const end = this.nowMs + ms;
    for (
      let next = this.coordinator.nextTickMs;
      next !== undefined && next <= end;
      next = this.coordinator.nextTickMs
    ) {
      this.nowMs = Math.max(this.nowMs, next);
      this.run(this.coordinator.tick(this.nowMs));
    }
    this.nowMs = end;
  }

  private answer<Name extends Reply['api']>(ticket: number, api: Name): Body<Name> | undefined {
    const reply = this.answers.get(ticket);
    if (reply === undefined) return undefined;
    if (reply.api !== api) throw new Error(`ticket ${ticket} asked ${api} and hears ${reply.api}`);
    return reply.body as Body<Name>;
  }

  join(input: Partial<RequestOf<typeof apis.joinGroup>> = {}, version = 9, clientId?: string): () => Join | undefined {
    const caller = this.caller(version, clientId);
    const request = {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
      reason: null,
      ...input,
    };
    this.run(this.coordinator.joinGroup(caller, request, this.nowMs));
    return () => this.answer(caller.ticket, 'joinGroup');
  }

  /** Joins as clients do since version 4: once for the id, once with it. */
  joinWithId(
    input: Partial<RequestOf<typeof apis.joinGroup>> = {},
    version = 9,
  ): { id: string; answer: () => Join | undefined } {
    const id = this.join(input, version)()?.memberId as string;
    return { id, answer: this.join({ ...input, memberId: id }, version) };
  }

  sync(
    memberId: string,
    generationId: number,
    assignments: Record<string, string> = {},
    input: Partial<RequestOf<typeof apis.syncGroup>> = {},
  ): () => Sync | undefined {
    const caller = this.caller(5);
    const request = {
      groupId: 'g',
      generationId,
      memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: Object.entries(assignments).map(([id, text]) => ({ memberId: id, assignment: Buffer.from(text) })),
      ...input,
    };
    this.run(this.coordinator.syncGroup(caller, request, this.nowMs));
    return () => this.answer(caller.ticket, 'syncGroup');
  }

  heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null): number {
    const caller = this.caller(4);
    const request = { groupId: 'g', generationId, memberId, groupInstanceId };
    this.run(this.coordinator.heartbeat(caller, request, this.nowMs));
    return this.answer(caller.ticket, 'heartbeat')?.errorCode as number;
  }

  leave(members: readonly { memberId: string; groupInstanceId?: string }[], version = 5): Body<'leaveGroup'> {
    const caller = this.caller(version);
    const request = {
      groupId: 'g',
      memberId: version < 3 ? (members[0]?.memberId ?? '') : '',
      members: members.map(({ memberId, groupInstanceId }) => ({
        memberId,
        groupInstanceId: groupInstanceId ?? null,
        reason: null,
      })),
    };
    this.run(this.coordinator.leaveGroup(caller, request, this.nowMs));
    return this.answer(caller.ticket, 'leaveGroup') as Body<'leaveGroup'>;
  }

  commitOffset(
    offset: number,
    {
      memberId = '',
      generation = -1,
      ...more
    }: { memberId?: string; generation?: number } & Partial<RequestOf<typeof apis.offsetCommit>> = {},
    metadata: string | null = '',
  ): () => number | undefined {
    const caller = this.caller(9);
    const request = {
      groupId: 'g',
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        {
          name: 't',
          partitions: [
            {
              partitionIndex: 0,
              committedOffset: offset,
              committedLeaderEpoch: 3,
              commitTimestamp: -1,
              committedMetadata: metadata,
            },
          ],
        },
      ],
      ...more,
    };
    this.run(this.coordinator.offsetCommit(caller, request, this.nowMs));
    return () => this.answer(caller.ticket, 'offsetCommit')?.topics[0]?.partitions[0]?.errorCode;
  }

  fetched(groupId = 'g', requireStable = false): { offset: number; errorCode: number; metadata: string | null } {
    const topics = [{ name: 't', partitionIndexes: [0] }];
    const partition = this.coordinator.offsetFetch({ groupId, topics, requireStable }).topics[0]?.partitions[0];
    if (partition === undefined) throw new Error('no partition in the answer');
    return { offset: partition.committedOffset, errorCode: partition.errorCode, metadata: partition.metadata };
  }

  deleteGroups(ids: readonly string[]): Body<'deleteGroups'> | undefined {
    const caller = this.caller(2);
    this.run(this.coordinator.deleteGroups(caller, ids, this.nowMs));
    return this.answer(caller.ticket, 'deleteGroups');
  }

  offsetDelete(input: RequestInputOf<typeof apis.offsetDelete>): Body<'offsetDelete'> | undefined {
    const caller = this.caller(0);
    this.run(this.coordinator.offsetDelete(caller, input as RequestOf<typeof apis.offsetDelete>, this.nowMs));
    return this.answer(caller.ticket, 'offsetDelete');
  }

  txnCommit(offset: number, producerId: number): () => number | undefined {
    const caller = this.caller(3);
    const request = {
      transactionalId: 'x',
      groupId: 'g',
      producerId,
      producerEpoch: 0,
      generationId: -1,
      memberId: '',
      groupInstanceId: null,
      topics: [
        {
          name: 't',
          partitions: [
            { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null },
          ],
        },
      ],
    };
    this.run(this.coordinator.txnOffsetCommit(caller, request, this.nowMs));
    return () => this.answer(caller.ticket, 'txnOffsetCommit')?.topics[0]?.partitions[0]?.errorCode;
  }

  /** Tickets that nobody has answered. */
  unanswered(): number[] {
    return Array.from({ length: this.nextTicket - 1 }, (_, index) => index + 1).filter(
      (each) => !this.answers.has(each),
    );
  }

  state(): string {
    return this.coordinator.describeGroup('g').groupState;
  }

  /** Two members, the first of them leader, in a stable group of generation 2. */
  stablePair(): { leader: string; follower: string; generation: number } {
    const first = this.joinWithId();
    this.sync(first.id, 1, { [first.id]: 'all' });
    const second = this.joinWithId();
    const again = this.join({ memberId: first.id });
    const generation = again()?.generationId as number;
    this.sync(first.id, generation, { [first.id]: 'one', [second.id]: 'two' });
    this.sync(second.id, generation);
    return { leader: first.id, follower: second.id, generation };
  }
}
