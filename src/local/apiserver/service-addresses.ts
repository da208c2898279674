import { fieldAt, type KubeObject } from './object.ts';

export type Range = { readonly first: number; readonly count: number };

/** `127.96.0.0/16`; undefined if it is not an IPv4 range. */
export function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a, b, c, d, bits] = match.slice(1).map(Number) as [number, number, number, number, number];
  if (Math.max(a, b, c, d) > 255 || bits < 8 || bits > 30) return undefined;
  const count = 2 ** (32 - bits);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return { first: address - (address % count), count };
}

const text = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** A free address of the range for a Service, or why the wanted one cannot be had. */
export function serviceAddress(
  range: Range,
  services: readonly KubeObject[],
  wanted: string | undefined,
  random: () => number,
): { readonly address: string } | { readonly problem: string } {
  const used = new Set(services.map((service) => fieldAt(service, ['spec', 'clusterIP'])));
  if (wanted !== undefined) {
    if (used.has(wanted)) return { problem: 'failed to allocate IP: provided IP is already allocated' };
    const parsed = parseRange(`${wanted}/30`);
    const number = wanted.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    if (parsed === undefined || number <= range.first || number >= range.first + range.count - 1) {
      return {
        problem: `failed to allocate IP ${wanted}: the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${text(range.first)}/${32 - Math.log2(range.count)}`,
      };
    }
    return { address: wanted };
  }
  // The first address belongs to the API server itself, as everywhere.
  const free = range.count - 3;
  const start = Math.floor(random() * free);
  for (let step = 0; step < free; step += 1) {
    const address = text(range.first + 2 + ((start + step) % free));
    if (!used.has(address)) return { address };
  }
  return { problem: 'failed to allocate a serviceIP: range is full' };
}
