/**
 * Somebody who waits for something to happen to any of several partitions: a long-polling Fetch. Told once, by the first
 * thing that happens (records, a change of leader, a deletion) or by its time-out, and then in nobody's list any more.
 */
export class FetchWait {
  private lists: Set<FetchWait>[] = [];
  private call: (() => void) | undefined;

  constructor(call: () => void) {
    this.call = call;
  }

  /** @param list  the waiters of a partition */
  joinList(list: Set<FetchWait>): void {
    list.add(this);
    this.lists.push(list);
  }

  wake(): void {
    const call = this.call;
    this.call = undefined;
    for (const list of this.lists) list.delete(this);
    this.lists = [];
    call?.();
  }
}
