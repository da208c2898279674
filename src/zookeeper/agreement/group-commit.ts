import type { Clock } from '../../base/index.ts';

export type SyncFigures = { readonly count: number; readonly totalMs: number; readonly longestMs: number };

/** One sync at a time; all that was appended while it ran shares the next. */
export class GroupCommit {
  readonly #clock: Clock;
  readonly #sync: () => Promise<void>;
  readonly #onSynced: () => void;
  readonly #onFailure: (error: Error) => void;
  #running: Promise<void> | undefined;
  #again = false;
  /** Then nothing is synced any more: what a failed sync had to write may be gone from memory. */
  #failed = false;
  #figures = { count: 0, totalMs: 0, longestMs: 0 };

  constructor(
    clock: Clock,
    sync: () => Promise<void>,
    { onSynced, onFailure }: { readonly onSynced: () => void; readonly onFailure: (error: Error) => void },
  ) {
    this.#clock = clock;
    this.#sync = sync;
    this.#onSynced = onSynced;
    this.#onFailure = onFailure;
  }

  get figures(): SyncFigures {
    return this.#figures;
  }

  /** What is appended now will be durable at one of the next calls of `onSynced`. */
  request(): void {
    if (this.#failed) return;
    if (this.#running === undefined) this.#run();
    else this.#again = true;
  }

  /** Resolves when none runs, whether it failed or not. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #run(): void {
    const beganMs = this.#clock.monotonicMs();
    this.#running = this.#sync().then(
      () => {
        const tookMs = this.#clock.monotonicMs() - beganMs;
        const { count, totalMs, longestMs } = this.#figures;
        this.#figures = { count: count + 1, totalMs: totalMs + tookMs, longestMs: Math.max(longestMs, tookMs) };
        this.#running = undefined;
        if (this.#again) {
          this.#again = false;
          this.#run();
        }
        this.#onSynced();
      },
      (error: Error) => {
        this.#running = undefined;
        this.#failed = true;
        this.#onFailure(error);
      },
    );
  }
}
