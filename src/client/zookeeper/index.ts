/**
 * A ZooKeeper client: one session over as many connections as it takes, to whichever server answers. It keeps the
 * session alive with pings, takes it (its id, password and last zxid) to another server when one fails, sets its
 * watches again there, and answers every outcome as a value.
 *
 * Not here: retrying a request (only a caller knows whether it may be repeated: see `isRetriable`) and a new session
 * after `expired`, which starts with a new client.
 *
 * Flow: ZooKeeperClient (paths, typed answers) -> Session (order, reconnects, watches) -> Connection (one socket).
 * Invariants: requests are answered in the order of their calls; a watch is registered before the next frame is read,
 * so no event is missed; what waits is bounded by `pendingMax`.
 */
export type { CreateOptions, MultiProblem, ZooKeeperOptions } from './client.ts';
export { ZooKeeperClient } from './client.ts';
export type { ZooKeeperProblem } from './problem.ts';
export { isRetriable } from './problem.ts';
export type { AuthInfo, ClientDeps, SessionEvent, SessionState } from './session.ts';
export type { WatchEvent, Watcher } from './watch-registry.ts';
