import { failure, type Result, success } from '../../../base/index.ts';
import type { KubeObject } from '../object.ts';
import { Journal, type JournalEntry, type JournalProblem } from './journal.ts';

export type StoredEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly object: KubeObject;
  /** The object before the change: a selector may have matched it. */
  readonly previous: KubeObject | undefined;
};

/** Events kept of each bucket, so that a watch can go on from a revision of the recent past. */
const historyEvents = 2048;

/** All objects of one resource. Keys are `namespace/name`, or `/name` in cluster scope. */
type Bucket = {
  readonly name: string;
  readonly objects: Map<string, KubeObject>;
  /** Sorted keys, or undefined after an insertion or removal. */
  sorted: string[] | undefined;
  readonly history: StoredEvent[];
  /** Events up to this revision are no longer in `history`. */
  forgottenRevision: number;
  readonly listeners: Set<(event: StoredEvent) => void>;
};

export const storeKey = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

/**
 * All objects in memory, with the journal as their durable form and one increasing revision over all of them.
 *
 * A change is visible to `get` and `list` at once, so that a decision can be made without awaiting; whoever answers
 * a client first awaits `durable()`, and listeners hear of a change only once it is durable: nothing that a crash
 * could take back leaves this process.
 */
export class Store {
  readonly #buckets = new Map<string, Bucket>();
  readonly #byUid = new Map<string, { readonly bucket: string; readonly key: string }>();
  readonly #undelivered: { readonly bucket: Bucket; readonly event: StoredEvent }[] = [];
  readonly #everyListener = new Set<(bucket: string, event: StoredEvent) => void>();
  #revision = 0;
  #revisionAtOpen = 0;
  #journal: Journal | undefined;

  readonly #onProblem: (problem: unknown, during: string) => void;

  private constructor(onProblem: (problem: unknown, during: string) => void) {
    this.#onProblem = onProblem;
  }

