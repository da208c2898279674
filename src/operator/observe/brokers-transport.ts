/** Brokers as a client sees them: one Kafka client per cluster, kept while the cluster is there. */
import { type Address, failure, type Result, success } from '../../base/index.ts';
import { type ClientPlatform, type ClusterDescription, KafkaAdmin, KafkaClient } from '../../client/kafka/index.ts';
import { kafkaNames as names, podHost, ports } from '../desired/names.ts';

/** A pass over a cluster does not wait longer for brokers; the next one asks again. */
const passDeadlineMs = 3_000;
const connectTimeoutMs = 1_500;
/** Topic calls may be long: a thousand topics are created in batches. */
const requestTimeoutMs = 35_000;
/** Longer than any call. */
const retireMs = 90_000;

export type BrokersView =
  | ({ readonly kind: 'answered' } & ClusterDescription)
  | { readonly kind: 'silent'; readonly sentence: string }
  /** No pod is ready, so nobody was asked. */
  | { readonly kind: 'notAsked' };

export interface BrokerClients {
  /** Who is registered, and who is the controller. */
  describe(cluster: ClusterKey, bootstrap: readonly Address[]): Promise<Result<ClusterDescription, string>>;
  admin(cluster: ClusterKey, bootstrap: readonly Address[], deadlineMs?: number): KafkaAdmin;
  forget(cluster: ClusterKey): Promise<void>;
  close(): Promise<void>;
}

export type ClusterKey = { readonly namespace: string; readonly name: string };

/** Where the operator asks: the pods themselves, by their names in the cluster. */
export const podAddress = ({ namespace, name }: ClusterKey, id: number): Address => ({
  host: podHost(names.pod(name, id), names.brokers(name), namespace),
  port: ports.clients,
});

export function createBrokerClients(platform: ClientPlatform): BrokerClients {
  const clients = new Map<string, { readonly bootstrap: string; readonly client: KafkaClient }>();
  const retiring = new Set<KafkaClient>();

  function clientOf({ namespace, name }: ClusterKey, bootstrap: readonly Address[]): KafkaClient {
    const key = `${namespace}/${name}`;
    const text = bootstrap.map(({ host, port }) => `${host}:${port}`).join(',');
    const known = clients.get(key);
    if (known?.bootstrap === text) return known.client;
    // Other pods are ready than before: ask those.
    const client = new KafkaClient(platform, {
      clientId: 'hikube-kafka-operator',
      bootstrap,
      connectTimeoutMs,
      requestTimeoutMs,
    });
    clients.set(key, { bootstrap: text, client });
    if (known !== undefined) retire(known.client);
    return client;
  }

  /** Other passes may be using it: it is closed when their calls have ended. */
  function retire(client: KafkaClient): void {
    retiring.add(client);
    platform.clock.after(retireMs, () => {
      retiring.delete(client);
      void client.close();
    });
  }

  const admin = (cluster: ClusterKey, bootstrap: readonly Address[], deadlineMs = passDeadlineMs): KafkaAdmin =>
    new KafkaAdmin(clientOf(cluster, bootstrap), { deadlineMs });

  return {
    admin,
    async describe(cluster, bootstrap) {
      const answer = await admin(cluster, bootstrap).describeCluster();
      return answer.ok ? success(answer.value) : failure(answer.problem.sentence);
    },
    async forget({ namespace, name }) {
      const known = clients.get(`${namespace}/${name}`);
      clients.delete(`${namespace}/${name}`);
      await known?.client.close();
    },
    async close() {
      const all = [...[...clients.values()].map(({ client }) => client), ...retiring];
      await Promise.all(all.map((client) => client.close()));
      clients.clear();
      retiring.clear();
    },
  };
}
