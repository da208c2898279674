/** Something that has written what a power cut would lose. */
export type Syncable = {
  /** Never rejects: a failure is the syncable's own to handle. */
  syncNow(): Promise<void>;
};

/**
 * Bounds how many syncs a broker has in flight, so that the thread pool keeps room for reads and writes. Each log has
 * at most one: what is appended meanwhile is gathered into its next one (group commit).
 */
export class SyncQueue {
  private readonly limit: number;
  private running = 0;
  private waiting: Syncable[] = [];

  constructor(limit = 2) {
    this.limit = limit;
  }

  add(syncable: Syncable): void {
    this.waiting.push(syncable);
    this.pump();
  }

  private pump(): void {
    while (this.running < this.limit && this.waiting.length > 0) {
      const next = this.waiting.shift() as Syncable;
      this.running++;
      void next.syncNow().finally(() => {
        this.running--;
        this.pump();
      });
    }
  }
}
