import { lookup as systemLookup } from 'node:dns';
import { type AddressInfo, connect, createServer, isIP, type LookupFunction, type Socket } from 'node:net';
import type { Address, Network } from '../base/index.ts';
import { type HostsFile, hostsFileOf } from './hosts-file.ts';
import { podListenAddress } from './pod-ports.ts';

/** Connections waiting to be accepted. */
const backlog = 511;

/**
 * Sockets of this machine. The environment of a simulated pod (see `src/local/kubelet`) changes two things:
 * `HIKUBE_HOSTS_FILE` names a hosts file that is asked before DNS and may lead to other ports, and listeners bind as
 * `podListenAddress` says.
 */
export function nodeNetwork(environment: NodeJS.ProcessEnv = process.env): Network {
  const hostsPath = environment.HIKUBE_HOSTS_FILE;
  const hosts = hostsPath === undefined ? undefined : hostsFileOf(hostsPath);
  const lookup = hosts === undefined ? undefined : lookupWith(hosts);
  let turn = 0;
  return {
    connect({ host, port }: Address): Socket {
      const served = hosts?.servedAt(host, port) ?? [];
      const elsewhere = served[turn++ % served.length];
      if (elsewhere !== undefined) return connect({ ...elsewhere, noDelay: true });
      return connect({ host, port, noDelay: true, ...(lookup === undefined ? {} : { lookup }) });
    },
    listen(address, onConnection) {
      const { host, port } = podListenAddress(address, environment);
      return new Promise((resolve, reject) => {
        const server = createServer({ noDelay: true }, onConnection);
        server.once('error', reject);
        server.listen({ port, backlog, ...(host === '' ? {} : { host }) }, () => {
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
