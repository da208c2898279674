/**
 * Simulated nodes and their kubelet: each container of a pod is a process of this machine with the pod's own loopback
 * address (or ports of 127.0.0.1, if the machine has no other: `AddressBook.served`). An ordinary client of the API
 * server, whichever that is: ours or a real one.
 *
 *     pods (watch) ─▶ pod worker ─▶ volumes ─▶ init containers ─▶ containers ─▶ probes ─▶ status (patch)
 *     Services, EndpointSlices (watch) ─▶ hosts file, TCP forwarders
 *
 * There is no isolation: processes see the machine's files and programs; mount paths are replaced by real folders where
 * they stand in arguments, environment and ConfigMaps. Images are not pulled: the project's own image is this checkout's
 * program, other containers need a command that the machine has. CPU limits, user ids and security contexts are not applied.
 *
 * Invariants: a container is one process group, recorded on disk from its start to its end; nothing of an earlier run
 * lives on beside a new one; a pod's address never changes; deleting a pod's record happens after its processes are gone.
 */
export type { LogOptions } from './container-log.ts';
export type { Kubelet, PodLogRequest, RunningContainer, StopOptions } from './kubelet-driver.ts';
export { startKubelet } from './kubelet-driver.ts';
export type { NodeIdentity, RegisteredNode } from './node-driver.ts';
export { registerNode, simulatedNodes } from './node-driver.ts';
export type { ProcessRegistry } from './process-registry.ts';
export { instanceVariable, openProcessRegistry, processStart, signalGroup } from './process-registry.ts';
export type { OwnProgram } from './program.ts';
export type { ServiceProxy } from './service-proxy-driver.ts';
export { startServiceProxy } from './service-proxy-driver.ts';
