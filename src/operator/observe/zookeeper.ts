import type { Clock, Network } from '../../base/index.ts';
import {
  type KubeClient,
  type KubeObject,
  type PersistentVolumeClaim,
  type ResourceType,
  type StatefulSet,
  secrets,
} from '../../kube/index.ts';
import { zooKeeperNames as names, podHost, ports } from '../desired/names.ts';
import { type SuperUser, superUserIn } from '../desired/super-user.ts';
import { type Cache, ownerText } from './cache.ts';
import { askWord } from './four-letter-transport.ts';
import { managedObjects } from './managed.ts';
import { type ObservedPod, observedPod } from './pods.ts';
import { reportOf, type ServerReport, silent } from './server-words.ts';

export type ObservedServer = ServerReport & { readonly id: number; readonly pod: string };

export type SuperUserView =
  | { readonly kind: 'known'; readonly user: SuperUser }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly sentence: string };

/** Everything that one pass over a ZooKeeper looks at, read once. */
export type ObservedZooKeeper = {
  readonly statefulSet: StatefulSet | undefined;
  readonly objects: readonly { readonly type: ResourceType; readonly object: KubeObject }[];
  readonly claims: readonly PersistentVolumeClaim[];
  /** In the order of their numbers. */
  readonly pods: readonly ObservedPod[];
  /** What the servers of all pods that have a node say, ready or not: one that has yet to join is not. */
  readonly servers: readonly ObservedServer[];
  readonly superUser: SuperUserView;
};

type Deps = {
  readonly cache: Cache;
  readonly client: KubeClient;
  readonly network: Network;
  readonly clock: Clock;
};

export const serverAddressOf = (
  { namespace, name }: { readonly namespace: string; readonly name: string },
  id: number,
) => ({ host: podHost(names.pod(name, id - 1), names.nodes(name), namespace), port: ports.zooKeeperClients });

export async function observeZooKeeper(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  deps: Deps,
): Promise<ObservedZooKeeper> {
  const { cache } = deps;
  const owner = ownerText('zookeeper', namespace, name);
  const objects = managedObjects(cache, owner);
  const pods = cache.pods
    .byIndex('owner', owner)
    .map((pod) => observedPod(pod, (node) => cache.nodes.get(node), 'topology.kubernetes.io/zone'))
    .sort((a, b) => a.index - b.index);
  const [superUser, ...servers] = await Promise.all([
    superUserOf({ namespace, name }, deps),
    ...pods.map(async ({ index, name: pod, node, terminating }): Promise<ObservedServer> => {
      const id = index + 1;
      if (node === undefined || terminating) return { ...silent, id, pod };
      return { ...(await askServer({ namespace, name }, id, deps)), id, pod };
    }),
  ]);
  return {
    statefulSet: cache.statefulSets.get(`${namespace}/${names.statefulSet(name)}`),
    objects,
    claims: cache.persistentVolumeClaims.byIndex('owner', owner),
    pods,
    servers,
    superUser,
  };
}

async function askServer(
  ensemble: { readonly namespace: string; readonly name: string },
  id: number,
  deps: Deps,
): Promise<ServerReport> {
  const address = serverAddressOf(ensemble, id);
  const [mntr, conf] = await Promise.all([askWord(address, 'mntr', deps), askWord(address, 'conf', deps)]);
  return reportOf(mntr, conf);
}

/** Read by its name at each pass: to watch it, the operator would need the right to list every Secret. */
async function superUserOf(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { client }: Deps,
): Promise<SuperUserView> {
  const key = { namespace, name: names.superUser(name) };
  const answer = await client.get(secrets, key);
  if (!answer.ok) {
    return answer.problem.kind === 'notFound'
      ? { kind: 'missing' }
      : { kind: 'unreadable', sentence: answer.problem.message };
  }
  const user = superUserIn(answer.value);
  const sentence = `Secret ${key.name} does not hold what the operator wrote; delete it, and a new one is made`;
  return user === undefined ? { kind: 'unreadable', sentence } : { kind: 'known', user };
}
