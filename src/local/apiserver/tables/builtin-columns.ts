import type { Column } from '../kinds/resource.ts';
import { fieldAt, isObject, type JsonObject, type KubeObject } from '../object.ts';
import { age } from './age.ts';

type Cell = Column['cell'];

const at =
  (...path: string[]) =>
  (object: KubeObject): unknown =>
    fieldAt(object, path);
const text =
  (of: (object: KubeObject) => unknown, absent = ''): Cell =>
  (object) => {
    const value = of(object);
    return value === undefined || value === null || value === '' ? absent : String(value);
  };
const count =
  (...path: string[]): Cell =>
  (object) =>
    Number(fieldAt(object, path) ?? 0);
const sizeOf =
  (...paths: string[][]): Cell =>
  (object) =>
    paths.reduce((sum, path) => sum + Object.keys((fieldAt(object, path) ?? {}) as object).length, 0);

const column = (name: string, cell: Cell, more: Partial<Column> = {}): Column => ({
  name,
  type: 'string',
  cell,
  ...more,
});
const wide = (name: string, cell: Cell): Column => column(name, cell, { priority: 1 });
const integer = (name: string, cell: Cell): Column => column(name, cell, { type: 'integer' });

export const nameColumn: Column = column('Name', (object) => object.metadata.name ?? '', { format: 'name' });
export const ageColumn: Column = column('Age', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs));

const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const joined = (values: readonly unknown[], absent: string): string =>
  values.length === 0 ? absent : values.join(',');

/** Labels or a selector as `a=b,c=d`. */
function labelsText(labels: unknown, absent = '<none>'): string {
  if (!isObject(labels)) return absent;
  return joined(
    Object.keys(labels)
      .sort()
      .map((key) => `${key}=${labels[key]}`),
    absent,
  );
}

function selectorText(selector: unknown): string {
  if (!isObject(selector)) return '<none>';
  const words = Object.entries((selector.matchLabels ?? {}) as JsonObject).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values } of list(selector.matchExpressions)) {
    const set = `(${(Array.isArray(values) ? values : []).join(',')})`;
    if (operator === 'In') words.push(`${key} in ${set}`);
    else if (operator === 'NotIn') words.push(`${key} notin ${set}`);
    else words.push(operator === 'Exists' ? String(key) : `!${key}`);
  }
  return joined(words, '<none>');
}

