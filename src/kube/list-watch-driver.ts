import type { Clock, Logger, Random } from '../base/index.ts';
import type { KubeClient } from './client.ts';
import { type KubeObject, keyOf } from './object.ts';
import { createObjectStore, type IndexFunction, type ObjectStore, type StoreChange } from './object-store.ts';
import type { ResourceType } from './resource-type.ts';
import { backoffMs } from './retry.ts';
import type { Selection } from './selection.ts';
import type { WatchEnd, WatchHandle } from './watch-stream.ts';

//   list ──ok──▶ watch ──closed, stalled──▶ watch from the last version
//    ▲ │           │ failed ──back-off──▶ watch from the last version
//    │ └─failed,   │
//    │   back-off  └─ gone, or no progress in many watches ─┐
//    └──────────────── not before the relist bound ─────────┘

/** Watches are this long, so that a connection which died silently is found within a minute even on a quiet type. */
const watchTimeoutSeconds = 45;
/** A server closes a watch in time, so silence for longer than this means that the connection is dead. */
const stallMarginMs = 10_000;
/** Two lists of one type at once, then one per this time: a server that keeps saying `gone` is not stormed. */
const relistPeriodMs = 10_000;
const relistBurst = 2;
const backoffBounds = { firstMs: 100, longestMs: 15_000 };
/** A watch that lived so long was a success, whatever ended it. */
const healthyWatchMs = 5_000;
/** So many watches in a row without an event or bookmark, each ended early, cast doubt on the version: list again. */
const fruitlessWatchesLimit = 8;

export interface Informer<Kind extends KubeObject> extends ObjectStore<Kind> {
  readonly type: ResourceType<Kind>;
  /** Called for every change, with the object before and after; during the first list with every object. It must not throw. */
  onChange(handler: (change: StoreChange<Kind>) => void): void;
  start(): void;
  /** Resolves when the first list is in the store; rejects never, so give it a time-out if there must be one. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** For tests and metrics. */
  readonly counters: { readonly lists: number; readonly watches: number; readonly stalls: number };
  stop(): Promise<void>;
}

export type InformerOptions<Kind extends KubeObject> = Selection & {
  readonly indexes?: Readonly<Record<string, IndexFunction<Kind>>>;
  /** What to keep of an object; by default all but `metadata.managedFields`, which are half of many objects' size. */
  readonly transform?: (object: Kind) => Kind;
  /** For tests of stalls: shorter watches. */
  readonly watchTimeoutSeconds?: number;
  readonly stallMarginMs?: number;
};

export type InformerDeps = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

/**
 * Keeps a store equal to what the API server has: list, then watches from there on for ever.
 *
 * Own code because the JavaScript client's informer can stall without any error (kubernetes-client/javascript #596,
 * #958, #1933): here silence ends a watch, every watch ends by itself within a minute, and lists have a rate bound.
 */
