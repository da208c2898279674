import { renameSync, writeFileSync } from 'node:fs';
import type { Address, Clock, Logger, Random } from '../../base/index.ts';
import { createWorkQueue, done, type EndpointSlice, type Next, retryBecause, type Service } from '../../kube/index.ts';
import type { AddressBook } from '../address-book.ts';
import type { ClusterView } from '../cluster-view.ts';
import { endpointSlicesFor } from '../endpoint-slices.ts';
import { matchesSelector } from '../label-selectors.ts';
import { hostsLines, hostsText } from './hosts.ts';
import { type Backend, startForwarder, type TcpForwarder } from './tcp-forwarder.ts';

/** Changes that come together make one new hosts file; a name is at most so much late. */
const hostsSettleMs = 5;

export interface ServiceProxy {
  /** Resolves when the hosts file shows what the view holds now. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * What DNS and kube-proxy are in a cluster: the hosts file, and a TCP forwarder for each port of each Service that has
 * an address of its own (cluster address or load balancer). UDP is not forwarded.
 */
export function startServiceProxy(
  {
    view,
    addresses,
    hostsFile,
    clusterDomain,
  }: {
    readonly view: ClusterView;
    readonly addresses: AddressBook;
    readonly hostsFile: string;
    readonly clusterDomain: string;
  },
  { clock, random, logger }: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): ServiceProxy {
  const services = view.services();
  const slices = view.endpointSlices();
  const pods = view.pods();
  const nodes = view.nodes();
  /** By service key, then `address:port`. */
  const forwarders = new Map<string, Map<string, TcpForwarder>>();
  const queue = createWorkQueue(
    { name: 'service-proxy', concurrency: 8, process: reconcile, startWhen: view.synced },
    { clock, random, logger },
  );
  let written = '';
  let hostsTimer: { cancel(): void } | undefined;

  services.onChange(({ key }) => {
    queue.add(key);
    scheduleHosts();
  });
  slices.onChange(scheduleHosts);
  pods.onChange(scheduleHosts);

  /**
   * Of a Service with a selector, what its slices say is worked out here from the pods: it is there at once, and a
   * real API server does not store slices with loopback addresses.
   */
  function slicesOf(key: string): readonly EndpointSlice[] {
    const service = services.get(key);
    const selector = service?.spec?.selector ?? {};
    if (service === undefined || Object.keys(selector).length === 0) return slices.byIndex('service', key);
    const selected = pods
      .byIndex('namespace', service.metadata.namespace ?? '')
      .filter((pod) => matchesSelector({ matchLabels: selector }, pod.metadata.labels));
    return endpointSlicesFor(service, selected, new Map(nodes.list().map((node) => [node.metadata.name, node])));
  }

  /** Cluster addresses of the local API server are loopback ones; those of another get a stand-in. */
  function localAddress(service: Service): string | undefined {
    const clusterAddress = service.spec?.clusterIP;
    if (clusterAddress === undefined || clusterAddress === '' || clusterAddress === 'None') return undefined;
    if (clusterAddress.startsWith('127.')) return clusterAddress;
    const address = addresses.ofLoadBalancer(`cluster-address:${service.metadata.namespace}/${service.metadata.name}`);
    return address.ok ? address.value : undefined;
  }

  function scheduleHosts(): void {
    hostsTimer ??= clock.after(hostsSettleMs, writeHosts);
  }

  function writeHosts(): void {
    hostsTimer?.cancel();
    hostsTimer = undefined;
    const text = hostsText(
      hostsLines({
        services: services.list(),
        slicesOf,
        serviceAddress: localAddress,
        clusterDomain,
      }),
      addresses.portsOf,
    );
    if (text === written) return;
    try {
      writeFileSync(`${hostsFile}.new`, text);
      renameSync(`${hostsFile}.new`, hostsFile);
      written = text;
    } catch (error) {
      logger.error({ err: error, hostsFile }, 'cannot write the hosts file');
      hostsTimer = clock.after(1_000, writeHosts);
    }
  }

  async function reconcile(key: string): Promise<Next> {
    const service = services.get(key);
    let problem: string | undefined;
    const wanted = new Map<string, { address: Address; portName: string }>();
    for (const [index, { name: portName = '', port, protocol = 'TCP' }] of (service?.spec?.ports ?? []).entries()) {
      if (protocol !== 'TCP' || service === undefined) continue;
      const outside = (service.status?.loadBalancer?.ingress ?? []).map(({ ip, ports }) => ({
        host: ip,
        port: ports?.[index]?.port ?? port,
      }));
      for (const { host, port: number } of [{ host: localAddress(service), port }, ...outside]) {
        // Only what is on this machine and ours: the real API server's own Service, for one, is elsewhere.
        if (!host?.startsWith('127.')) continue;
        const served = addresses.served({ host, port: number });
        if (!served.ok) problem = `cannot serve ${key} at ${host}:${number}: ${served.problem}`;
        else if (!addresses.isOfPod(served.value))
          wanted.set(`${served.value.host}:${served.value.port}`, { address: served.value, portName });
      }
    }
    // Names lead to the ports that were given just now.
    scheduleHosts();
    const present = forwarders.get(key) ?? new Map<string, TcpForwarder>();
    forwarders.set(key, present);
    for (const [id, forwarder] of present) {
      if (wanted.has(id)) continue;
      present.delete(id);
      await forwarder.close();
    }
    for (const [id, { address, portName }] of wanted) {
      if (present.has(id)) continue;
      try {
        present.set(id, await startForwarder(address, () => backendsOf(key, portName)));
      } catch (error) {
        problem = `cannot serve ${key} at ${id}: ${(error as Error).message}`;
        logger.warn({ service: key, address: id, err: error }, 'cannot serve a Service on its address');
      }
    }
    if (service === undefined && present.size === 0) forwarders.delete(key);
    return problem === undefined ? done : retryBecause(problem);
  }

  function backendsOf(key: string, portName: string): Backend[] {
    return slicesOf(key).flatMap((slice) => {
      const port = slice.ports?.find(({ name }) => (name ?? '') === portName)?.port;
      if (port === undefined) return [];
      return (slice.endpoints ?? []).flatMap(({ addresses: [host], conditions }) =>
        host !== undefined && conditions?.ready === true ? [servedOr({ host, port })] : [],
      );
    });
  }

  function servedOr(address: Address): Address {
    const served = addresses.served(address);
    return served.ok ? served.value : address;
  }

  return {
    async flush() {
      writeHosts();
      await queue.idle();
    },
    async stop() {
      hostsTimer?.cancel();
      await queue.stop();
      await Promise.all([...forwarders.values()].flatMap((ports) => [...ports.values()].map((one) => one.close())));
    },
  };
}
