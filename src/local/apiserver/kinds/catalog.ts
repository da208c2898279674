import { columnsOf } from '../tables/builtin-columns.ts';
import { builtinType } from './builtin-types.ts';
import { definitionRules } from './definitions.ts';
import { eventConversion, eventRules } from './events.ts';
import { podRules } from './pods.ts';
import { allVerbs, type Conversion, type KindRules, type Resource, type Subresource } from './resource.ts';
import { serviceRules } from './services.ts';
import {
  budgetRules,
  configMapRules,
  endpointSliceRules,
  endpointsRules,
  leaseRules,
  namespaceRules,
  nodeRules,
  secretRules,
} from './small-kinds.ts';
import { claimRules, storageClassRules, volumeRules } from './volumes.ts';
import { deploymentRules, replicaSetRules, statefulSetRules } from './workloads.ts';

type Entry = {
  readonly type: string;
  readonly plural: string;
  readonly short?: readonly string[];
  readonly all?: true;
  readonly cluster?: true;
  readonly status?: true;
  readonly scale?: true;
  readonly rules?: KindRules;
  readonly more?: readonly Subresource[];
  readonly bucket?: string;
  readonly conversion?: Conversion;
};

const groups: Record<string, string> = {
  core: '',
  coordination: 'coordination.k8s.io',
  discovery: 'discovery.k8s.io',
  events: 'events.k8s.io',
  storage: 'storage.k8s.io',
  apiextensions: 'apiextensions.k8s.io',
  rbac: 'rbac.authorization.k8s.io',
  scheduling: 'scheduling.k8s.io',
};

