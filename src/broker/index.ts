/**
 * The Kafka server.
 *
 * ```
 * socket/ ─▶ request/ (frame, version, body) ─▶ handlers/ (one per api) ─▶ replica/ (leader? epoch?) ─▶ log ─▶ answer
 * controller/  ZooKeeper mode: registration, election, and what the elected controller does
 * groups/      the shell around the pure group coordinators: their log, timers and answers
 * ```
 * Not here: bytes of messages (`protocol/`), files (`log/`), the rules of groups (`coordinator/`), who is where (`metadata/`).
 *
 * Invariants: answers leave in the order of a connection's requests; a frame that cannot be understood ends its connection
 * and nothing else; only what is served is advertised; every write of the controller is fenced by `/controller_epoch`.
 */
export { Broker, type BrokerPlatform } from './broker.ts';
