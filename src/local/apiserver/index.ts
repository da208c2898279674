/**
 * The API server of the local Kubernetes: enough of kube-apiserver for kubectl, client libraries and operators to
 * work unmodified, in one process and one folder on disk. No kubelet, no scheduler and no workload controllers live
 * here; only what keeps the store itself in order does (garbage collection, namespaces, definitions, expiry of
 * events). It has one user, the administrator of its kubeconfig: no RBAC, no service account tokens.
 *
 * How a request flows: `http/serve.ts` (TLS, routes, refusals become Status answers) -> `verbs/` (what the verb
 * does) -> `schema/`, `patch/`, `apply/`, `kinds/` (pure: from what was sent to what is stored) -> `store/` (memory,
 * journal, watch) -> `http/answer.ts` (object, table or metadata). A built-in kind is a row in `kinds/catalog.ts`
 * plus its rules; a custom kind is made from its stored definition by `kinds/custom.ts`; both are a `Resource`.
 *
 * Invariants:
 * - a write decides and stores without awaiting, so nothing changes between its first and last line;
 * - nothing leaves the process before it is durable on disk: neither an answer nor a watch event;
 * - stored objects are never changed in place;
 * - the revision only grows, over restarts too.
 */
export type { ApiServer, ApiServerOptions, ApiServerProblem } from './server.ts';
export { startApiServer } from './server.ts';
export type { PodLogRequest, PodLogs } from './verbs/subresources.ts';
