import type { EndpointSlice, Service } from '../../kube/index.ts';

export type HostsLine = { readonly address: string; readonly names: readonly string[] };

/** What the hosts file is made from. */
export type HostsInput = {
  readonly services: readonly Service[];
  readonly slicesOf: (serviceKey: string) => readonly EndpointSlice[];
  /** The address at which a Service that is not headless is served on this machine. */
  readonly serviceAddress: (service: Service) => string | undefined;
  readonly clusterDomain: string;
};

/**
 * The names that cluster DNS would know, pure: Services with a cluster address by that address, headless Services by
 * their pods' addresses (ready ones, or all with publishNotReadyAddresses), named pods of headless Services by their own.
 * Names without a namespace are given to the Service of the namespace `default`, or to the only one of the name.
 *
 * Source: Kubernetes' DNS-based service discovery specification 1.1.0; CoreDNS gives a pod its name even before it is
 * ready only with publishNotReadyAddresses, and so do we.
 */
export function hostsLines({ services, slicesOf, serviceAddress, clusterDomain }: HostsInput): HostsLine[] {
  const lines: HostsLine[] = [];
  const namespacesOf = new Map<string, string[]>();
  for (const { metadata } of services) {
    namespacesOf.set(metadata.name, [...(namespacesOf.get(metadata.name) ?? []), metadata.namespace ?? '']);
  }
  const sorted = [...services].sort((a, b) => (sortText(a) < sortText(b) ? -1 : 1));
  for (const service of sorted) {
    const { name, namespace = '' } = service.metadata;
    const holders = namespacesOf.get(name) ?? [];
    const isBare = namespace === 'default' || (holders.length === 1 && !holders.includes('default'));
    const forms = (host: string): string[] => [
      `${host}.${namespace}.svc`,
      `${host}.${namespace}.svc.${clusterDomain}`,
      `${host}.${namespace}`,
      ...(isBare ? [host] : []),
    ];
    if (service.spec?.clusterIP !== 'None') {
      const address = serviceAddress(service);
      if (address !== undefined) lines.push({ address, names: forms(name) });
      continue;
    }
    for (const slice of slicesOf(`${namespace}/${name}`)) {
      for (const { addresses, conditions, hostname } of slice.endpoints ?? []) {
        const [address] = addresses;
        if (address === undefined || conditions?.ready !== true) continue;
        lines.push({
          address,
          names: [...(hostname === undefined ? [] : forms(`${hostname}.${name}`)), ...forms(name)],
        });
      }
    }
  }
  return lines;
}

const sortText = ({ metadata }: Service): string => `${metadata.namespace}/${metadata.name}`;

/** @param portsOf  the ports of an address that are served at others of 127.0.0.1: a comment for `platform/hosts-file.ts` */
export function hostsText(
  lines: readonly HostsLine[],
  portsOf: (address: string) => ReadonlyMap<number, number> | undefined,
): string {
  const ports = (address: string): string =>
    [...(portsOf(address) ?? [])].map(([port, other]) => ` ${port}=${other}`).join('');
  const comment = (text: string): string => (text === '' ? '' : ` # ports${text}`);
  const body = lines.map(({ address, names }) => `${address} ${names.join(' ')}${comment(ports(address))}\n`).join('');
  return `# Names of the local cluster's Services and pods; written anew whenever one changes.\n127.0.0.1 localhost\n${body}`;
}
