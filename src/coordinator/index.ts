/**
 * Groups, committed offsets and (later) transactions, as pure state machines: a command and the time go in, effects come
 * out. The shell in `broker/` appends the records, says when they are committed, and answers the requests.
 *
 * One coordinator is one partition of `__consumer_offsets`. What must survive is in records of Apache's format, and
 * changes only when a record is committed or replayed (deletions: when the tombstone is given out); who is just joining,
 * and the timers, live in memory only. A coordinator is mutable and has one owner.
 *
 * Not here: sockets, logs, timers of the system, which partition a group belongs to (`coordinatorPartition`).
 *
 * Invariants: every ticket is answered once; a SyncGroup is answered with an assignment only after that is stored; two
 * members of a generation never hear that they are its leader.
 */
export type { AppendId, CoordinatorRecord, Effect, Reply, Ticket } from './effects.ts';
export { createGroupCoordinator } from './groups/coordinator.ts';
export type {
  Caller,
  DescribedGroup,
  FetchedGroup,
  FetchedTopic,
  GroupCoordinator,
  ListedGroup,
  OffsetQuery,
} from './groups/group-coordinator.ts';
export { defaultGroupSettings, type GroupSettings } from './groups/settings.ts';
