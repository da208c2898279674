import { readFileSync, statSync } from 'node:fs';

/** A file of the form of /etc/hosts; a name may stand in several lines and then has several addresses. */
export interface HostsFile {
  /** Addresses of a name, in the order of the file; empty if it is not there. */
  addressesOf(name: string): readonly string[];
}

/** How often at most the file's time of change is looked at. */
const freshMs = 100;

/**
 * Reads a hosts file and follows its changes. The local Kubernetes rewrites it whenever a pod or Service comes or goes.
 * A file that is not there yet has no names.
 */
export function hostsFileOf(path: string): HostsFile {
  let addresses = new Map<string, string[]>();
  let version = '';
  let checkedMs = Number.NEGATIVE_INFINITY;
  const refresh = (): void => {
    const now = performance.now();
    if (now - checkedMs < freshMs) return;
    checkedMs = now;
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    const seen = stat === undefined ? '' : `${stat.ino}:${stat.mtimeNs}:${stat.size}`;
    if (seen === version) return;
    addresses = stat === undefined ? new Map() : parseHosts(readFileSync(path, 'utf8'));
    version = seen;
  };
  return {
    addressesOf(name) {
      refresh();
      return addresses.get(name.toLowerCase().replace(/\.$/, '')) ?? [];
    },
  };
}

function parseHosts(text: string): Map<string, string[]> {
  const addresses = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || address === '') continue;
    for (const name of names) {
      const known = addresses.get(name.toLowerCase());
      if (known === undefined) addresses.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return addresses;
}
