import { zooKeeperNames as kindNames, type ZooKeeper } from '../../api/index.ts';
import {
  configMaps,
  type KubeObject,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  type Secret,
  type StatefulSet,
  secrets,
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
import { type SuperUser, superUserSecret } from './super-user.ts';
import { claimTemplate } from './volume-claims.ts';

export type DesiredZooKeeper = {
  /** Made once, before all others, and never changed: the servers know its content from their start. */
  readonly superUser: DesiredObject<Secret>;
  readonly objects: readonly DesiredObject[];
  /** What pods are compared by: one with another revision is restarted. */
  readonly revision: string;
};

/** Where clients of the ensemble connect. */
export const zooKeeperConnect = (name: string, namespace: string): string =>
  `${serviceHost(names.client(name), namespace)}:${ports.zooKeeperClients}`;

export type MemberRole = 'participant' | 'observer';

/** A server as `zoo.cfg` and `reconfig` name it. @param id  the number in its myid file: its pod's number plus one */
export const serverAddress = (
  { name, namespace }: { readonly name: string; readonly namespace: string },
  id: number,
  role: MemberRole,
): string =>
  `${podHost(names.pod(name, id - 1), names.nodes(name), namespace)}:${ports.zooKeeperPeers}:${ports.zooKeeperElection}:${role};0.0.0.0:${ports.zooKeeperClients}`;

/** Words that the operator asks servers for. */
const neededWords = ['srvr', 'ruok', 'mntr', 'conf'];
const words = 'stat';

function allowedWords(asked: string | undefined): string {
  const allowed = (asked ?? words).split(',').map((word) => word.trim());
  return allowed.includes('*') ? '*' : [...new Set([...neededWords, ...allowed])].join(',');
}

/**
 * What all servers read. One server is an ensemble too, so that it can grow; and the list of servers counts only until
 * they have met: afterwards the ensemble itself knows who belongs to it, so a longer list restarts nobody.
 */
function serverConfig({ metadata: { name, namespace = '' }, spec }: ZooKeeper, serverCount: number): string {
  const ids = Array.from({ length: serverCount }, (_, index) => index + 1);
  return renderProperties({
    tickTime: '2000',
    initLimit: '10',
    syncLimit: '5',
    'autopurge.snapRetainCount': '3',
    'autopurge.purgeInterval': '1',
    'admin.enableServer': 'false',
    ...spec.config,
    '4lw.commands.whitelist': allowedWords(spec.config['4lw.commands.whitelist']),
    dataDir: paths.zooKeeperData,
    standaloneEnabled: 'false',
    reconfigEnabled: 'true',
    ...Object.fromEntries(
      ids.map((id) => [`server.${id}`, serverAddress({ name, namespace }, id, 'participant')] as const),
    ),
  });
}

/**
 * All objects of one ensemble.
 *
 * @param ensemble     with the spec that is in effect: see `accept.ts`
 * @param serverCount  how many pods there are to be; more than asked for while some have yet to leave the ensemble
 * @param live         parts of the StatefulSet that there is which cannot change
 */
export function desiredZooKeeper(
  ensemble: ZooKeeper,
  {
    image,
    live,
    serverCount,
    superUser,
  }: {
    readonly image: string;
    readonly live: StatefulSet | undefined;
    readonly serverCount: number;
    readonly superUser: SuperUser;
  },
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
  const config = serverConfig(ensemble, serverCount);
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
        args: [
          'zookeeper',
          `${paths.config}/zoo-$(POD_INDEX).cfg`,
          '--ordinal',
          '$(POD_INDEX)',
          '--health-port',
          String(ports.health),
          '--override',
          `DigestAuthenticationProvider.superDigest=@${paths.superUser}/digest`,
        ],
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
        volumeMounts: [
          configMount,
          { name: 'super', mountPath: paths.superUser, readOnly: true },
          { name: 'data', mountPath: paths.zooKeeperData },
        ],
      },
    ],
    volumes: [
      configVolume(names.configMap(name)),
      {
        name: 'super',
        // Servers check the password by its digest; the password itself they need not know.
        secret: {
          secretName: names.superUser(name),
          defaultMode: 0o440,
          items: [{ key: 'superDigest', path: 'digest' }],
        },
      },
    ],
  };
  // Not the list of servers: see `serverConfig`.
  const revision = shortHash({ podSpec, config: serverConfig(ensemble, 0), digest: superUser.digest });

  const statefulSet: StatefulSet = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      ...metadata(names.statefulSet(name)),
      annotations: {
        [annotations.config]: stableText(spec.config),
        [annotations.replicas]: String(spec.replicas),
      },
    },
    spec: {
      replicas: serverCount,
      serviceName: names.nodes(name),
      selector: { matchLabels: selectorLabels('zookeeper', name) },
      // The operator decides when a pod restarts, and they start together.
      updateStrategy: { type: 'OnDelete' },
      podManagementPolicy: 'Parallel',
      template: {
        metadata: {
          labels,
          annotations: { [annotations.revision]: revision, [annotations.servers]: String(serverCount) },
        },
        spec: podSpec,
      },
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
    superUser: { type: secrets, object: superUserSecret(superUser, metadata(names.superUser(name))) },
    objects: [
      desiredObject(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: metadata(names.configMap(name)),
        data: Object.fromEntries(Array.from({ length: serverCount }, (_, index) => [`zoo-${index}.cfg`, config])),
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
