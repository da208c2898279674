import type { Znode } from './znode.ts';

const SHARDS = 1024;
/** Characters that are hashed: a long path is told from its neighbours by its end. */
const HASHED = 48;

/**
 * Nodes by path. Many small maps instead of one: when a map grows it takes all its entries over at once, and with a
 * million nodes the whole server would stand still for half a second.
 */
export class NodeMap {
  #shards: (Map<string, Znode> | undefined)[] = new Array(SHARDS).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(path: string): Znode | undefined {
    return this.#shards[shardOf(path)]?.get(path);
  }

  set(path: string, node: Znode): void {
    const at = shardOf(path);
    let shard = this.#shards[at];
    if (shard === undefined) {
      shard = new Map();
      this.#shards[at] = shard;
    }
    this.#size -= shard.size;
    shard.set(path, node);
    this.#size += shard.size;
  }

  delete(path: string): void {
    const at = shardOf(path);
    const shard = this.#shards[at];
    if (shard?.delete(path) !== true) return;
    this.#size--;
    if (shard.size === 0) this.#shards[at] = undefined;
  }
}

/** FNV-1a over the end of the path. */
function shardOf(path: string): number {
  let hash = 0x811c9dc5 ^ path.length;
  for (let index = Math.max(0, path.length - HASHED); index < path.length; index++) {
    hash = Math.imul(hash ^ path.charCodeAt(index), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (SHARDS - 1);
}
