import type { Clock, Logger, Random, Timer } from '../base/index.ts';
import { backoffMs } from './retry.ts';

/** What one pass over a key says about the next. */
export type Next =
  | { readonly kind: 'done' }
  /** Look again after a time, e.g. because something outside must change first. */
  | { readonly kind: 'requeue'; readonly afterMs: number }
  /** It failed: look again with growing delays. */
  | { readonly kind: 'retry'; readonly reason: string };

export const done: Next = { kind: 'done' };
export const requeueAfterMs = (afterMs: number): Next => ({ kind: 'requeue', afterMs });
export const retryBecause = (reason: string): Next => ({ kind: 'retry', reason });

export type WorkQueueOptions = {
  /** Shown in logs. */
  readonly name: string;
  /** So many keys at once; one key never twice at once. */
  readonly concurrency: number;
  /** A throw counts as `retry`. */
  readonly process: (key: string) => Promise<Next>;
  readonly backoff?: { readonly firstMs: number; readonly longestMs: number };
  /** Keys only gather until this resolves, e.g. until all stores that a pass reads are filled. */
  readonly startWhen?: Promise<unknown>;
};

/** Keys that need a look. A key that is added many times before its turn is looked at once. */
export interface WorkQueue {
  add(key: string): void;
  /** The earlier of two times wins. */
  addAfter(key: string, delayMs: number): void;
  /** Keys that wait for their turn, not counting delayed ones. */
  readonly waiting: number;
  /** Resolves when nothing runs and nothing waits for its turn. */
  idle(): Promise<void>;
  /** No more keys start; resolves when the running ones have ended. */
  stop(): Promise<void>;
}

const defaultBackoff = { firstMs: 50, longestMs: 60_000 };

export function createWorkQueue(
  options: WorkQueueOptions,
  { clock, random, logger }: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): WorkQueue {
  const backoff = options.backoff ?? defaultBackoff;
  const ready = new Set<string>();
  const running = new Set<string>();
  /** Keys added while they ran: their turn comes again afterwards. */
  const dirty = new Set<string>();
  const delayed = new Map<string, { readonly dueMs: number; readonly timer: Timer }>();
  const failures = new Map<string, number>();
  let stopped = false;
  let held = options.startWhen !== undefined;
  let idleWaiters: (() => void)[] = [];

  function add(key: string): void {
    if (stopped) return;
    if (running.has(key)) dirty.add(key);
    else ready.add(key);
    pump();
  }

  function addAfter(key: string, delayMs: number): void {
    if (stopped) return;
    if (delayMs <= 0) {
      add(key);
      return;
    }
    const dueMs = clock.monotonicMs() + delayMs;
    const existing = delayed.get(key);
    if (existing !== undefined && existing.dueMs <= dueMs) return;
    existing?.timer.cancel();
    const timer = clock.after(delayMs, () => {
      delayed.delete(key);
      add(key);
    });
    delayed.set(key, { dueMs, timer });
  }

  function pump(): void {
    for (const key of ready) {
      if (held || running.size >= options.concurrency || stopped) break;
      ready.delete(key);
      running.add(key);
      void runOne(key);
    }
    if (running.size === 0 && (ready.size === 0 || stopped)) {
      const waiters = idleWaiters;
      idleWaiters = [];
      for (const resolve of waiters) resolve();
    }
  }

  async function runOne(key: string): Promise<void> {
    let next: Next;
    try {
      next = await options.process(key);
    } catch (error) {
      logger.error({ queue: options.name, key, err: error }, 'a pass ended with an error');
      next = retryBecause(error instanceof Error ? error.message : String(error));
    }
    running.delete(key);
    if (next.kind === 'retry') {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const delayMs = backoffMs(backoff, count, random.next());
      logger.debug({ queue: options.name, key, reason: next.reason, failures: count, delayMs }, 'will try again');
      addAfter(key, delayMs);
    } else {
      failures.delete(key);
      if (next.kind === 'requeue') addAfter(key, next.afterMs);
    }
    // It may be running again already: `add` looks.
    if (dirty.delete(key)) add(key);
    pump();
  }

  void options.startWhen?.then(() => {
    held = false;
    pump();
  });

  return {
    add,
    addAfter,
    get waiting() {
      return ready.size;
    },
    idle() {
      if (running.size === 0 && ready.size === 0) return Promise.resolve();
      return new Promise((resolve) => {
        idleWaiters.push(resolve);
      });
    },
    async stop() {
      stopped = true;
      for (const { timer } of delayed.values()) timer.cancel();
      delayed.clear();
      ready.clear();
      dirty.clear();
      if (running.size > 0) await new Promise<void>((resolve) => idleWaiters.push(resolve));
    },
  };
}
