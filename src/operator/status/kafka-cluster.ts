import type { KafkaCluster, KafkaClusterStatus } from '../../api/index.ts';
import { effectiveConfig } from '../desired/broker-config.ts';
import { kafkaNames as names, ports, selectorLabels, serviceHost } from '../desired/names.ts';
import { externalAddress, type ObservedKafkaCluster, serviceNamed } from '../observe/kafka-cluster.ts';
import type { ObservedPod } from '../observe/pods.ts';
import { selectorText } from '../plan/waiting.ts';
import { storageFact } from './zookeeper.ts';

const atPort = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/**
 * What there is, apart from conditions.
 *
 * @param cluster          with the spec that is in effect; undefined: nothing was made
 * @param outdatedBecause  why a pod will be restarted
 */
export function kafkaClusterFacts(
  resource: Pick<KafkaCluster, 'metadata'>,
  cluster: KafkaCluster | undefined,
  observed: ObservedKafkaCluster,
  outdatedBecause: (pod: ObservedPod) => string | undefined,
): KafkaClusterStatus {
  const { name, namespace = '' } = resource.metadata;
  const replicas = observed.statefulSet?.spec?.replicas ?? 0;
  const answered = observed.brokers.kind === 'answered' ? observed.brokers : undefined;
  const registered = new Set(answered?.brokers.map(({ id }) => id));
  const addressOf = (service: string): string | undefined => {
    const { host, port = ports.external } = externalAddress(serviceNamed(observed, service));
    return host === undefined ? undefined : atPort(host, port);
  };
  const brokers = observed.pods.map((pod) => {
    const external = addressOf(names.externalBroker(name, pod.index));
    const pendingRestart = outdatedBecause(pod);
    return {
      id: pod.index,
      pod: pod.name,
      ...(pod.zone === undefined ? {} : { zone: pod.zone }),
      ready: pod.ready && !pod.terminating,
      registered: registered.has(pod.index),
      ...(external === undefined ? {} : { external }),
      ...(pendingRestart === undefined ? {} : { pendingRestart }),
    };
  });
  const readyReplicas = brokers.filter((broker) => broker.ready && broker.registered).length;
  const wanted = cluster?.spec.replicas ?? replicas;
  const internal = atPort(serviceHost(names.bootstrap(name), namespace), ports.clients);
  const outside = cluster?.spec.external === true ? addressOf(names.externalBootstrap(name)) : undefined;
  const zones = [
    ...Map.groupBy(
      observed.pods.filter(({ node }) => node !== undefined),
      ({ zone }) => zone ?? 'none',
    ),
  ]
    .map(([zone, pods]) => `${zone}=${pods.length}`)
    .sort();
  return {
    replicas,
    selector: selectorText(selectorLabels('kafka', name)),
    readyReplicas,
    ready: `${readyReplicas}/${wanted}`,
    ...(cluster === undefined ? {} : { engine: cluster.spec.engine }),
    ...(cluster === undefined ? {} : { bootstrap: outside ?? internal }),
    ...(cluster === undefined
      ? {}
      : {
          listeners: [
            { name: 'plain', bootstrapServers: internal },
            ...(outside === undefined ? [] : [{ name: 'external', bootstrapServers: outside }]),
          ],
        }),
    ...(answered === undefined || answered.clusterId === '' ? {} : { clusterId: answered.clusterId }),
    ...(answered === undefined || answered.controllerId < 0 ? {} : { controller: answered.controllerId }),
    ...(zones.length === 0 ? {} : { zones: zones.join(' ') }),
    brokers,
    ...(cluster === undefined ? {} : { effectiveConfig: effectiveConfig(cluster).shared }),
    ...storageFact(observed),
  };
}
