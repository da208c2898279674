const MODULUS = 65521;
/** So many bytes may be summed before the sums have to be reduced to stay below 2^31. */
const STRETCH = 3_800;

/**
 * Adler-32, on from an earlier value (1 at the start). ZooKeeper's files use it, `node:zlib` does not offer it.
 *
 * Source: RFC 1950.
 */
export function adler32(bytes: Uint8Array, value = 1): number {
  let low = value & 0xffff;
  let high = value >>> 16;
  const end = bytes.length;
  for (let at = 0; at < end; ) {
    const stop = Math.min(at + STRETCH, end);
    for (; at + 4 <= stop; at += 4) {
      low += bytes[at]!;
      high += low;
      low += bytes[at + 1]!;
      high += low;
      low += bytes[at + 2]!;
      high += low;
      low += bytes[at + 3]!;
      high += low;
    }
    for (; at < stop; at++) {
      low += bytes[at]!;
      high += low;
    }
    low %= MODULUS;
    high %= MODULUS;
  }
  return ((high << 16) | low) >>> 0;
}
