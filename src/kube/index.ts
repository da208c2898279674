/**
 * Kubernetes over HTTP: requests, list-watch, work queue, election, events. It knows no Kafka and no custom resource of
 * ours; a type of object is a `ResourceType` value, and reading yields typed objects.
 *
 *     loadClusterAccess ─▶ createKubeClient ─▶ createInformer ─(key)─▶ createWorkQueue ─▶ your pass: (key) => Next
 *
 * Invariants:
 * - Outcomes are values (`Result<.., KubeProblem>`); nothing here throws for what a server or a network does.
 * - A request is retried only where sending it twice does no harm, a bounded number of times.
 * - An informer's store only moves forward, silence is never taken for "nothing changed", and handlers get keys: what
 *   to do is decided from the store (or a live read) when the key's turn comes, not from the event.
 * - The Kubernetes client library is used for its types only; it is loaded at run time for credential plugins alone.
 */
export type {
  Answer,
  Applied,
  ApplyOptions,
  DeleteOptions,
  KubeClient,
  KubeClientDeps,
  ObjectList,
  WriteOptions,
} from './client.ts';
export { createKubeClient } from './client.ts';
export { findResourceType } from './discovery.ts';
export type { EventInput, EventRecorder, EventSubject } from './event-recorder.ts';
export { createEventRecorder } from './event-recorder.ts';
export type { ClusterAccess } from './kubeconfig.ts';
export { loadClusterAccess, parseKubeconfig } from './kubeconfig.ts';
export type { LeaderElection, LeaderElectionOptions } from './leader-election.ts';
export { startLeaderElection } from './leader-election.ts';
export type { Informer, InformerDeps, InformerOptions } from './list-watch-driver.ts';
export { createInformer } from './list-watch-driver.ts';
export type {
  ConfigMap,
  ControllerRevision,
  CoreEvent,
  CustomResourceDefinition,
  EndpointSlice,
  Endpoints,
  KubeEvent,
  KubeObject,
  Lease,
  Namespace,
  Node,
  ObjectKey,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  Plain,
  Pod,
  PodDisruptionBudget,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
} from './object.ts';
export { keyOf, keyText, microTimeText, parseKey, timeText } from './object.ts';
export type { IndexFunction, ObjectStore, StoreChange } from './object-store.ts';
export type { KubeProblem, KubeProblemKind } from './problem.ts';
export { retriable } from './problem.ts';
export type { ResourceType } from './resource-type.ts';
export {
  configMaps,
  controllerRevisions,
  coreEvents,
  customResourceDefinitions,
  endpointSlices,
  endpoints,
  events,
  leases,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  resourceType,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
  storageClasses,
} from './resource-type.ts';
export type { Selection } from './selection.ts';
export type { WatchEnd, WatchEvent, WatchHandle, WatchOptions } from './watch-stream.ts';
export type { Next, WorkQueue, WorkQueueOptions } from './work-queue.ts';
export { createWorkQueue, done, requeueAfterMs, retryBecause } from './work-queue.ts';
