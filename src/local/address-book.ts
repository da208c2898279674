import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Address, failure, type Result, success } from '../base/index.ts';

/** Loopback addresses: `127.<network>.y.z`, every one of them bindable on Linux without any set-up. */
const podRange = { from: 0x0101, to: 0x7fff };
const loadBalancerRange = { from: 0xc000, to: 0xfffe };

const onlyAddress = '127.0.0.1';

type Entries = Readonly<Record<string, string>>;

/**
 * Who has which address, for good: a pod keeps its address over restarts (clients and peers have it in their memory),
 * and so does a load balancer (people have it in their shell history).
 */
export interface AddressBook {
  /** @param key  `namespace/name`; asked for before the pod exists, it is reserved */
  ofPod(key: string): Result<string, string>;
  ofLoadBalancer(key: string): Result<string, string>;
  /**
   * Where this port of an address is really bound: there, or, where addresses are only names because the machine has
   * just one of them, at a port of 127.0.0.1 that it keeps from the first question on.
   */
  served(address: Address): Result<Address, string>;
  /** The ports of an address that are served at others so far; undefined if ports are what they say. */
  portsOf(address: string): ReadonlyMap<number, number> | undefined;
  /** Whether a pod serves this, or will: `address` as it is bound. */
  isOfPod(address: Address): boolean;
}

const isVirtual = (host: string): boolean => host.startsWith('127.') && host !== onlyAddress;

/**
 * @param file     where the book is kept
 * @param network  the second byte of all addresses, different for instances on one machine
 * @param freePorts  of 127.0.0.1, for a machine that has no other loopback address
 */
export function openAddressBook(file: string, network: number, freePorts?: readonly number[]): AddressBook {
  const pods = new Map<string, string>();
  const loadBalancers = new Map<string, string>();
  /** `address:port` -> port of 127.0.0.1. */
  const ports = new Map<string, number>();
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as {
      pods?: Entries;
      loadBalancers?: Entries;
      ports?: Readonly<Record<string, number>>;
    };
    const isOurs = ([, address]: [string, string]): boolean => address.startsWith(`127.${network}.`);
    for (const [key, address] of Object.entries(stored.pods ?? {}).filter(isOurs)) pods.set(key, address);
    for (const [key, address] of Object.entries(stored.loadBalancers ?? {}).filter(isOurs))
      loadBalancers.set(key, address);
    for (const [key, port] of Object.entries(stored.ports ?? {})) if (freePorts?.includes(port)) ports.set(key, port);
  } catch {
    // No book yet, or one that was cut off: addresses are given anew.
  }

  function save(): void {
    const text = JSON.stringify(
      {
        pods: Object.fromEntries(pods),
        loadBalancers: Object.fromEntries(loadBalancers),
        ...(ports.size === 0 ? {} : { ports: Object.fromEntries(ports) }),
      },
      undefined,
      2,
    );
    writeFileSync(`${file}.new`, `${text}\n`);
    renameSync(`${file}.new`, file);
  }

  function take(book: Map<string, string>, range: { from: number; to: number }, key: string): Result<string, string> {
    const known = book.get(key);
    if (known !== undefined) return success(known);
    const taken = new Set(book.values());
    for (let low = range.from; low <= range.to; low++) {
      const address = `127.${network}.${low >> 8}.${low & 0xff}`;
      if (taken.has(address) || (low & 0xff) === 0 || (low & 0xff) === 0xff) continue;
      book.set(key, address);
      save();
      return success(address);
    }
    return failure(`all addresses from 127.${network}.${range.from >> 8}.${range.from & 0xff} on are taken`);
  }

  function served(address: Address): Result<Address, string> {
    if (freePorts === undefined || !isVirtual(address.host)) return success(address);
    const key = `${address.host}:${address.port}`;
    const known = ports.get(key);
    if (known !== undefined) return success({ host: onlyAddress, port: known });
    const taken = new Set(ports.values());
    const port = freePorts.find((candidate) => !taken.has(candidate));
    if (port === undefined)
      return failure(`all ${freePorts.length} ports of ${onlyAddress} that pods can have are taken`);
    ports.set(key, port);
    save();
    return success({ host: onlyAddress, port });
  }

  function portsOf(address: string): ReadonlyMap<number, number> | undefined {
    if (freePorts === undefined || !isVirtual(address)) return undefined;
    const own = [...ports].filter(([key]) => key.startsWith(`${address}:`));
    return new Map(own.map(([key, port]) => [Number(key.slice(address.length + 1)), port]));
  }

  return {
    ofPod: (key) => take(pods, podRange, key),
    ofLoadBalancer: (key) => take(loadBalancers, loadBalancerRange, key),
    served,
    portsOf,
    isOfPod({ host, port }) {
      const addresses = [...pods.values()];
      if (freePorts === undefined) return addresses.includes(host);
      return (
        host === onlyAddress && addresses.some((address) => [...(portsOf(address)?.values() ?? [])].includes(port))
      );
    },
  };
}
