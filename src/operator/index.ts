/**
 * The operator: makes clusters, ensembles and topics what their resources ask for, and says so.
 *
 * Not here: what a resource may say (`api/`), Kubernetes' protocol (`kube/`), anything of a broker but what its clients
 * see. The spec of a resource is never written.
 *
 *     watch ─▶ queue ─▶ controller: observe ─▶ accept ─▶ desired ─▶ plan ─▶ apply ─▶ status, events
 *                        everything    what is    pure     pure     the only   compared
 *                        read once     in effect                    writes     before written
 *
 * Invariants:
 * - Nothing is written when nothing has changed; a pass may end at any write, and the next one goes on from there.
 * - A refused field never stops what serves: the last accepted value stays in effect.
 * - Two pods of one resource are never restarted together, and none while another is down.
 * - A topic is deleted only for a resource that made it, carries the finalizer and is being deleted.
 * - Every wait and every refusal is a condition, an event and a log line with the same reason.
 */
export type { EngineImages } from './desired/engines/index.ts';
export { type Operator, type OperatorDeps, type OperatorOptions, startOperator } from './operator-driver.ts';
