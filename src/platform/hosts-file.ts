import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Address } from '../base/index.ts';
import { parsePorts } from './pod-ports.ts';

/**
 * A file of the form of /etc/hosts; a name may stand in several lines and then has several addresses. A comment
 * `# ports 9092=20001 9404=20002` at a line's end says that these ports of its address are served at others of 127.0.0.1.
 */
export interface HostsFile {
  /** Addresses of a name, in the order of the file; empty if it is not there. */
  addressesOf(name: string): readonly string[];
  /** Where a port of a name (or of an address in the file) is served instead; empty if it is where it says it is. */
  servedAt(name: string, port: number): readonly Address[];
}

type Hosts = {
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** By address. */
  readonly ports: ReadonlyMap<string, ReadonlyMap<number, number>>;
};
const noHosts: Hosts = { addresses: new Map(), ports: new Map() };
const servingHost = '127.0.0.1';

/** How often at most the file's time of change is looked at. */
const freshMs = 100;

/**
 * Reads a hosts file and follows its changes. The local Kubernetes rewrites it whenever a pod or Service comes or goes.
 * A file that is not there yet has no names.
 */
export function hostsFileOf(path: string): HostsFile {
  let hosts = noHosts;
  let version = '';
  let checkedMs = Number.NEGATIVE_INFINITY;
  const refresh = (): void => {
    const now = performance.now();
    if (now - checkedMs < freshMs) return;
    checkedMs = now;
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    const seen = stat === undefined ? '' : `${stat.ino}:${stat.mtimeNs}:${stat.size}`;
    if (seen === version) return;
    hosts = stat === undefined ? noHosts : parseHosts(readFileSync(path, 'utf8'));
    version = seen;
  };
  const addressesOf = (name: string): readonly string[] => {
    refresh();
    return hosts.addresses.get(name.toLowerCase().replace(/\.$/, '')) ?? [];
  };
  return {
    addressesOf,
    servedAt(name, port) {
      const addresses = isIP(name) === 0 ? addressesOf(name) : [name];
      refresh();
      return addresses.flatMap((address) => {
        const other = hosts.ports.get(address)?.get(port);
        return other === undefined ? [] : [{ host: servingHost, port: other }];
      });
    },
  };
}

function parseHosts(text: string): Hosts {
  const addresses = new Map<string, string[]>();
  const ports = new Map<string, ReadonlyMap<number, number>>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || address === '') continue;
    const comment = /# ports (.*)$/.exec(line)?.[1];
    if (comment !== undefined) ports.set(address, parsePorts(comment.trim().split(/\s+/)));
    for (const name of names) {
      const known = addresses.get(name.toLowerCase());
      if (known === undefined) addresses.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return { addresses, ports };
}
