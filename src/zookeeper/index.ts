/**
 * A server of ZooKeeper's client protocol with Apache ZooKeeper 3.9's semantics, alone or in an ensemble.
 *
 * `socket/` takes bytes and keeps each client's order; `request/` decides (command -> transaction), reads and answers;
 * `session/` knows who lives; `tree/` holds the nodes and the watches; `disk/` has Apache's formats of log and
 * snapshot; `admin/` tells operators. `server.ts` joins them, and where the order of transactions comes from is an
 * `Orderer`: `standalone.ts`, its own log, or `ensemble/`, the log that `agreement/` keeps with the other
 * servers through `quorum/`.
 *
 * Flow of a write: connection -> command -> decide (against the tree and what is decided but not applied) ->
 * transaction -> log -> commit -> tree, watch events -> answer. A read goes from the connection to the tree and back,
 * after the same client's earlier writes.
 *
 * Invariants: a transaction is applied only when it can be lost no more; the tree changes in zxid order only; a client
 * sees a watch's event before anything newer on the same connection.
 */
export { serveAdmin } from './admin/admin-server.ts';
export { answerWord } from './admin/four-letter-words.ts';
export { metricsOf } from './admin/metrics.ts';
export { readTree, writeTree } from './backup/backup.ts';
export type { SavedNode } from './backup/backup-file.ts';
export { parseBackup, renderBackup } from './backup/backup-file.ts';
export type { EnsembleOptions } from './ensemble/ensemble.ts';
export { startEnsemble } from './ensemble/ensemble.ts';
export type { Orderer, ServerDeps, ServerMode } from './server.ts';
export { Server } from './server.ts';
export type { ServerSettings } from './server-settings.ts';
export { serverSettings } from './server-settings.ts';
export type { RunningServer } from './standalone.ts';
export { startStandalone } from './standalone.ts';
