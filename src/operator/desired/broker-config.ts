/** The properties that brokers are given: pure, the same for every engine. */
import { type Config, type KafkaCluster, supportedReplicationFactor } from '../../api/index.ts';
import { kafkaNames as names, paths, podHost, ports } from './names.ts';
import { zooKeeperConnect } from './zookeeper.ts';

export type EffectiveConfig = {
  /** The properties that all brokers share, what the user set included. */
  readonly shared: Config;
  /** Values that are less than what was asked for, and why. */
  readonly limited: readonly { readonly key: string; readonly asked: string; readonly given: string }[];
};

/** Properties that count replicas: the operator's default by the number of brokers, capped by what the engine keeps. */
function replicationDefaults(replicas: number): Config {
  const factor = String(Math.min(replicas, 3));
  const inSync = replicas === 1 ? '1' : '2';
  return {
    'default.replication.factor': factor,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': factor,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.replication.factor': factor,
  };
}

/**
 * @param cluster  with the spec that is in effect; what the user set in `config` is over the defaults
 */
export function effectiveConfig({ spec }: Pick<KafkaCluster, 'spec'>): EffectiveConfig {
  const limit = supportedReplicationFactor[spec.engine] ?? spec.replicas;
  const defaults = replicationDefaults(spec.replicas);
  const capped = Object.keys(defaults);
  const wanted: Config = { 'auto.create.topics.enable': 'true', ...defaults, ...spec.config };
  const shared = Object.fromEntries(
    Object.entries(wanted).map(([key, value]) => [
      key,
      capped.includes(key) && Number(value) > limit ? String(limit) : value,
    ]),
  );
  const limited = Object.entries(spec.config)
    .filter(([key, asked]) => shared[key] !== asked)
    .map(([key, asked]) => ({ key, asked, given: shared[key] ?? '' }));
  return { shared, limited };
}

/** Listeners by Kafka's names, in the order of their ports. */
const listeners = { REPLICATION: ports.replication, PLAIN: ports.clients, EXTERNAL: ports.external } as const;
const listenersOf = (external: boolean): (keyof typeof listeners)[] =>
  external ? ['REPLICATION', 'PLAIN', 'EXTERNAL'] : ['REPLICATION', 'PLAIN'];

/**
 * What a broker tells its clients.
 *
 * @param external  where it is reached from outside (port: the listener's own if absent); no host: not known yet, and
 *                  clients outside must wait for the restart that makes it known
 */
export function advertisedListeners(
  { metadata: { name, namespace = '' }, spec }: Pick<KafkaCluster, 'metadata' | 'spec'>,
  id: number,
  external: { readonly host?: string | undefined; readonly port?: number | undefined },
): string {
  const own = podHost(names.pod(name, id), names.brokers(name), namespace);
  return listenersOf(spec.external)
    .map((listener) => {
      const isOutside = listener === 'EXTERNAL' && external.host !== undefined;
      const { host = own, port = listeners[listener] } = isOutside ? external : {};
      return `${listener}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    })
    .join(',');
}

/** `server.properties` of one broker. */
export function brokerProperties(cluster: KafkaCluster, id: number): Readonly<Record<string, string>> {
  const { metadata, spec } = cluster;
  const { name, namespace = '' } = metadata;
  const zooKeeper = spec.coordination.zooKeeper;
  const names = listenersOf(spec.external);
  return {
    'broker.id': String(id),
    listeners: names.map((listener) => `${listener}://0.0.0.0:${listeners[listener]}`).join(','),
    // With external brokers the address comes with the pod: see `pod-inputs.ts`.
    'advertised.listeners': advertisedListeners({ metadata: { name, namespace }, spec }, id, {}),
    'listener.security.protocol.map': names.map((listener) => `${listener}:PLAINTEXT`).join(','),
    'inter.broker.listener.name': 'REPLICATION',
    'log.dirs': paths.kafkaLogs,
    ...(zooKeeper === undefined
      ? {}
      : {
          'zookeeper.connect': `${zooKeeperConnect(zooKeeper.name, namespace)}${zooKeeper.chroot ?? ''}`,
          'zookeeper.connection.timeout.ms': '60000',
        }),
    ...effectiveConfig(cluster).shared,
  };
}
