import { zooKeeperNames as kindNames, type ZooKeeper } from '../../api/index.ts';
import {
  configMaps,
  type KubeObject,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  type StatefulSet,
  statefulSets,
} from '../../kube/index.ts';
import { renderProperties } from '../../settings/index.ts';
import {
  annotations,
  zooKeeperNames as names,
  objectLabels,
  paths,
  podHost,
  ports,
  selectorLabels,
  serviceHost,
} from './names.ts';
import { type DesiredObject, desiredObject, ownerReference, shortHash, stableText } from './object.ts';
import {
  configMount,
  configVolume,
  containerSecurityContext,
  healthPort,
  healthProbes,
  heapOption,
  podIndexVariable,
  podSecurityContext,
  resourcesOf,
  spreadConstraints,
} from './pod-parts.ts';
import { clusterService, headlessService } from './services.ts';
import { claimTemplate } from './volume-claims.ts';

export type DesiredZooKeeper = {
  readonly objects: readonly DesiredObject[];
  /** What pods are compared by: one with another revision is restarted. */
  readonly revision: string;
};

/** Where clients of the ensemble connect. */
export const zooKeeperConnect = (name: string, namespace: string): string =>
  `${serviceHost(names.client(name), namespace)}:${ports.zooKeeperClients}`;

/** Roles read `zoo-<index>.cfg`; they differ in nothing while there is one server. */
function serverConfig({ metadata: { name, namespace = '' }, spec }: ZooKeeper): string {
  const servers = Array.from({ length: spec.replicas }, (_, index) => [
    `server.${index + 1}`,
    `${podHost(names.pod(name, index), names.nodes(name), namespace)}:${ports.zooKeeperPeers}:${ports.zooKeeperElection};0.0.0.0:${ports.zooKeeperClients}`,
  ]);
  const single = { clientPort: String(ports.zooKeeperClients) };
  return renderProperties({
    tickTime: '2000',
    initLimit: '10',
    syncLimit: '5',
    'autopurge.snapRetainCount': '3',
    'autopurge.purgeInterval': '1',
    'admin.enableServer': 'false',
    '4lw.commands.whitelist': 'srvr,ruok,mntr,stat,conf',
    ...spec.config,
    dataDir: paths.zooKeeperData,
    ...(servers.length === 1 ? single : Object.fromEntries(servers)),
  });
}

/**
 * All objects of one ensemble.
 *
 * @param ensemble  with the spec that is in effect: see `accept.ts`
 * @param live      parts of the StatefulSet that there is which cannot change
 */
export function desiredZooKeeper(
  ensemble: ZooKeeper,
  { image, live }: { readonly image: string; readonly live: StatefulSet | undefined },
): DesiredZooKeeper {
  const { name, namespace = '' } = ensemble.metadata;
  const { spec } = ensemble;
  const ownerReferences = [ownerReference(kindNames.kind, ensemble.metadata)];
  const labels = objectLabels('zookeeper', name);
  const metadata = (objectName: string): KubeObject['metadata'] => ({
    name: objectName,
    namespace,
    labels,
    ownerReferences,
  });
  const serviceOf = (serviceName: string) => ({
    component: 'zookeeper' as const,
    owner: { name, namespace },
    ownerReferences,
    name: serviceName,
  });
  const config = serverConfig(ensemble);
  const resources = resourcesOf(spec);
  const clients = { name: 'tcp-clients', port: ports.zooKeeperClients };

  const podSpec = {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: podSecurityContext,
    topologySpreadConstraints: spreadConstraints('zookeeper', name, 'topology.kubernetes.io/zone'),
    containers: [
      {
        name: 'zookeeper',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['hikube-kafka'],
        args: ['zookeeper', `${paths.config}/zoo-$(POD_INDEX).cfg`, '--health-port', String(ports.health)],
        env: [podIndexVariable, { name: 'NODE_OPTIONS', value: heapOption(resources.limits.memory) }],
        ports: [
          { name: 'tcp-clients', containerPort: ports.zooKeeperClients, protocol: 'TCP' },
          { name: 'tcp-peers', containerPort: ports.zooKeeperPeers, protocol: 'TCP' },
          { name: 'tcp-election', containerPort: ports.zooKeeperElection, protocol: 'TCP' },
          healthPort,
        ],
        resources,
        ...healthProbes,
        securityContext: containerSecurityContext,
        volumeMounts: [configMount, { name: 'data', mountPath: paths.zooKeeperData }],
      },
    ],
    volumes: [configVolume(names.configMap(name))],
  };
  const revision = shortHash({ podSpec, config });

  const statefulSet: StatefulSet = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...metadata(names.statefulSet(name)), annotations: { [annotations.config]: stableText(spec.config) } },
    spec: {
      replicas: spec.replicas,
      serviceName: names.nodes(name),
      selector: { matchLabels: selectorLabels('zookeeper', name) },
      // The operator decides when a pod restarts, and they start together.
      updateStrategy: { type: 'OnDelete' },
      podManagementPolicy: 'Parallel',
      template: { metadata: { labels, annotations: { [annotations.revision]: revision } }, spec: podSpec },
      volumeClaimTemplates: [claimTemplate({ name: 'data', labels, storage: spec.storage, live })],
    },
  };
  const disruptionBudget: PodDisruptionBudget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(names.disruptionBudget(name)),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels('zookeeper', name) } },
  };
  return {
    revision,
    objects: [
      desiredObject(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: metadata(names.configMap(name)),
        data: Object.fromEntries(Array.from({ length: spec.replicas }, (_, index) => [`zoo-${index}.cfg`, config])),
      }),
      headlessService({
        ...serviceOf(names.nodes(name)),
        ports: [
          clients,
          { name: 'tcp-clustering', port: ports.zooKeeperPeers },
          { name: 'tcp-election', port: ports.zooKeeperElection },
        ],
      }),
      clusterService({ ...serviceOf(names.client(name)), ports: [clients] }),
      desiredObject(podDisruptionBudgets, disruptionBudget),
      desiredObject(statefulSets, statefulSet),
    ],
  };
}
