/**
 * Usage of subtrees that have a quota. ZooKeeper keeps it in nodes of its own, `/zookeeper/quota<path>/zookeeper_stats`
 * beside `zookeeper_limits`, which clients make and read; the server counts. Limits are not enforced: Apache's default.
 *
 * Source: Quotas, StatsTrack, PathTrie.
 */
export const QUOTA_ROOT = '/zookeeper/quota';
export const LIMITS_NAME = 'zookeeper_limits';
export const STATS_NAME = 'zookeeper_stats';

export const quotaStatsPath = (path: string): string => `${QUOTA_ROOT}${path}/${STATS_NAME}`;

/** Usage as text, with Apache's older fields first. */
export function usageText(count: number, bytes: number): Buffer {
  return Buffer.from(`count=${count},bytes=${bytes}`);
}

/** Of a stats node; what cannot be read counts as nothing. */
export function usageOf(data: Buffer | undefined): { count: number; bytes: number } {
  const text = data?.toString() ?? '';
  const numberOf = (name: string): number => Number(new RegExp(`(?:^|[,;=])${name}=(-?\\d+)`).exec(text)?.[1] ?? 0);
  return { count: numberOf('count'), bytes: numberOf('bytes') };
}

/** The paths that have a quota. */
export class QuotaPaths {
  #paths = new Set<string>();

  get isEmpty(): boolean {
    return this.#paths.size === 0;
  }

  add(path: string): void {
    if (path !== '' && path !== '/') this.#paths.add(path);
  }

  delete(path: string): void {
    this.#paths.delete(path);
  }

  /** The deepest path with a quota that is the given one or above it. */
  deepestAbove(path: string): string | undefined {
    if (this.#paths.size === 0) return undefined;
    for (let at = path; at.length > 1; at = at.slice(0, at.lastIndexOf('/'))) if (this.#paths.has(at)) return at;
    return undefined;
  }
}
