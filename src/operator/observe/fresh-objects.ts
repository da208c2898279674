import type { KubeObject } from '../../kube/index.ts';

/**
 * What we wrote a moment ago and the watch has not shown yet. Without it, a pass that begins too soon would take its
 * own writing for not done, and write again.
 */
export interface FreshObjects<Kind extends KubeObject> {
  /** The newest state that is known: the cached one, unless it is one that we have written over since. */
  newest(cached: Kind): Kind;
  /** @param before  what the write was made from; @param after  what the server answered */
  wrote(before: Kind, after: Kind): void;
  readonly size: number;
}

/** Beyond it the oldest are forgotten: then a pass may write the same thing twice, which does no harm. */
const rememberedLimit = 10_000;

export function createFreshObjects<Kind extends KubeObject>(): FreshObjects<Kind> {
  const entries = new Map<string, { readonly replaced: ReadonlySet<string>; readonly object: Kind }>();
  const versionOf = (object: Kind): string => object.metadata.resourceVersion ?? '';
  return {
    newest(cached) {
      const uid = cached.metadata.uid ?? '';
      const entry = entries.get(uid);
      if (entry === undefined) return cached;
      if (entry.replaced.has(versionOf(cached))) return entry.object;
      entries.delete(uid);
      return cached;
    },
    wrote(before, after) {
      const uid = after.metadata.uid ?? '';
      if (versionOf(before) === versionOf(after)) return;
      const earlier = entries.get(uid);
      const replaced = new Set(earlier?.replaced).add(versionOf(before));
      if (earlier !== undefined) replaced.add(versionOf(earlier.object));
      replaced.delete(versionOf(after));
      entries.delete(uid);
      entries.set(uid, { replaced, object: after });
      for (const oldest of entries.keys()) {
        if (entries.size <= rememberedLimit) break;
        entries.delete(oldest);
      }
    },
    get size() {
      return entries.size;
    },
  };
}
