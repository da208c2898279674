import { type KafkaCluster, kafkaClusterNames } from '../../api/index.ts';
import {
  configMaps,
  type KubeObject,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  type StatefulSet,
  statefulSets,
} from '../../kube/index.ts';
import { renderProperties } from '../../settings/index.ts';
import { brokerProperties, effectiveConfig } from './broker-config.ts';
import { type EngineImages, renderEngine } from './engines/index.ts';
import { annotations, kafkaNames as names, objectLabels, paths, ports, selectorLabels } from './names.ts';
import { type DesiredObject, desiredObject, ownerReference, shortHash, stableText } from './object.ts';
import {
  configMount,
  configVolume,
  containerSecurityContext,
  healthPort,
  podSecurityContext,
  resourcesOf,
  spreadConstraints,
} from './pod-parts.ts';
import { clusterService, headlessService, loadBalancerService } from './services.ts';
import { claimTemplate } from './volume-claims.ts';

export type DesiredKafkaCluster = {
  readonly objects: readonly DesiredObject[];
  /** What pods are compared by: one with another revision is restarted. */
  readonly revision: string;
};

const brokerIds = (replicas: number): readonly number[] => Array.from({ length: replicas }, (_, id) => id);

/** Files that are projected from the pod's own annotations: what is known only once a pod has a node. */
const podVolume = {
  name: 'pod',
  downwardAPI: {
    defaultMode: 0o444,
    items: [
      { path: 'zone', fieldRef: { apiVersion: 'v1', fieldPath: `metadata.annotations['${annotations.zone}']` } },
      {
        path: 'advertised-listeners',
        fieldRef: { apiVersion: 'v1', fieldPath: `metadata.annotations['${annotations.advertisedListeners}']` },
      },
    ],
  },
} as const;

/**
 * All objects of one cluster.
 *
 * @param cluster  with the spec that is in effect: see `accept.ts`
 * @param live     parts of the StatefulSet that there is which cannot change
 */
export function desiredKafkaCluster(
  cluster: KafkaCluster,
  { images, live }: { readonly images: EngineImages; readonly live: StatefulSet | undefined },
): DesiredKafkaCluster {
  const { name, namespace = '' } = cluster.metadata;
  const { spec } = cluster;
  const ids = brokerIds(spec.replicas);
  const ownerReferences = [ownerReference(kafkaClusterNames.kind, cluster.metadata)];
  const labels = { ...objectLabels('kafka', name), 'strimzi.io/broker-role': 'true' };
  const metadata = (objectName: string): KubeObject['metadata'] => ({
    name: objectName,
    namespace,
    labels: objectLabels('kafka', name),
    ownerReferences,
  });
  const serviceOf = (serviceName: string) => ({
    component: 'kafka' as const,
    owner: { name, namespace },
    ownerReferences,
    name: serviceName,
  });
  const replication = { name: 'tcp-replication', port: ports.replication };
  const clients = { name: 'tcp-clients', port: ports.clients };
  const external = { name: 'tcp-external', port: ports.external };

  const resources = resourcesOf(spec);
  const engine = renderEngine[spec.engine](cluster, images, resources.limits.memory);
  const podSpec = {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: engine.terminationGracePeriodSeconds,
    securityContext: podSecurityContext,
    topologySpreadConstraints: spreadConstraints('kafka', name, spec.rack.topologyKey),
    containers: [
      {
        name: 'kafka',
        imagePullPolicy: 'IfNotPresent',
        ...engine.container,
        ports: [
          { name: replication.name, containerPort: replication.port, protocol: 'TCP' },
          { name: clients.name, containerPort: clients.port, protocol: 'TCP' },
          ...(spec.external ? [{ name: external.name, containerPort: external.port, protocol: 'TCP' }] : []),
          healthPort,
        ],
        resources,
        securityContext: containerSecurityContext,
        volumeMounts: [
          configMount,
          { name: 'pod', mountPath: paths.pod, readOnly: true },
          { name: 'data-0', mountPath: paths.kafkaVolume },
          ...(engine.container.volumeMounts ?? []),
        ],
      },
    ],
    volumes: [configVolume(names.configMap(name)), podVolume, ...engine.volumes],
  };
  // A broker's own lines (id, host) follow from the shared ones, so broker 0 stands for all: a broker more restarts none.
  const revision = shortHash({ podSpec, config: brokerProperties(cluster, 0) });

  const statefulSet: StatefulSet = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      ...metadata(names.statefulSet(name)),
      annotations: {
        [annotations.engine]: spec.engine,
        [annotations.coordination]: stableText(spec.coordination),
        [annotations.config]: stableText(spec.config),
      },
    },
    spec: {
      replicas: spec.replicas,
      serviceName: names.brokers(name),
      selector: { matchLabels: selectorLabels('kafka', name) },
      // The operator decides when a pod restarts, and they start together.
      updateStrategy: { type: 'OnDelete' },
      podManagementPolicy: 'Parallel',
      template: { metadata: { labels, annotations: { [annotations.revision]: revision } }, spec: podSpec },
      volumeClaimTemplates: [
        claimTemplate({ name: 'data-0', labels: objectLabels('kafka', name), storage: spec.storage, live }),
      ],
    },
  };
  const disruptionBudget: PodDisruptionBudget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(names.disruptionBudget(name)),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels('kafka', name) } },
  };
  return {
    revision,
    objects: [
      desiredObject(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: metadata(names.configMap(name)),
        data: Object.fromEntries(
          ids.map((id) => [`server-${id}.properties`, renderProperties(brokerProperties(cluster, id))]),
        ),
      }),
      headlessService({ ...serviceOf(names.brokers(name)), ports: [replication, clients] }),
      clusterService({
        ...serviceOf(names.bootstrap(name)),
        ports: [replication, clients],
        labels: { 'strimzi.io/discovery': 'true' },
      }),
      ...(spec.external
        ? [
            loadBalancerService({ ...serviceOf(names.externalBootstrap(name)), ports: [external] }),
            ...ids.map((id) =>
              loadBalancerService({
                ...serviceOf(names.externalBroker(name, id)),
                ports: [external],
                pod: names.pod(name, id),
              }),
            ),
          ]
        : []),
      desiredObject(podDisruptionBudgets, disruptionBudget),
      desiredObject(statefulSets, statefulSet),
    ],
  };
}

export { effectiveConfig };
