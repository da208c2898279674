import type { Acl } from '../../protocol/zookeeper/index.ts';

/** A list of entries that nodes share; its identity stands for its content. */
export type AclList = { readonly id: number; readonly entries: readonly Acl[] };

/** Without checks: what the server's own nodes have. Written to disk as -1. */
export const openUnsafe: AclList = { id: -1, entries: [{ perms: 31, scheme: 'world', id: 'anyone' }] };

/**
 * Every distinct list once: a million nodes have a handful of them. Lists are never removed before a restart, which
 * rebuilds the table from the nodes that use them.
 *
 * Source: ReferenceCountedACLCache.
 */
export class AclTable {
  #byText = new Map<string, AclList>();
  #byId = new Map<number, AclList>();
  #nextId = 1;

  get lists(): IterableIterator<AclList> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  intern(entries: readonly Acl[]): AclList {
    if (entries.length === 0) return openUnsafe;
    const text = textOf(entries);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    return this.#put(this.#nextId, entries, text);
  }

  /** From a snapshot, under the number it has there. */
  restore(id: number, entries: readonly Acl[]): void {
    this.#put(id, entries, textOf(entries));
  }

  byId(id: number): AclList | undefined {
    return id === -1 ? openUnsafe : this.#byId.get(id);
  }

  #put(id: number, entries: readonly Acl[], text: string): AclList {
    const list = { id, entries };
    this.#byId.set(id, list);
    this.#byText.set(text, list);
    this.#nextId = Math.max(this.#nextId, id + 1);
    return list;
  }
}

function textOf(entries: readonly Acl[]): string {
  if (entries.length === 1) {
    const { perms, scheme, id } = entries[0]!;
    return `${perms}\u0000${scheme}\u0000${id}`;
  }
  return entries.map(({ perms, scheme, id }) => `${perms}\u0000${scheme}\u0000${id}`).join('\u0001');
}
