import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { failure, type Result, success } from '../base/index.ts';

/** Loopback addresses: `127.<network>.y.z`, every one of them bindable on Linux without any set-up. */
const podRange = { from: 0x0101, to: 0x7fff };
const loadBalancerRange = { from: 0xc000, to: 0xfffe };

type Entries = Readonly<Record<string, string>>;

/**
 * Who has which address, for good: a pod keeps its address over restarts (clients and peers have it in their memory),
 * and so does a load balancer (people have it in their shell history).
 */
export interface AddressBook {
  /** @param key  `namespace/name`; asked for before the pod exists, it is reserved */
  ofPod(key: string): Result<string, string>;
  ofLoadBalancer(key: string): Result<string, string>;
  /** Whether a pod has the address or will have it. */
  isPodAddress(address: string): boolean;
}

/**
 * @param file     where the book is kept
 * @param network  the second byte of all addresses, different for instances on one machine
 */
export function openAddressBook(file: string, network: number): AddressBook {
  const pods = new Map<string, string>();
  const loadBalancers = new Map<string, string>();
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as { pods?: Entries; loadBalancers?: Entries };
    const isOurs = ([, address]: [string, string]): boolean => address.startsWith(`127.${network}.`);
    for (const [key, address] of Object.entries(stored.pods ?? {}).filter(isOurs)) pods.set(key, address);
    for (const [key, address] of Object.entries(stored.loadBalancers ?? {}).filter(isOurs))
      loadBalancers.set(key, address);
  } catch {
    // No book yet, or one that was cut off: addresses are given anew.
  }

  function save(): void {
    const text = JSON.stringify(
      { pods: Object.fromEntries(pods), loadBalancers: Object.fromEntries(loadBalancers) },
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

  return {
    ofPod: (key) => take(pods, podRange, key),
    ofLoadBalancer: (key) => take(loadBalancers, loadBalancerRange, key),
    isPodAddress: (address) => [...pods.values()].includes(address),
  };
}
