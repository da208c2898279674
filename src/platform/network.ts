import { lookup as systemLookup } from 'node:dns';
import { type AddressInfo, connect, createServer, isIP, type LookupFunction, type Socket } from 'node:net';
import type { Address, Network } from '../base/index.ts';
import { type HostsFile, hostsFileOf } from './hosts-file.ts';

/** Connections waiting to be accepted. */
const backlog = 511;

const wildcards: readonly string[] = ['', '0.0.0.0', '::'];

/**
 * Sockets of this machine. The environment of a simulated pod (see `src/local/kubelet`) changes two things:
 * `HIKUBE_HOSTS_FILE` names a hosts file that is asked before DNS, `HIKUBE_POD_ADDRESS` is what a wildcard listener binds to.
 */
export function nodeNetwork(environment: NodeJS.ProcessEnv = process.env): Network {
  const hostsPath = environment.HIKUBE_HOSTS_FILE;
  const podAddress = environment.HIKUBE_POD_ADDRESS;
  const lookup = hostsPath === undefined ? undefined : lookupWith(hostsFileOf(hostsPath));
  return {
    connect({ host, port }: Address): Socket {
      return connect({ host, port, noDelay: true, ...(lookup === undefined ? {} : { lookup }) });
    },
    listen({ host, port }, onConnection) {
      return new Promise((resolve, reject) => {
        const server = createServer({ noDelay: true }, onConnection);
        server.once('error', reject);
        const bind = podAddress !== undefined && wildcards.includes(host) ? podAddress : host;
        server.listen({ port, backlog, ...(bind === '' ? {} : { host: bind }) }, () => {
          server.removeListener('error', reject);
          const bound = server.address() as AddressInfo;
          resolve({
            address: { host: bound.address, port: bound.port },
            close: () => new Promise((closed) => void server.close(() => closed())),
          });
        });
      });
    },
  };
}

/** A `lookup` for node:net: names of the hosts file first, then the system's. */
function lookupWith(hosts: HostsFile): LookupFunction {
  return (name, options, answer) => {
    const found = hosts.addressesOf(name).filter((address) => isIP(address) !== 0);
    const [first] = found;
    if (first === undefined) {
      systemLookup(name, options, answer);
    } else if (options.all) {
      answer(
        null,
        found.map((address) => ({ address, family: isIP(address) })),
      );
    } else {
      answer(null, first, isIP(first));
    }
  };
}
