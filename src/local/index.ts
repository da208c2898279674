/**
 * Kubernetes in one process, for development and tests: an API server, the controllers that the operator counts on, and
 * simulated nodes whose pods are processes with loopback addresses. The operator, kubectl and Kafka clients use it as
 * they use any cluster; the nodes can also join a real API server.
 *
 *     claimNetwork, lockInstance ─▶ startApiServer ─▶ startLocalNodes (controllers, nodes, kubelet, names, forwarders)
 *     readManifest ─▶ applyObjects ─▶ waitUntilReady;   startSupervised keeps the operator's process alive
 *
 * What is in `apiserver/`, `controllers/` and `kubelet/` talks to each other only through the API, as in a cluster.
 * Invariants: one instance a data folder; what an instance started ends with it, or with the next start on its folder;
 * everything that has to survive is in the data folder.
 */
export type { ApiServer, ApiServerProblem } from './apiserver/index.ts';
export { startApiServer } from './apiserver/index.ts';
export { lockInstance } from './instance-lock.ts';
export type { Kubelet, OwnProgram, PodLogRequest, RunningContainer } from './kubelet/index.ts';
export { instanceVariable, openProcessRegistry, signalGroup } from './kubelet/index.ts';
export type { LocalNodes, LocalNodesOptions } from './local-nodes.ts';
export { startLocalNodes } from './local-nodes.ts';
export type { LoopbackNetwork } from './loopback-network.ts';
export { claimNetwork } from './loopback-network.ts';
export type { AppliedObject } from './manifests.ts';
export { applyObjects, installDefinitions, readManifest } from './manifests.ts';
export type { Progress } from './readiness.ts';
export { waitReason, waitUntilReady } from './readiness.ts';
export type { SupervisedProcess } from './supervised-process.ts';
export { startSupervised } from './supervised-process.ts';