const podSubresources: readonly Subresource[] = [
  { name: 'binding', kind: 'Binding', verbs: ['create'] },
  { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
  { name: 'log', kind: 'Pod', verbs: ['get'] },
];

/** The built-in kinds that are served, in the order in which discovery lists them. */
const entries: readonly Entry[] = [
  { type: 'core.v1.ConfigMap', plural: 'configmaps', short: ['cm'], rules: configMapRules },
  { type: 'core.v1.Endpoints', plural: 'endpoints', short: ['ep'], rules: endpointsRules },
  { type: 'core.v1.Event', plural: 'events', short: ['ev'], rules: eventRules },
  {
    type: 'core.v1.Namespace',
    plural: 'namespaces',
    short: ['ns'],
    cluster: true,
    status: true,
    rules: namespaceRules,
    more: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
  },
  { type: 'core.v1.Node', plural: 'nodes', short: ['no'], cluster: true, status: true, rules: nodeRules },
  {
    type: 'core.v1.PersistentVolumeClaim',
    plural: 'persistentvolumeclaims',
    short: ['pvc'],
    status: true,
    rules: claimRules,
  },
  {
    type: 'core.v1.PersistentVolume',
    plural: 'persistentvolumes',
    short: ['pv'],
    cluster: true,
    status: true,
    rules: volumeRules,
  },
  {
    type: 'core.v1.Pod',
    plural: 'pods',
    short: ['po'],
    all: true,
    status: true,
    rules: podRules,
    more: podSubresources,
  },
  { type: 'core.v1.Secret', plural: 'secrets', rules: secretRules },
  { type: 'core.v1.ServiceAccount', plural: 'serviceaccounts', short: ['sa'] },
  { type: 'core.v1.Service', plural: 'services', short: ['svc'], all: true, status: true, rules: serviceRules },
  { type: 'apps.v1.ControllerRevision', plural: 'controllerrevisions' },
  {
    type: 'apps.v1.Deployment',
    plural: 'deployments',
    short: ['deploy'],
    all: true,
    status: true,
    scale: true,
    rules: deploymentRules,
  },
  {
    type: 'apps.v1.ReplicaSet',
    plural: 'replicasets',
    short: ['rs'],
    all: true,
    status: true,
    scale: true,
    rules: replicaSetRules,
  },
  {
    type: 'apps.v1.StatefulSet',
    plural: 'statefulsets',
    short: ['sts'],
    all: true,
    status: true,
    scale: true,
    rules: statefulSetRules,
  },
  {
    type: 'events.v1.Event',
    plural: 'events',
    short: ['ev'],
    bucket: 'events',
    rules: eventRules,
    conversion: eventConversion,
  },
  {
    type: 'policy.v1.PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    short: ['pdb'],
    status: true,
    rules: budgetRules,
  },
  { type: 'coordination.v1.Lease', plural: 'leases', rules: leaseRules },
  { type: 'discovery.v1.EndpointSlice', plural: 'endpointslices', rules: endpointSliceRules },
  {
    type: 'storage.v1.StorageClass',
    plural: 'storageclasses',
    short: ['sc'],
    cluster: true,
    rules: storageClassRules,
  },
  { type: 'scheduling.v1.PriorityClass', plural: 'priorityclasses', short: ['pc'], cluster: true },
  { type: 'rbac.v1.ClusterRoleBinding', plural: 'clusterrolebindings', cluster: true },
  { type: 'rbac.v1.ClusterRole', plural: 'clusterroles', cluster: true },
  { type: 'rbac.v1.RoleBinding', plural: 'rolebindings' },
  { type: 'rbac.v1.Role', plural: 'roles' },
  {
    type: 'apiextensions.v1.CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    short: ['crd', 'crds'],
    cluster: true,
    status: true,
    rules: definitionRules,
  },
];

const replicasScale = {
  specReplicas: ['spec', 'replicas'],
  statusReplicas: ['status', 'replicas'],
  selector: ['spec', 'selector'],
};

const eventFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** What a field selector may name, besides metadata.name and metadata.namespace. */
const selectableFields: Record<string, readonly string[]> = {
  'core.v1.Pod': [
    ...['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork'],
    ...['status.phase', 'status.podIP', 'status.nominatedNodeName'],
  ],
  'core.v1.Event': [
    ...eventFields.map((name) => `involvedObject.${name}`),
    ...['reason', 'reportingComponent', 'source.component', 'type'],
  ],
  'events.v1.Event': [...eventFields.map((name) => `regarding.${name}`), 'reason', 'reportingController', 'type'],
  'core.v1.Node': ['spec.unschedulable'],
  'core.v1.Namespace': ['status.phase'],
  'core.v1.Secret': ['type'],
  'core.v1.Service': ['spec.clusterIP', 'spec.type'],
  'apps.v1.ReplicaSet': ['status.replicas'],
};

export function builtinResources(): Resource[] {
  return entries.map((entry) => {
    const [groupWord = '', version = '', kind = ''] = entry.type.split('.');
    const group = groups[groupWord] ?? groupWord;
    const conversion = entry.conversion === undefined ? {} : { conversion: entry.conversion };
    return {
      group,
      version,
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
      listKind: `${kind}List`,
      plural: entry.plural,
      singular: kind.toLowerCase(),
      shortNames: entry.short ?? [],
      categories: entry.all === true ? ['all'] : entry.plural === 'customresourcedefinitions' ? ['api-extensions'] : [],
      namespaced: entry.cluster !== true,
      bucket: entry.bucket ?? (group === '' ? entry.plural : `${entry.plural}.${group}`),
      structure: builtinType(entry.type),
      typeName: entry.type,
      hasStatus: entry.status === true,
      ...(entry.scale === true ? { scale: replicasScale } : {}),
      subresources: entry.more ?? [],
      verbs: kind === 'Namespace' ? allVerbs.filter((verb) => verb !== 'deletecollection') : allVerbs,
      rules: entry.rules ?? {},
      columns: columnsOf(entry.type),
      selectable: (selectableFields[entry.type] ?? []).map((path) => path.split('.')),
      ...conversion,
    };
  });
}
