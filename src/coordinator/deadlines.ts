/**
 * Points in time at which something happens unless it is put off before. Putting off costs nothing: the queue finds out
 * when the old time comes.
 */
export class Deadlines {
  /** A binary heap, the earliest first. */
  private readonly heap: Entry[] = [];

  /** When the earliest may be due; it may have been put off since. */
  get nextMs(): number | undefined {
    return this.heap[0]?.atMs;
  }

  add(expire: (nowMs: number) => void): Deadline {
    return new Deadline(this, expire);
  }

  /** Runs what is due, the earliest first; what that adds runs too when it is due already. */
  run(nowMs: number): void {
    for (;;) {
      const first = this.heap[0];
      if (first === undefined || first.atMs > nowMs) return;
      this.removeFirst();
      first.deadline.reached(first.atMs, nowMs);
    }
  }

  /** For `Deadline` alone. */
  insert(entry: Entry): void {
    const { heap } = this;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (above.atMs <= entry.atMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Entry).atMs < (heap[child] as Entry).atMs) child++;
      if ((heap[child] as Entry).atMs >= last.atMs) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = last;
  }
}

type Entry = { readonly atMs: number; readonly deadline: Deadline };

export class Deadline {
  private readonly owner: Deadlines;
  private readonly expire: (nowMs: number) => void;
  private dueMs: number | undefined;
  /** The time under which the queue has it; other entries of it are stale. */
  private queuedMs: number | undefined;

  /** Use `Deadlines.add`. */
  constructor(owner: Deadlines, expire: (nowMs: number) => void) {
    this.owner = owner;
    this.expire = expire;
  }

  get isSet(): boolean {
    return this.dueMs !== undefined;
  }

  /** Sets it, or puts it off, or brings it forward. */
  set(dueMs: number): void {
    this.dueMs = dueMs;
    if (this.queuedMs !== undefined && this.queuedMs <= dueMs) return;
    this.queuedMs = dueMs;
    this.owner.insert({ atMs: dueMs, deadline: this });
  }

  clear(): void {
    this.dueMs = undefined;
  }

  /** For `Deadlines` alone. */
  reached(queuedMs: number, nowMs: number): void {
    if (queuedMs !== this.queuedMs) return;
    this.queuedMs = undefined;
    const due = this.dueMs;
    if (due === undefined) return;
    if (due > nowMs) {
      this.set(due);
      return;
    }
    this.dueMs = undefined;
    this.expire(nowMs);
  }
}