export function createInformer<Kind extends KubeObject>(
  type: ResourceType<Kind>,
  options: InformerOptions<Kind>,
  { client, clock, random, logger: parentLogger }: InformerDeps,
): Informer<Kind> {
  const logger = parentLogger.child({ resource: type.plural });
  const store = createObjectStore<Kind>(options.indexes);
  const transform = options.transform ?? withoutManagedFields;
  const handlers: ((change: StoreChange<Kind>) => void)[] = [];
  const counters = { lists: 0, watches: 0, stalls: 0 };
  const timeoutSeconds = options.watchTimeoutSeconds ?? watchTimeoutSeconds;
  const stopping = new AbortController();
  let watch: WatchHandle | undefined;
  let isSynced = false;
  let markSynced: () => void = () => {};
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve;
  });
  let running: Promise<void> | undefined;

  const notify = (change: StoreChange<Kind> | undefined): void => {
    if (change === undefined) return;
    for (const handler of handlers) handler(change);
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (stopping.signal.aborted) return resolve();
      const timer = clock.after(ms, resolve);
      stopping.signal.addEventListener(
        'abort',
        () => {
          timer.cancel();
          resolve();
        },
        { once: true },
      );
    });

  /** The version to watch from; undefined when stopped. */
  async function listUntilDone(): Promise<string | undefined> {
    for (let failures = 1; !stopping.signal.aborted; failures++) {
      counters.lists++;
      const answer = await client.list(type, options);
      if (stopping.signal.aborted) return undefined;
      if (answer.ok) {
        for (const change of store.replaceAll(answer.value.items.map(transform))) notify(change);
        isSynced = true;
        markSynced();
        return answer.value.resourceVersion;
      }
      logger.warn({ problem: answer.problem, failures }, 'cannot list; will try again');
      await pause(backoffMs(backoffBounds, failures, random.next()));
    }
    return undefined;
  }

  async function watchOnce(from: string, onProgress: (resourceVersion: string) => void): Promise<WatchEnd> {
    counters.watches++;
    watch = client.watch(type, {
      ...options,
      resourceVersion: from,
      timeoutSeconds,
      stallMs: timeoutSeconds * 1000 + (options.stallMarginMs ?? stallMarginMs),
      onEvent(event) {
        if (stopping.signal.aborted) return;
        if (event.kind === 'bookmark') return onProgress(event.resourceVersion);
        const object = transform(event.object);
        notify(event.kind === 'deleted' ? removeFromStore(object) : store.put(object));
        onProgress(object.metadata.resourceVersion ?? '');
      },
    });
    return watch.ended;
  }

  /** The last state of a deleted object, as the event brought it, is what handlers see as `previous`. */
  function removeFromStore(object: Kind): StoreChange<Kind> | undefined {
    const removed = store.remove(keyOf(object));
    return removed === undefined ? undefined : { ...removed, previous: object };
  }

  async function run(): Promise<void> {
    let relistTokens = relistBurst;
    let tokensAtMs = clock.monotonicMs();
    while (!stopping.signal.aborted) {
      const nowMs = clock.monotonicMs();
      relistTokens = Math.min(relistBurst, relistTokens + (nowMs - tokensAtMs) / relistPeriodMs);
      tokensAtMs = nowMs;
      if (relistTokens < 1) {
        await pause((1 - relistTokens) * relistPeriodMs);
        continue;
      }
      relistTokens -= 1;
      const listed = await listUntilDone();
      if (listed === undefined) return;
      await watchUntilGone(listed);
    }
  }

  async function watchUntilGone(listed: string): Promise<void> {
    let resourceVersion = listed;
    let failures = 0;
    let fruitless = 0;
    while (!stopping.signal.aborted) {
      const startedMs = clock.monotonicMs();
      let progressed = false;
      const end = await watchOnce(resourceVersion, (version) => {
        if (version === '') return;
        resourceVersion = version;
        progressed = true;
      });
      if (stopping.signal.aborted) return;
      if (end.kind === 'failed' && end.problem.kind === 'gone') return;
      if (end.kind === 'stalled') {
        counters.stalls++;
        logger.warn({ resourceVersion }, 'the watch was silent for too long; opening a new one');
      }
      const healthy = clock.monotonicMs() - startedMs >= healthyWatchMs || end.kind === 'stalled';
      fruitless = progressed || healthy ? 0 : fruitless + 1;
      if (end.kind === 'failed' && end.problem.status !== undefined && fruitless >= fruitlessWatchesLimit) return;
      failures = healthy ? 0 : failures + 1;
      if (failures === 0) continue;
      if (end.kind === 'failed') logger.info({ problem: end.problem, failures }, 'the watch ended; opening a new one');
      await pause(backoffMs(backoffBounds, failures, random.next()));
    }
  }

  return {
    ...store,
    type,
    counters,
    synced,
    get isSynced() {
      return isSynced;
    },
    get size() {
      return store.size;
    },
    onChange(handler) {
      handlers.push(handler);
      for (const current of store.list()) handler({ key: keyOf(current), previous: undefined, current });
    },
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      watch?.close();
      await running;
    },
  };
}

function withoutManagedFields<Kind extends KubeObject>(object: Kind): Kind {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
