import type { EventName, Zxid } from '../../protocol/zookeeper/index.ts';
import type { AclList } from './acl-table.ts';

/** Something that hears of changes: a client's connection. It looks itself whether it may read what changed. */
export interface Watcher {
  /** For `dump` words: the session that the watches belong to. */
  readonly sessionIdHex: string;
  deliver(type: EventName, path: string, zxid: Zxid, acl: AclList): void;
}

/** How long a watch lasts and how far it sees. One watcher may have several modes on one path. */
export type WatchMode = 'standard' | 'persistent' | 'persistentRecursive';

const bits: Record<WatchMode, number> = { standard: 1, persistent: 2, persistentRecursive: 4 };
const RECURSIVE = bits.persistentRecursive;

/**
 * Watches of one sort (data or children) by path and by watcher. Mutable state of one owner, on the path of every
 * write: without watches a change costs one look-up.
 *
 * Source: WatchManager.
 */
export class WatchTable {
  #byPath = new Map<string, Map<Watcher, number>>();
  #byWatcher = new Map<Watcher, Set<string>>();
  #recursiveCount = 0;
  #count = 0;

  /** Pairs of watcher and path. */
  get count(): number {
    return this.#count;
  }

  get watcherCount(): number {
    return this.#byWatcher.size;
  }

  get pathCount(): number {
    return this.#byPath.size;
  }

  add(path: string, watcher: Watcher, mode: WatchMode): void {
    let watchers = this.#byPath.get(path);
    if (watchers === undefined) {
      watchers = new Map();
      this.#byPath.set(path, watchers);
    }
    const before = watchers.get(watcher) ?? 0;
    const after = before | bits[mode];
    if (before === after) return;
    watchers.set(watcher, after);
    if (mode === 'persistentRecursive') this.#recursiveCount++;
    if (before !== 0) return;
    this.#count++;
    const paths = this.#byWatcher.get(watcher);
    if (paths === undefined) this.#byWatcher.set(watcher, new Set([path]));
    else paths.add(path);
  }

  /** @param mode  undefined: any */
  has(path: string, watcher: Watcher, mode: WatchMode | undefined): boolean {
    const modes = this.#byPath.get(path)?.get(watcher) ?? 0;
    return mode === undefined ? modes !== 0 : (modes & bits[mode]) !== 0;
  }

  /** @returns whether there was such a watch */
  remove(path: string, watcher: Watcher, mode: WatchMode | undefined): boolean {
    const watchers = this.#byPath.get(path);
    const before = watchers?.get(watcher) ?? 0;
    const after = mode === undefined ? 0 : before & ~bits[mode];
    if (watchers === undefined || before === after) return false;
    this.#set(path, watchers, watcher, before, after);
    return true;
  }

  /** Everything of a watcher whose connection is gone. */
  removeWatcher(watcher: Watcher): void {
    for (const path of this.#byWatcher.get(watcher) ?? []) {
      const watchers = this.#byPath.get(path)!;
      if (((watchers.get(watcher) ?? 0) & RECURSIVE) !== 0) this.#recursiveCount--;
      watchers.delete(watcher);
      this.#count--;
      if (watchers.size === 0) this.#byPath.delete(path);
    }
    this.#byWatcher.delete(watcher);
  }

  /**
   * Tells those who watch a path; standard watches among them are gone afterwards.
   *
   * @param acl    of the node that changed: who may not read it is not told
   * @param except  already told of this change
   * @returns      those who watch
   */
  trigger(
    path: string,
    type: EventName,
    zxid: Zxid,
    acl: AclList,
    except?: ReadonlySet<Watcher>,
  ): ReadonlySet<Watcher> | undefined {
    const own = this.#byPath.get(path);
    if (own === undefined && this.#recursiveCount === 0) return undefined;
    const told = new Set<Watcher>();
    if (own !== undefined) {
      for (const [watcher, before] of own) {
        told.add(watcher);
        if ((before & bits.standard) !== 0) this.#set(path, own, watcher, before, before & ~bits.standard);
      }
    }
    if (this.#recursiveCount > 0) {
      for (let at = path; at !== '/'; ) {
        const slash = at.lastIndexOf('/');
        at = slash <= 0 ? '/' : at.slice(0, slash);
        for (const [watcher, modes] of this.#byPath.get(at) ?? []) if ((modes & RECURSIVE) !== 0) told.add(watcher);
      }
    }
    for (const watcher of told)
      if (except === undefined || !except.has(watcher)) watcher.deliver(type, path, zxid, acl);
    return told;
  }

  *byPath(): Generator<[string, Iterable<Watcher>]> {
    for (const [path, watchers] of this.#byPath) yield [path, watchers.keys()];
  }

  byWatcher(): IterableIterator<[Watcher, Set<string>]> {
    return this.#byWatcher.entries();
  }

  #set(path: string, watchers: Map<Watcher, number>, watcher: Watcher, before: number, after: number): void {
    if ((before & RECURSIVE) !== 0 && (after & RECURSIVE) === 0) this.#recursiveCount--;
    if (after !== 0) {
      watchers.set(watcher, after);
      return;
    }
    this.#count--;
    watchers.delete(watcher);
    if (watchers.size === 0) this.#byPath.delete(path);
    const paths = this.#byWatcher.get(watcher);
    paths?.delete(path);
    if (paths?.size === 0) this.#byWatcher.delete(watcher);
  }
}
