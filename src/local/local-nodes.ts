import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger, Random } from '../base/index.ts';
import { type ClusterAccess, createEventRecorder, createKubeClient, type KubeClient } from '../kube/index.ts';
import { type AddressBook, openAddressBook } from './address-book.ts';
import { type ClusterView, createClusterView } from './cluster-view.ts';
import { type Controller, createControllers, createLoadBalancerController } from './controllers/index.ts';
import {
  type Kubelet,
  type OwnProgram,
  type ProcessRegistry,
  registerNode,
  type StopOptions,
  simulatedNodes,
  startKubelet,
  startServiceProxy,
} from './kubelet/index.ts';
import type { LoopbackNetwork } from './loopback-network.ts';

export type LocalNodesOptions = {
  readonly access: ClusterAccess;
  /** Absolute; addresses, pods' folders, volumes and the hosts file are kept in it. */
  readonly folder: string;
  readonly network: LoopbackNetwork;
  readonly registry: ProcessRegistry;
  readonly program: OwnProgram;
  readonly baseEnvironment: Readonly<Record<string, string>>;
  readonly nodeCount: number;
  /**
   * `all`: also the controllers that a cluster has, for our own API server. `load-balancers`: only what a real cluster
   * lacks without a cloud; it schedules pods, makes volumes and keeps StatefulSets itself.
   */
  readonly controllers: 'all' | 'load-balancers';
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Ends a start that waits for an API server which does not answer. */
  readonly signal: AbortSignal;
};

export interface LocalNodes {
  readonly client: KubeClient;
  readonly view: ClusterView;
  readonly kubelet: Kubelet;
  readonly addresses: AddressBook;
  readonly hostsFile: string;
  /** Ends pods in order, then everything else. */
  stop(options: StopOptions): Promise<void>;
}

/**
 * Simulated nodes, and controllers if asked, as clients of an API server. Resolves when the nodes are Ready.
 *
 * @throws when the signal is aborted before that
 */
export async function startLocalNodes(options: LocalNodesOptions): Promise<LocalNodes> {
  const { access, folder, network, registry, clock, random, logger } = options;
  mkdirSync(folder, { recursive: true });
  const deps = { clock, random, logger };
  const client = createKubeClient(access, deps);
  const view = createClusterView({ client, ...deps });
  const addresses = openAddressBook(join(folder, 'addresses.json'), network.number, network.freePorts);
  const recorder = (component: string) =>
    createEventRecorder({ controller: component, instance: 'local' }, { client, clock, logger });
  const hostsFile = join(folder, 'hosts');
  const volumesFolder = join(folder, 'volumes');

  const controllerDeps = { client, view, recorder: recorder('hikube.cloud/local-controllers'), ...deps };
  const controllers: readonly Controller[] =
    options.controllers === 'all'
      ? createControllers(controllerDeps, { addresses, volumesFolder })
      : [createLoadBalancerController(controllerDeps, addresses)];
  const proxy = startServiceProxy({ view, addresses, hostsFile, clusterDomain: 'cluster.local' }, deps);
  // What the kubelet reads must be watched from the start, so that it finds it all when pods are there.
  for (const informer of [view.pods, view.configMaps, view.secrets, view.claims, view.volumes]) informer();
  const registered = Promise.all([
    Promise.all(
      simulatedNodes(options.nodeCount).map((identity) =>
        registerNode(identity, network.nodeAddress(identity.number), { client, signal: options.signal, ...deps }),
      ),
    ),
    view.start(),
  ]);
  const aborted = new Promise<never>((_, reject) => {
    options.signal.addEventListener('abort', () => reject(new Error('stopped before the nodes were ready')), {
      once: true,
    });
  });
  const [nodes] = await Promise.race([registered, aborted]).catch(async (error: unknown) => {
    await Promise.all([...controllers.map((controller) => controller.stop()), proxy.stop(), view.stop()]);
    client.close();
    throw error;
  });
  await proxy.flush();
  const hostAddresses = new Map(nodes.map(({ identity }) => [identity.name, network.nodeAddress(identity.number)]));
  const kubelet = startKubelet(nodes, {
    client,
    view,
    recorder: recorder('kubelet'),
    registry,
    program: options.program,
    podsFolder: join(folder, 'pods'),
    hostsFile,
    baseEnvironment: options.baseEnvironment,
    addresses,
    hostAddress: (node) => hostAddresses.get(node.metadata.name) ?? '127.0.0.1',
    ...deps,
  });

  return {
    client,
    view,
    kubelet,
    addresses,
    hostsFile,
    async stop(stopOptions) {
      await kubelet.stop(stopOptions);
      await Promise.all(controllers.map((controller) => controller.stop()));
      await proxy.stop();
      await Promise.all(nodes.map((node) => node.stop()));
      await view.stop();
      client.close();
    },
  };
}
