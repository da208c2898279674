/**
 * `ephemeralOwner` says more than who owns a node: containers and nodes with a time to live use values that no session
 * has.
 *
 * Source: EphemeralType.
 */
export type OwnerKind = 'none' | 'session' | 'container' | 'ttl';

export const NO_OWNER = 0n;
export const CONTAINER_OWNER = -0x8000000000000000n;

/** 40 bits of milliseconds, about 34 years. */
export const TTL_MS_MAX = 0xffffffffff;

const TTL_HIGH_BYTE = 0xff;

export function ownerKind(owner: bigint, extendedTypes: boolean): OwnerKind {
  if (owner === NO_OWNER) return 'none';
  if (owner === CONTAINER_OWNER) return 'container';
  const unsigned = BigInt.asUintN(64, owner);
  if (extendedTypes && Number(unsigned >> 56n) === TTL_HIGH_BYTE && ((unsigned >> 40n) & 0xffffn) === 0n) return 'ttl';
  return 'session';
}

/** @param ttlMs  from 1 to `TTL_MS_MAX` */
export const ttlOwner = (ttlMs: number): bigint => BigInt.asIntN(64, (0xffn << 56n) | BigInt(ttlMs));

export const ttlOf = (owner: bigint): number => Number(BigInt.asUintN(40, owner));

/** What a client is shown: only sessions own nodes; a container and a time to live look like nobody. */
export function clientOwner(owner: bigint, extendedTypes: boolean): bigint {
  return owner !== NO_OWNER && ownerKind(owner, extendedTypes) !== 'session' ? NO_OWNER : owner;
}