/** The state of a pod in one word, as people know it from `kubectl get pods`. */
function podStatus(pod: KubeObject): string {
  const status = (pod.status ?? {}) as JsonObject;
  let reason = String(status.reason ?? status.phase ?? 'Unknown');
  const initTotal = list(fieldAt(pod, ['spec', 'initContainers'])).length;
  let initializing = false;
  for (const [index, container] of list(status.initContainerStatuses).entries()) {
    const terminated = fieldAt(container, ['state', 'terminated']) as JsonObject | undefined;
    if (terminated?.exitCode === 0) continue;
    const waiting = fieldAt(container, ['state', 'waiting', 'reason']);
    if (terminated !== undefined) reason = `Init:${terminated.reason ?? `ExitCode:${terminated.exitCode}`}`;
    else if (waiting !== undefined && waiting !== 'PodInitializing') reason = `Init:${waiting}`;
    else reason = `Init:${index}/${initTotal}`;
    initializing = true;
    break;
  }
  if (!initializing) {
    let running = false;
    for (const container of list(status.containerStatuses).reverse()) {
      const waiting = fieldAt(container, ['state', 'waiting', 'reason']);
      const terminated = fieldAt(container, ['state', 'terminated']) as JsonObject | undefined;
      if (waiting !== undefined && waiting !== '') reason = String(waiting);
      else if (terminated !== undefined) {
        reason = String(
          terminated.reason ??
            (Number(terminated.signal ?? 0) !== 0 ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`),
        );
      } else if (container.ready === true && fieldAt(container, ['state', 'running']) !== undefined) running = true;
    }
    if (reason === 'Completed' && running) {
      const ready = list(status.conditions).some((item) => item.type === 'Ready' && item.status === 'True');
      reason = ready ? 'Running' : 'NotReady';
    }
  }
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  return status.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
}

const containerStatuses = (pod: KubeObject): JsonObject[] => list(fieldAt(pod, ['status', 'containerStatuses']));

function restarts(pod: KubeObject, nowMs: number): string {
  const statuses = containerStatuses(pod);
  const total = statuses.reduce((sum, status) => sum + Number(status.restartCount ?? 0), 0);
  const finished = statuses
    .map((status) => fieldAt(status, ['lastState', 'terminated', 'finishedAt']))
    .filter((value) => typeof value === 'string')
    .sort()
    .at(-1);
  return total === 0 || finished === undefined ? String(total) : `${total} (${age(finished, nowMs)} ago)`;
}

const podColumns: Column[] = [
  nameColumn,
  column('Ready', (pod) => {
    const total = list(fieldAt(pod, ['spec', 'containers'])).length;
    return `${containerStatuses(pod).filter((status) => status.ready === true).length}/${total}`;
  }),
  column('Status', podStatus),
  column('Restarts', restarts),
  ageColumn,
  wide('IP', text(at('status', 'podIP'), '<none>')),
  wide('Node', text(at('spec', 'nodeName'), '<none>')),
  wide('Nominated Node', text(at('status', 'nominatedNodeName'), '<none>')),
  wide('Readiness Gates', (pod) => {
    const gates = list(fieldAt(pod, ['spec', 'readinessGates']));
    if (gates.length === 0) return '<none>';
    const conditions = list(fieldAt(pod, ['status', 'conditions']));
    const met = gates.filter((gate) =>
      conditions.some((item) => item.type === gate.conditionType && item.status === 'True'),
    );
    return `${met.length}/${gates.length}`;
  }),
];

function externalAddress(service: KubeObject): string {
  const spec = (service.spec ?? {}) as JsonObject;
  const given = Array.isArray(spec.externalIPs) ? spec.externalIPs : [];
  if (spec.type === 'ExternalName') return String(spec.externalName ?? '');
  if (spec.type !== 'LoadBalancer') return joined(given, '<none>');
  const ingress = list(fieldAt(service, ['status', 'loadBalancer', 'ingress'])).map((item) => item.ip ?? item.hostname);
  return joined([...ingress, ...given], '<pending>');
}

const containersOf = (object: KubeObject): JsonObject[] =>
  list(fieldAt(object, ['spec', 'template', 'spec', 'containers']));
const containerColumns: Column[] = [
  wide('Containers', (object) =>
    joined(
      containersOf(object).map((container) => container.name),
      '',
    ),
  ),
  wide('Images', (object) =>
    joined(
      containersOf(object).map((container) => container.image),
      '',
    ),
  ),
];
const selectorColumn = wide('Selector', (object) => selectorText(fieldAt(object, ['spec', 'selector'])));

const modes: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const modesText = (value: unknown): string =>
  Array.isArray(value) ? value.map((mode) => modes[String(mode)] ?? mode).join(',') : '';

const nodeAddress = (type: string) => (node: KubeObject) =>
  list(fieldAt(node, ['status', 'addresses'])).find((address) => address.type === type)?.address;
const rolePrefix = 'node-role.kubernetes.io/';

function eventLastSeen(event: KubeObject, nowMs: number): string {
  const series = fieldAt(event, ['series', 'lastObservedTime']);
  return age(series ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp, nowMs);
}
const eventObject = (event: KubeObject): string => {
  const { kind, name } = (event.involvedObject ?? event.regarding ?? {}) as JsonObject;
  return `${String(kind ?? '').toLowerCase()}/${name ?? ''}`;
};
const eventSource = (event: KubeObject): string => {
  const { component, host } = (event.source ?? event.deprecatedSource ?? {}) as JsonObject;
  const name = component ?? event.reportingComponent ?? event.reportingController ?? '';
  return host === undefined || host === '' ? String(name) : `${name}, ${host}`;
};

const eventColumns: Column[] = [
  column('Last Seen', eventLastSeen),
  column('Type', text(at('type'))),
  column('Reason', text(at('reason'))),
  column('Object', eventObject),
  wide(
    'Subobject',
    text((event) => fieldAt(event.involvedObject ?? event.regarding, ['fieldPath'])),
  ),
  wide('Source', eventSource),
  column(
    'Message',
    text((event) => String(event.message ?? event.note ?? '').trim()),
  ),
  wide('First Seen', (event, nowMs) =>
    age(
      event.firstTimestamp ?? event.deprecatedFirstTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp,
      nowMs,
    ),
  ),
  wide('Count', (event) =>
    String(fieldAt(event, ['series', 'count']) ?? (Number(event.count ?? event.deprecatedCount ?? 0) || 1)),
  ),
  { ...wide('Name', (event) => event.metadata.name ?? ''), format: 'name' },
];

function endpointsText(endpoints: KubeObject): string {
  const found: string[] = [];
  for (const subset of list(endpoints.subsets)) {
    const addresses = list(subset.addresses).map((address) => String(address.ip));
    const ports = list(subset.ports);
    if (ports.length === 0) found.push(...addresses);
    for (const port of ports) found.push(...addresses.map((address) => `${address}:${port.port}`));
  }
  const shownCount = 3;
  if (found.length > shownCount)
    return `${found.slice(0, shownCount).join(',')} + ${found.length - shownCount} more...`;
  return joined(found, '<none>');
}

const tables: Record<string, Column[]> = {
  'core.v1.ConfigMap': [nameColumn, integer('Data', sizeOf(['data'], ['binaryData'])), ageColumn],
  'core.v1.Secret': [nameColumn, column('Type', text(at('type'))), integer('Data', sizeOf(['data'])), ageColumn],
  'core.v1.Endpoints': [nameColumn, column('Endpoints', endpointsText), ageColumn],
  'core.v1.Event': eventColumns,
  'events.v1.Event': eventColumns,
  'core.v1.Namespace': [nameColumn, column('Status', text(at('status', 'phase'))), ageColumn],
  'core.v1.Node': [
    nameColumn,
    column('Status', (node) => {
      const ready = list(fieldAt(node, ['status', 'conditions'])).find((item) => item.type === 'Ready');
      const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
      if (fieldAt(node, ['spec', 'unschedulable']) === true) words.push('SchedulingDisabled');
      return words.join(',');
    }),
    column('Roles', (node) =>
      joined(
        Object.keys(node.metadata.labels ?? {})
          .filter((label) => label.startsWith(rolePrefix))
          .map((label) => label.slice(rolePrefix.length))
          .sort(),
        '<none>',
      ),
    ),
    ageColumn,
    column('Version', text(at('status', 'nodeInfo', 'kubeletVersion'))),
    wide('Internal-IP', text(nodeAddress('InternalIP'), '<none>')),
    wide('External-IP', text(nodeAddress('ExternalIP'), '<none>')),
    wide('OS-Image', text(at('status', 'nodeInfo', 'osImage'), '<unknown>')),
    wide('Kernel-Version', text(at('status', 'nodeInfo', 'kernelVersion'), '<unknown>')),
    wide('Container-Runtime', text(at('status', 'nodeInfo', 'containerRuntimeVersion'), '<unknown>')),
  ],
  'core.v1.PersistentVolumeClaim': [
    nameColumn,
    column('Status', (claim) =>
      claim.metadata.deletionTimestamp === undefined
        ? String(fieldAt(claim, ['status', 'phase']) ?? '')
        : 'Terminating',
    ),
    column('Volume', text(at('spec', 'volumeName'))),
    column('Capacity', text(at('status', 'capacity', 'storage'))),
    column('Access Modes', (claim) => modesText(fieldAt(claim, ['status', 'accessModes']))),
    column('StorageClass', text(at('spec', 'storageClassName'))),
    column('VolumeAttributesClass', text(at('spec', 'volumeAttributesClassName'), '<unset>')),
    ageColumn,
    wide('VolumeMode', text(at('spec', 'volumeMode'), '<unset>')),
  ],
  'core.v1.PersistentVolume': [
    nameColumn,
    column('Capacity', text(at('spec', 'capacity', 'storage'))),
    column('Access Modes', (volume) => modesText(fieldAt(volume, ['spec', 'accessModes']))),
    column('Reclaim Policy', text(at('spec', 'persistentVolumeReclaimPolicy'))),
    column('Status', (volume) =>
      volume.metadata.deletionTimestamp === undefined
        ? String(fieldAt(volume, ['status', 'phase']) ?? '')
        : 'Terminating',
    ),
    column('Claim', (volume) => {
      const claim = fieldAt(volume, ['spec', 'claimRef']) as JsonObject | undefined;
      return claim === undefined ? '' : `${claim.namespace}/${claim.name}`;
    }),
    column('StorageClass', text(at('spec', 'storageClassName'))),
    column('VolumeAttributesClass', text(at('spec', 'volumeAttributesClassName'), '<unset>')),
    column('Reason', text(at('status', 'reason'))),
    ageColumn,
    wide('VolumeMode', text(at('spec', 'volumeMode'), '<unset>')),
  ],
  'core.v1.Pod': podColumns,
  'core.v1.ServiceAccount': [nameColumn, integer('Secrets', sizeOf(['secrets'])), ageColumn],
  'core.v1.Service': [
    nameColumn,
    column('Type', text(at('spec', 'type'))),
    column('Cluster-IP', text(at('spec', 'clusterIP'), '<none>')),
    column('External-IP', externalAddress),
    column('Port(s)', (service) =>
      joined(
        list(fieldAt(service, ['spec', 'ports'])).map((port) => {
          const node = Number(port.nodePort ?? 0) === 0 ? '' : `:${port.nodePort}`;
          return `${port.port}${node}/${port.protocol}`;
        }),
        '<none>',
      ),
    ),
    ageColumn,
    wide('Selector', (service) => labelsText(fieldAt(service, ['spec', 'selector']))),
  ],
  'apps.v1.ControllerRevision': [
    nameColumn,
    column('Controller', (revision) => {
      const owner = revision.metadata.ownerReferences?.find((reference) => reference.controller === true);
      if (owner === undefined) return '<none>';
      const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
      return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
    }),
    integer('Revision', count('revision')),
    ageColumn,
  ],
  'apps.v1.Deployment': [
    nameColumn,
    column(
      'Ready',
      (object) => `${count('status', 'readyReplicas')(object, 0)}/${count('spec', 'replicas')(object, 0)}`,
    ),
    integer('Up-to-date', count('status', 'updatedReplicas')),
    integer('Available', count('status', 'availableReplicas')),
    ageColumn,
    ...containerColumns,
    selectorColumn,
  ],
  'apps.v1.ReplicaSet': [
    nameColumn,
    integer('Desired', count('spec', 'replicas')),
    integer('Current', count('status', 'replicas')),
    integer('Ready', count('status', 'readyReplicas')),
    ageColumn,
    ...containerColumns,
    selectorColumn,
  ],
  'apps.v1.StatefulSet': [
    nameColumn,
    column(
      'Ready',
      (object) => `${count('status', 'readyReplicas')(object, 0)}/${count('spec', 'replicas')(object, 0)}`,
    ),
    ageColumn,
    ...containerColumns,
  ],
  'policy.v1.PodDisruptionBudget': [
    nameColumn,
    column('Min Available', text(at('spec', 'minAvailable'), 'N/A')),
    column('Max Unavailable', text(at('spec', 'maxUnavailable'), 'N/A')),
    integer('Allowed Disruptions', count('status', 'disruptionsAllowed')),
    ageColumn,
  ],
  'coordination.v1.Lease': [nameColumn, column('Holder', text(at('spec', 'holderIdentity'))), ageColumn],
  'discovery.v1.EndpointSlice': [
    nameColumn,
    column('AddressType', text(at('addressType'))),
    column('Ports', (slice) =>
      joined(
        list(slice.ports).map((port) => port.port ?? '*'),
        '<unset>',
      ),
    ),
    column('Endpoints', (slice) =>
      joined(
        list(slice.endpoints).flatMap((endpoint) => (Array.isArray(endpoint.addresses) ? endpoint.addresses : [])),
        '<unset>',
      ),
    ),
    ageColumn,
  ],
  'storage.v1.StorageClass': [
    {
      ...nameColumn,
      cell: ({ metadata }) =>
        metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true'
          ? `${metadata.name} (default)`
          : (metadata.name ?? ''),
    },
    column('Provisioner', text(at('provisioner'))),
    column('ReclaimPolicy', text(at('reclaimPolicy'), 'Delete')),
    column('VolumeBindingMode', text(at('volumeBindingMode'), 'Immediate')),
    column('AllowVolumeExpansion', text(at('allowVolumeExpansion'), 'false')),
    ageColumn,
  ],
  'scheduling.v1.PriorityClass': [
    nameColumn,
    integer('Value', count('value')),
    column('Global-Default', text(at('globalDefault'), 'false')),
    ageColumn,
    column('PreemptionPolicy', text(at('preemptionPolicy'), 'PreemptLowerPriority')),
  ],
  'apiextensions.v1.CustomResourceDefinition': [
    nameColumn,
    { ...ageColumn, name: 'Created At', cell: (object) => object.metadata.creationTimestamp ?? '' },
  ],
};
const createdColumn: Column = column('Created At', (object) => object.metadata.creationTimestamp ?? '');
for (const name of ['Role', 'ClusterRole']) tables[`rbac.v1.${name}`] = [nameColumn, createdColumn];
for (const name of ['RoleBinding', 'ClusterRoleBinding']) {
  tables[`rbac.v1.${name}`] = [
    nameColumn,
    column('Role', (object) => `${fieldAt(object, ['roleRef', 'kind'])}/${fieldAt(object, ['roleRef', 'name'])}`),
    ageColumn,
  ];
}

/** The columns of a built-in kind; name and age where it has none of its own. */
export function columnsOf(typeName: string): readonly Column[] {
  return tables[typeName] ?? [nameColumn, ageColumn];
}
