import type { KubeObject } from '../object.ts';
import type { Store } from '../store/store.ts';
import { builtinResources } from './catalog.ts';
import { customResources } from './custom.ts';
import { definitionsBucket } from './definitions.ts';
import type { Resource } from './resource.ts';

/** Finds the resource of a path. Custom ones follow the stored definitions without being told of changes. */
export class Registry {
  readonly #builtin: readonly Resource[];
  readonly #store: Store;
  readonly #made = new WeakMap<KubeObject, readonly Resource[]>();

  constructor(store: Store) {
    this.#store = store;
    this.#builtin = builtinResources();
  }

  get builtin(): readonly Resource[] {
    return this.#builtin;
  }

  custom(): Resource[] {
    return this.#store.list(definitionsBucket).flatMap((definition) => this.ofDefinition(definition));
  }

  ofDefinition(definition: KubeObject): readonly Resource[] {
    let made = this.#made.get(definition);
    if (made === undefined) {
      made = customResources(definition);
      this.#made.set(definition, made);
    }
    return made;
  }

  all(): Resource[] {
    return [...this.#builtin, ...this.custom()];
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    const matches = (resource: Resource): boolean =>
      resource.plural === plural && resource.group === group && resource.version === version;
    return this.#builtin.find(matches) ?? this.custom().find(matches);
  }

  /** A resource that serves the bucket, in whichever version. */
  ofBucket(bucket: string): Resource | undefined {
    const matches = (resource: Resource): boolean => resource.bucket === bucket;
    return this.#builtin.find(matches) ?? this.custom().find(matches);
  }

  ofKind(apiVersion: string, kind: string): Resource | undefined {
    const matches = (resource: Resource): boolean => resource.apiVersion === apiVersion && resource.kind === kind;
    return this.#builtin.find(matches) ?? this.custom().find(matches);
  }
}
