import type { Clock, Network } from '../../base/index.ts';
import type { KubeObject, PersistentVolumeClaim, ResourceType, StatefulSet } from '../../kube/index.ts';
import { zooKeeperNames as names, podHost, ports } from '../desired/names.ts';
import { type Cache, ownerText } from './cache.ts';
import { askServer, type ServerMode } from './four-letter-transport.ts';
import { managedObjects } from './managed.ts';
import { type ObservedPod, observedPod } from './pods.ts';

export type ObservedServer = { readonly index: number; readonly pod: string; readonly mode: ServerMode };

/** Everything that one pass over a ZooKeeper looks at, read once. */
export type ObservedZooKeeper = {
  readonly statefulSet: StatefulSet | undefined;
  readonly objects: readonly { readonly type: ResourceType; readonly object: KubeObject }[];
  readonly claims: readonly PersistentVolumeClaim[];
  /** In the order of their numbers. */
  readonly pods: readonly ObservedPod[];
  /** What the servers whose pods are ready say. */
  readonly servers: readonly ObservedServer[];
};

export async function observeZooKeeper(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { cache, network, clock }: { readonly cache: Cache; readonly network: Network; readonly clock: Clock },
): Promise<ObservedZooKeeper> {
  const owner = ownerText('zookeeper', namespace, name);
  const objects = managedObjects(cache, owner);
  const pods = cache.pods
    .byIndex('owner', owner)
    .map((pod) => observedPod(pod, (node) => cache.nodes.get(node), 'topology.kubernetes.io/zone'))
    .sort((a, b) => a.index - b.index);
  const servers = await Promise.all(
    pods
      .filter(({ ready, terminating }) => ready && !terminating)
      .map(async ({ index, name: pod }) => {
        const address = { host: podHost(pod, names.nodes(name), namespace), port: ports.zooKeeperClients };
        return { index, pod, mode: await askServer(address, { network, clock }) };
      }),
  );
  return {
    statefulSet: cache.statefulSets.get(`${namespace}/${names.statefulSet(name)}`),
    objects,
    claims: cache.persistentVolumeClaims.byIndex('owner', owner),
    pods,
    servers,
  };
}
