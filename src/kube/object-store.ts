import { type KubeObject, keyOf } from './object.ts';

/** Under which values an object is found in one index, e.g. the UIDs of its owners. */
export type IndexFunction<Kind> = (object: Kind) => readonly string[];

export type StoreChange<Kind> = {
  readonly key: string;
  readonly previous: Kind | undefined;
  readonly current: Kind | undefined;
};

/** What an informer knows: the last seen state of every object, by key and by the indexes named at creation. */
export interface ObjectStore<Kind> {
  get(key: string): Kind | undefined;
  list(): Kind[];
  /** Objects of which the index function named this value. */
  byIndex(index: string, value: string): Kind[];
  readonly size: number;
}

export interface WritableObjectStore<Kind> extends ObjectStore<Kind> {
  /** Answers undefined when the store already had this very version. */
  put(object: Kind): StoreChange<Kind> | undefined;
  remove(key: string): StoreChange<Kind> | undefined;
  /** Makes the content exactly this, and answers what that changed, removals first. */
  replaceAll(objects: readonly Kind[]): StoreChange<Kind>[];
}

export function createObjectStore<Kind extends KubeObject>(
  indexes: Readonly<Record<string, IndexFunction<Kind>>> = {},
): WritableObjectStore<Kind> {
  const objects = new Map<string, Kind>();
  const byIndex = new Map<string, Map<string, Set<string>>>(Object.keys(indexes).map((name) => [name, new Map()]));

  function unindex(key: string, object: Kind): void {
    for (const [name, values] of byIndex) {
      for (const value of indexes[name]?.(object) ?? []) {
        const keys = values.get(value);
        keys?.delete(key);
        if (keys?.size === 0) values.delete(value);
      }
    }
  }
  function index(key: string, object: Kind): void {
    for (const [name, values] of byIndex) {
      for (const value of indexes[name]?.(object) ?? []) {
        const keys = values.get(value);
        if (keys === undefined) values.set(value, new Set([key]));
        else keys.add(key);
      }
    }
  }

  const store: WritableObjectStore<Kind> = {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    byIndex(name, value) {
      const keys = byIndex.get(name)?.get(value) ?? [];
      return [...keys].map((key) => objects.get(key)).filter((object) => object !== undefined);
    },
    get size() {
      return objects.size;
    },
    put(object) {
      const key = keyOf(object);
      const previous = objects.get(key);
      if (
        previous !== undefined &&
        previous.metadata.resourceVersion !== undefined &&
        previous.metadata.resourceVersion === object.metadata.resourceVersion &&
        previous.metadata.uid === object.metadata.uid
      ) {
        return undefined;
      }
      if (previous !== undefined) unindex(key, previous);
      objects.set(key, object);
      index(key, object);
      return { key, previous, current: object };
    },
    remove(key) {
      const previous = objects.get(key);
      if (previous === undefined) return undefined;
      unindex(key, previous);
      objects.delete(key);
      return { key, previous, current: undefined };
    },
    replaceAll(wanted) {
      const keys = new Set(wanted.map(keyOf));
      const removed = [...objects.keys()].filter((key) => !keys.has(key)).map((key) => store.remove(key));
      return [...removed, ...wanted.map((object) => store.put(object))].filter((change) => change !== undefined);
    },
  };
  return store;
}
