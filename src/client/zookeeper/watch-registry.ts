import type { EventName, RequestOf } from '../../protocol/zookeeper/index.ts';

/** What a watcher is told. The path is as the caller of this client sees it (without the chroot). */
export type WatchEvent = { readonly type: EventName; readonly path: string };
export type Watcher = (event: WatchEvent) => void;

/** Kinds of watch as a client keeps them: `exist` is a data watch on a node that was not there. */
export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'persistentRecursive';

const SET_WATCHES_BYTES_MAX = 128 * 1024;
const STRING_LENGTH_BYTES = 4;

/**
 * The watches of one session, by kind and path as the server knows it. A one-shot watch leaves with its event. After a
 * reconnect `setWatchesRequests` tells the server all of them.
 *
 * Source: ZKWatchManager and ClientCnxn.primeConnection of the Java client.
 */
export class WatchRegistry {
  #watchers: Record<WatchKind, Map<string, Set<Watcher>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    persistentRecursive: new Map(),
  };

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const byPath = this.#watchers[kind];
    const watchers = byPath.get(path);
    if (watchers === undefined) byPath.set(path, new Set([watcher]));
    else watchers.add(watcher);
  }

  /** Forgets all watches of these kinds on a path; answers whether there were any. */
  remove(kinds: readonly WatchKind[], path: string): boolean {
    let found = false;
    for (const kind of kinds) found = this.#watchers[kind].delete(path) || found;
    return found;
  }

  clear(): void {
    for (const byPath of Object.values(this.#watchers)) byPath.clear();
  }

  get count(): number {
    let count = 0;
    for (const byPath of Object.values(this.#watchers)) for (const watchers of byPath.values()) count += watchers.size;
    return count;
  }

  /** Who is to hear of an event; one-shot watches among them are gone afterwards. */
  fire(type: EventName, path: string): Set<Watcher> {
    const told = new Set<Watcher>();
    const take = (kind: 'data' | 'exist' | 'child'): void => {
      for (const watcher of this.#watchers[kind].get(path) ?? []) told.add(watcher);
      this.#watchers[kind].delete(path);
    };
    switch (type) {
      case 'nodeCreated':
      case 'nodeDataChanged':
        take('data');
        take('exist');
        this.#addPersistent(path, told, true);
        break;
      case 'nodeChildrenChanged':
        take('child');
        this.#addPersistent(path, told, false);
        break;
      case 'nodeDeleted':
        take('data');
        take('exist');
        take('child');
        this.#addPersistent(path, told, true);
        break;
      case 'dataWatchRemoved':
        take('data');
        take('exist');
        break;
      case 'childWatchRemoved':
        take('child');
        break;
      case 'persistentWatchRemoved':
        for (const kind of ['persistent', 'persistentRecursive'] as const) {
          for (const watcher of this.#watchers[kind].get(path) ?? []) told.add(watcher);
          this.#watchers[kind].delete(path);
        }
        break;
      case 'none':
        break;
    }
    return told;
  }

  #addPersistent(path: string, told: Set<Watcher>, recursive: boolean): void {
    for (const watcher of this.#watchers.persistent.get(path) ?? []) told.add(watcher);
    if (!recursive || this.#watchers.persistentRecursive.size === 0) return;
    for (let at = path; at !== ''; at = at === '/' ? '' : parentOf(at)) {
      for (const watcher of this.#watchers.persistentRecursive.get(at) ?? []) told.add(watcher);
    }
  }

  /** Several requests where one would be too large for a frame. */
  setWatchesRequests(relativeZxid: number): (RequestOf<'setWatches'> | RequestOf<'setWatches2'>)[] {
    const requests: (RequestOf<'setWatches'> | RequestOf<'setWatches2'>)[] = [];
    type Batch = Record<WatchKind, string[]>;
    const fresh = (): Batch => ({ data: [], exist: [], child: [], persistent: [], persistentRecursive: [] });
    let batch = fresh();
    let bytes = 0;
    const flush = (): void => {
      if (bytes === 0) return;
      const { data, exist, child, persistent, persistentRecursive } = batch;
      const common = { relativeZxid, data, exist, child };
      requests.push(
        persistent.length + persistentRecursive.length === 0
          ? { op: 'setWatches', ...common }
          : { op: 'setWatches2', ...common, persistent, persistentRecursive },
      );
      batch = fresh();
      bytes = 0;
    };
    for (const kind of Object.keys(this.#watchers) as WatchKind[]) {
      for (const path of this.#watchers[kind].keys()) {
        batch[kind].push(path);
        bytes += STRING_LENGTH_BYTES + Buffer.byteLength(path);
        if (bytes > SET_WATCHES_BYTES_MAX) flush();
      }
    }
    flush();
    return requests;
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}
