/** Parts of pods that brokers and ZooKeeper servers share. */
import { quantityValue, type ResourcesPreset, resourceRequirements } from '../../api/index.ts';
import type { StatefulSet } from '../../kube/index.ts';
import { type Component, paths, ports, selectorLabels } from './names.ts';

type PodTemplate = NonNullable<StatefulSet['spec']>['template'];
export type PodSpec = NonNullable<PodTemplate['spec']>;
export type Container = PodSpec['containers'][number];

/** The user that the image has; any other number works as well. */
const userId = 1001;

/** What the `restricted` Pod Security Standard asks of a pod. */
export const podSecurityContext = {
  runAsNonRoot: true,
  runAsUser: userId,
  runAsGroup: userId,
  fsGroup: userId,
  fsGroupChangePolicy: 'OnRootMismatch',
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

/** What it asks of a container, and a root file system that cannot be written. */
export const containerSecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
} as const;

/** Quick to see a start, slow to doubt a process that works. Ready is asked for often: everybody waits for it. */
export const healthProbes = {
  startupProbe: { httpGet: { path: '/healthz', port: ports.health }, periodSeconds: 1, failureThreshold: 600 },
  readinessProbe: { httpGet: { path: '/readyz', port: ports.health }, periodSeconds: 2, failureThreshold: 3 },
  livenessProbe: {
    httpGet: { path: '/healthz', port: ports.health },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  },
} as const;

/** The pod's number in its StatefulSet: it chooses the file in the ConfigMap. */
export const podIndexVariable = {
  name: 'POD_INDEX',
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" } },
} as const;

export const healthPort = { name: 'tcp-prometheus', containerPort: ports.health, protocol: 'TCP' } as const;

export const configVolume = (configMap: string) =>
  ({ name: 'config', configMap: { name: configMap, defaultMode: 0o444 } }) as const;
export const configMount = { name: 'config', mountPath: paths.config, readOnly: true } as const;

/** Pods keep away from each other's zone, then from each other's node; a small cluster may put them together. */
export function spreadConstraints(
  component: Component,
  owner: string,
  zoneKey: string,
): PodSpec['topologySpreadConstraints'] {
  return [zoneKey, 'kubernetes.io/hostname'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(component, owner) },
  }));
}

export const resourcesOf = (spec: {
  readonly resourcesPreset: ResourcesPreset;
  readonly resources?: { readonly cpu?: string | undefined; readonly memory?: string | undefined } | undefined;
}) => resourceRequirements(spec.resourcesPreset, spec.resources);

const smallestHeapMebibytes = 48;

/** Half of the memory is JavaScript's; the other half is buffers, code and the page cache. */
export function heapOption(memoryLimit: string): string {
  const mebibytes = Math.max(smallestHeapMebibytes, Math.floor(quantityValue(memoryLimit) / 2 ** 20 / 2));
  return `--max-old-space-size=${mebibytes}`;
}
