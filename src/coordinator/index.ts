/**
 * Groups, committed offsets and (later) transactions, as pure state machines: a command and the time go in, effects come
 * out. The shell in `broker/` appends the records, says when they are committed, and answers the requests.
 *
 * One coordinator is one partition of `__consumer_offsets`. What must survive is in records of Apache's format, and
 * changes only when a record is committed or replayed; who is just joining, and the timers, live in memory only.
 *
 * Not here: sockets, logs, timers of the system, which partition a group belongs to (`coordinatorPartition`).
 */
export type { AppendId, CoordinatorRecord, Effect, Reply, Ticket } from './effects.ts';
export type {
  Caller,
  DescribedGroup,
  FetchedGroup,
  FetchedTopic,
  GroupCoordinator,
  ListedGroup,
  OffsetQuery,
} from './group-coordinator.ts';
export { defaultGroupSettings, type GroupSettings } from './settings.ts';
