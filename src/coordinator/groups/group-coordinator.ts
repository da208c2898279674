import type { apis, RequestOf, ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { AppendId, Effect, Ticket } from '../effects.ts';

type Request<Name extends keyof typeof apis> = RequestOf<(typeof apis)[Name]>;
type Response<Name extends keyof typeof apis> = ResponseInputOf<(typeof apis)[Name]>;
type Element<List> = List extends readonly (infer Each)[] ? Each : never;

/** Who asks: JoinGroup's rules depend on the version, and members carry the client's id and address. */
export type Caller = {
  readonly ticket: Ticket;
  readonly apiVersion: number;
  readonly clientId: string;
  /** Address with a leading slash, as Java prints it: `/10.0.0.5`. */
  readonly clientHost: string;
};

export type ListedGroup = Element<Response<'listGroups'>['groups']>;
export type DescribedGroup = Element<Response<'describeGroups'>['groups']>;
export type FetchedGroup = Element<NonNullable<Response<'offsetFetch'>['groups']>>;
export type FetchedTopic = Element<FetchedGroup['topics']>;

/** Offsets to look up; null topics: all that the group has committed. */
export type OffsetQuery = {
  readonly groupId: string;
  readonly topics: readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null;
  readonly requireStable: boolean;
};

/**
 * The groups of one partition of `__consumer_offsets`. Made when this broker becomes the partition's leader, thrown away
 * when it stops being that.
 *
 * Loading: `replay` for each record from the start of the log, then `loaded`. Until then the shell answers
 * COORDINATOR_LOAD_IN_PROGRESS itself. Unloading: `unload` answers all who wait with NOT_COORDINATOR.
 */
export interface GroupCoordinator {
  /** One record of the log, in order; `producerId` when its batch was transactional. Unknown keys are ignored. */
  replay(record: { readonly key: Buffer | null; readonly value: Buffer | null }, producerId?: number): void;
  /** The marker that ends a producer's transaction in this partition: when replayed, and when newly written. */
  replayMarker(producerId: number, outcome: 'commit' | 'abort'): void;
  loaded(nowMs: number): readonly Effect[];
  unload(): readonly Effect[];

  joinGroup(caller: Caller, request: Request<'joinGroup'>, nowMs: number): readonly Effect[];
  syncGroup(caller: Caller, request: Request<'syncGroup'>, nowMs: number): readonly Effect[];
  heartbeat(caller: Caller, request: Request<'heartbeat'>, nowMs: number): readonly Effect[];
  leaveGroup(caller: Caller, request: Request<'leaveGroup'>, nowMs: number): readonly Effect[];
  offsetCommit(caller: Caller, request: Request<'offsetCommit'>, nowMs: number): readonly Effect[];
  txnOffsetCommit(caller: Caller, request: Request<'txnOffsetCommit'>, nowMs: number): readonly Effect[];
  offsetDelete(caller: Caller, request: Request<'offsetDelete'>, nowMs: number): readonly Effect[];
  /** Only those of the request's groups that belong here; the shell merges the answers of several partitions. */
  deleteGroups(caller: Caller, groupIds: readonly string[], nowMs: number): readonly Effect[];
  /** Committed offsets of a topic that was deleted are dropped. */
  topicDeleted(topic: string, nowMs: number): readonly Effect[];

  /** Reads answer at once. */
  offsetFetch(query: OffsetQuery): FetchedGroup;
  describeGroup(groupId: string): DescribedGroup;
  listGroups(): readonly ListedGroup[];

  committed(id: AppendId, nowMs: number): readonly Effect[];
  notCommitted(id: AppendId, errorCode: number, nowMs: number): readonly Effect[];

  /** When `tick` has something to do next; undefined: not before another command. */
  readonly nextTickMs: number | undefined;
  /** Session and rebalance time-outs, expiry of offsets. */
  tick(nowMs: number): readonly Effect[];
}
