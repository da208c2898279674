import type {
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
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
} from './object.ts';

/** How a type of object is addressed. The type parameter is what reading it yields. */
export interface ResourceType<Kind extends KubeObject = KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  /** The resource's name in paths, in lower case. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Exists in types only: carries `Kind`. */
  readonly example?: Kind;
}

/** Describes a type of object, e.g. one of our own custom resources. */
export function resourceType<Kind extends KubeObject>(type: ResourceType<Kind>): ResourceType<Kind> {
  return type;
}

const core = <Kind extends KubeObject>(kind: string, plural: string, namespaced = true) =>
  resourceType<Kind>({ apiVersion: 'v1', kind, plural, namespaced });

export const configMaps = core<ConfigMap>('ConfigMap', 'configmaps');
export const coreEvents = core<CoreEvent>('Event', 'events');
export const endpoints = core<Endpoints>('Endpoints', 'endpoints');
export const namespaces = core<Namespace>('Namespace', 'namespaces', false);
export const nodes = core<Node>('Node', 'nodes', false);
export const persistentVolumeClaims = core<PersistentVolumeClaim>('PersistentVolumeClaim', 'persistentvolumeclaims');
export const persistentVolumes = core<PersistentVolume>('PersistentVolume', 'persistentvolumes', false);
export const pods = core<Pod>('Pod', 'pods');
export const secrets = core<Secret>('Secret', 'secrets');
export const serviceAccounts = core<ServiceAccount>('ServiceAccount', 'serviceaccounts');
export const services = core<Service>('Service', 'services');
export const controllerRevisions = resourceType<ControllerRevision>({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
});
export const statefulSets = resourceType<StatefulSet>({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  namespaced: true,
});
export const endpointSlices = resourceType<EndpointSlice>({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
});
export const events = resourceType<KubeEvent>({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
});
export const leases = resourceType<Lease>({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
});
export const podDisruptionBudgets = resourceType<PodDisruptionBudget>({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
});
export const storageClasses = resourceType<StorageClass>({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
});
export const customResourceDefinitions = resourceType<CustomResourceDefinition>({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
});

/** The path of the collection; without a namespace, of all namespaces. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.apiVersion.includes('/') ? `/apis/${type.apiVersion}` : `/api/${type.apiVersion}`;
  const middle = type.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${middle}/${type.plural}`;
}

/** The path of one object, or of its subresource (`status`, `eviction`, ...). */
export function objectPath(type: ResourceType, key: ObjectKey, subresource?: string): string {
  const path = `${collectionPath(type, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
