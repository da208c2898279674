import { quantityValue, type ZooKeeper, type ZooKeeperStatus } from '../../api/index.ts';
import { selectorLabels } from '../desired/names.ts';
import { zooKeeperConnect } from '../desired/zookeeper.ts';
import type { ObservedZooKeeper } from '../observe/zookeeper.ts';
import { selectorText } from '../plan/waiting.ts';

/** What there is, apart from conditions. @param ensemble  with the spec that is in effect; undefined: nothing was made */
export function zooKeeperFacts(
  resource: Pick<ZooKeeper, 'metadata'>,
  ensemble: ZooKeeper | undefined,
  observed: ObservedZooKeeper,
): ZooKeeperStatus {
  const { name, namespace = '' } = resource.metadata;
  const replicas = observed.statefulSet?.spec?.replicas ?? 0;
  const wanted = ensemble?.spec.replicas ?? replicas;
  const readyReplicas = observed.pods.filter(({ ready, terminating }) => ready && !terminating).length;
  const leader = observed.servers.find(({ mode }) => mode === 'leader' || mode === 'standalone');
  const servers = observed.pods.map(({ index, name: pod, zone, ready }) => ({
    id: index + 1,
    pod,
    ...(zone === undefined ? {} : { zone }),
    ready,
    mode: observed.servers.find((server) => server.pod === pod)?.mode ?? ('unknown' as const),
  }));
  return {
    replicas,
    selector: selectorText(selectorLabels('zookeeper', name)),
    readyReplicas,
    ready: `${readyReplicas}/${wanted}`,
    ...(leader === undefined ? {} : { mode: leader.mode === 'standalone' ? 'standalone' : 'replicated' }),
    ...(leader === undefined ? {} : { leader: leader.pod }),
    ...(ensemble === undefined ? {} : { connect: zooKeeperConnect(name, namespace) }),
    servers,
    ...storageFact(observed),
  };
}

/** The smallest of the volumes: what every server has at least. */
export function storageFact(observed: {
  readonly claims: readonly {
    readonly spec?: { readonly resources?: { readonly requests?: object | undefined } | undefined } | undefined;
  }[];
}): { storage?: string } {
  const sizes = observed.claims
    .map((claim) => (claim.spec?.resources?.requests as { storage?: string } | undefined)?.storage)
    .filter((size) => size !== undefined)
    .sort((a, b) => quantityValue(a) - quantityValue(b));
  const [smallest] = sizes;
  return smallest === undefined ? {} : { storage: smallest };
}