  /** @param onProblem  hears of a failed write, after which nothing is stored, and of listeners that throw */
  static async open(
    folder: string,
    onProblem: (problem: unknown, during: string) => void,
  ): Promise<Result<Store, JournalProblem>> {
    const store = new Store(onProblem);
    const journal = await Journal.open(
      folder,
      (entry) => store.#replay(entry),
      () => store.#snapshot(),
      (revision) => store.#deliver(revision),
      (problem) => onProblem(problem, 'the journal is broken'),
    );
    if (!journal.ok) return failure(journal.problem);
    store.#journal = journal.value;
    store.#revisionAtOpen = store.#revision;
    for (const bucket of store.#buckets.values()) bucket.forgottenRevision = store.#revision;
    return success(store);
  }

  /** The newest revision; 0 before the first write. */
  get revision(): number {
    return this.#revision;
  }

  /** Resolves when everything written so far is on the device. */
  durable(): Promise<void> {
    return this.#opened().durable(this.#revision);
  }

  /** Whether changes can still be stored. */
  get isBroken(): boolean {
    return this.#opened().broken !== undefined;
  }

  get durableRevision(): number {
    return this.#opened().durableRevision;
  }

  async close(): Promise<void> {
    await this.#opened().close();
  }

  get(bucket: string, key: string): KubeObject | undefined {
    return this.#buckets.get(bucket)?.objects.get(key);
  }

  /** Where an object with this uid lives. */
  byUid(uid: string): { readonly bucket: string; readonly key: string } | undefined {
    return this.#byUid.get(uid);
  }

  /** In the order of their keys: by namespace, then by name. */
  list(bucketName: string, namespace?: string): KubeObject[] {
    const bucket = this.#buckets.get(bucketName);
    if (bucket === undefined) return [];
    bucket.sorted ??= [...bucket.objects.keys()].sort();
    const found: KubeObject[] = [];
    const prefix = namespace === undefined ? undefined : `${namespace}/`;
    for (const key of bucket.sorted) {
      if (prefix === undefined || key.startsWith(prefix)) found.push(bucket.objects.get(key) as KubeObject);
    }
    return found;
  }

  bucketNames(): string[] {
    return [...this.#buckets.keys()];
  }

  /** Stores the object under a new revision and answers it as it is stored now. */
  put(bucketName: string, key: string, object: KubeObject): KubeObject {
    this.#checkWritable();
    const bucket = this.#bucket(bucketName);
    const previous = bucket.objects.get(key);
    this.#revision += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
    this.#set(bucket, key, stored);
    this.#opened().append({ revision: this.#revision, bucket: bucketName, key, object: stored });
    const type = previous === undefined ? 'ADDED' : 'MODIFIED';
    this.#undelivered.push({ bucket, event: { type, revision: this.#revision, object: stored, previous } });
    return stored;
  }

  /** @param last  the object as watchers shall see it last; its resourceVersion becomes that of the removal */
  remove(bucketName: string, key: string, last: KubeObject): KubeObject {
    this.#checkWritable();
    const bucket = this.#bucket(bucketName);
    const previous = bucket.objects.get(key);
    this.#revision += 1;
    const gone = { ...last, metadata: { ...last.metadata, resourceVersion: String(this.#revision) } };
    this.#unset(bucket, key);
    this.#opened().append({ revision: this.#revision, bucket: bucketName, key });
    this.#undelivered.push({ bucket, event: { type: 'DELETED', revision: this.#revision, object: gone, previous } });
    return gone;
  }

  /**
   * Hears every durable change of a bucket after `since`, those of the past at once.
   *
   * @returns undefined when the past since then is forgotten; otherwise a function that ends it
   */
  listen(bucketName: string, since: number, listener: (event: StoredEvent) => void): (() => void) | undefined {
    const bucket = this.#bucket(bucketName);
    if (since < bucket.forgottenRevision) return undefined;
    for (const event of bucket.history) if (event.revision > since) listener(event);
    bucket.listeners.add(listener);
    return () => bucket.listeners.delete(listener);
  }

  /** Hears every durable change of all buckets from now on; for the controllers inside this process. */
  listenToAll(listener: (bucket: string, event: StoredEvent) => void): () => void {
    this.#everyListener.add(listener);
    return () => this.#everyListener.delete(listener);
  }

  #checkWritable(): void {
    const { broken } = this.#opened();
    if (broken !== undefined) throw broken;
  }

  /** A listener's mistake is not the store's. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (problem) {
      this.#onProblem(problem, 'a listener failed');
    }
  }

  #opened(): Journal {
    return this.#journal as Journal;
  }

  #bucket(name: string): Bucket {
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = {
        name,
        objects: new Map(),
        sorted: undefined,
        history: [],
        forgottenRevision: this.#revisionAtOpen,
        listeners: new Set(),
      };
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  #set(bucket: Bucket, key: string, object: KubeObject): void {
    if (!bucket.objects.has(key)) bucket.sorted = undefined;
    const old = bucket.objects.get(key)?.metadata.uid;
    const uid = object.metadata.uid;
    if (old !== undefined && old !== uid) this.#byUid.delete(old);
    if (uid !== undefined) this.#byUid.set(uid, { bucket: bucket.name, key });
    bucket.objects.set(key, object);
  }

  #unset(bucket: Bucket, key: string): void {
    const uid = bucket.objects.get(key)?.metadata.uid;
    if (uid !== undefined) this.#byUid.delete(uid);
    if (bucket.objects.delete(key)) bucket.sorted = undefined;
  }

  #replay(entry: JournalEntry): void {
    this.#revision = Math.max(this.#revision, entry.revision);
    if (entry.bucket === '') return;
    const bucket = this.#bucket(entry.bucket);
    if (entry.object === undefined) this.#unset(bucket, entry.key);
    else this.#set(bucket, entry.key, entry.object);
  }

  #snapshot(): { revision: number; entries: JournalEntry[] } {
    const entries = [...this.#buckets.values()].flatMap((bucket) =>
      [...bucket.objects].map(([key, object]) => ({
        revision: Number(object.metadata.resourceVersion),
        bucket: bucket.name,
        key,
        object,
      })),
    );
    return { revision: this.#revision, entries };
  }

  #deliver(revision: number): void {
    let delivered = 0;
    for (const { bucket, event } of this.#undelivered) {
      if (event.revision > revision) break;
      delivered += 1;
      bucket.history.push(event);
      if (bucket.history.length > historyEvents) {
        // In steps, so that the array is not moved for every event.
        const dropped = bucket.history.splice(0, historyEvents / 4);
        bucket.forgottenRevision = (dropped.at(-1) as StoredEvent).revision;
      }
      for (const listener of bucket.listeners) this.#tell(() => listener(event));
      for (const listener of this.#everyListener) this.#tell(() => listener(bucket.name, event));
    }
    this.#undelivered.splice(0, delivered);
  }
}
