/** One committed offset. */
export type CommittedOffset = {
  readonly offset: number;
  /** -1: unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly committedMs: number;
  /** Set by old clients that asked for a retention of their own. */
  readonly expiresMs: number | undefined;
};

type Placed = CommittedOffset & { readonly order: number };
type ByPartition<Value> = Map<string, Map<number, Value>>;

/**
 * The offsets of one group: those that hold, and those that wait for the end of a transaction. `order` tells which of two
 * commits was written later, because a transaction's offsets count from where they were written and not from its end.
 */
export class CommittedOffsets {
  private readonly committed: ByPartition<Placed> = new Map();
  private readonly pending = new Map<number, ByPartition<Placed>>();
  private order = 0;

  get isEmpty(): boolean {
    return this.committed.size === 0 && this.pending.size === 0;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.committed.get(topic)?.get(partition);
  }

  /** Topics with their partitions, in the order of the first commit. */
  *all(): Generator<{ readonly topic: string; readonly partition: number; readonly committed: CommittedOffset }> {
    for (const [topic, partitions] of this.committed) {
      for (const [partition, committed] of partitions) yield { topic, partition, committed };
    }
  }

  set(topic: string, partition: number, value: CommittedOffset): void {
    place(this.committed, topic, partition, { ...value, order: ++this.order });
  }

  delete(topic: string, partition: number): void {
    remove(this.committed, topic, partition);
  }

  setPending(producerId: number, topic: string, partition: number, value: CommittedOffset): void {
    let offsets = this.pending.get(producerId);
    if (offsets === undefined) {
      offsets = new Map();
      this.pending.set(producerId, offsets);
    }
    place(offsets, topic, partition, { ...value, order: ++this.order });
  }

  isPending(topic: string, partition: number): boolean {
    for (const offsets of this.pending.values()) if (offsets.get(topic)?.has(partition)) return true;
    return false;
  }

  /** A deleted offset is not brought back by a transaction that is open. */
  deletePending(topic: string, partition: number): void {
    for (const [producerId, offsets] of this.pending) {
      remove(offsets, topic, partition);
      if (offsets.size === 0) this.pending.delete(producerId);
    }
  }

  endTransaction(producerId: number, outcome: 'commit' | 'abort'): void {
    const offsets = this.pending.get(producerId);
    this.pending.delete(producerId);
    if (offsets === undefined || outcome === 'abort') return;
    for (const [topic, partitions] of offsets) {
      for (const [partition, value] of partitions) {
        const known = this.committed.get(topic)?.get(partition);
        if (known === undefined || known.order < value.order) place(this.committed, topic, partition, value);
      }
    }
  }
}

function place(offsets: ByPartition<Placed>, topic: string, partition: number, value: Placed): void {
  const partitions = offsets.get(topic);
  if (partitions === undefined) offsets.set(topic, new Map([[partition, value]]));
  else partitions.set(partition, value);
}

function remove(offsets: ByPartition<Placed>, topic: string, partition: number): void {
  const partitions = offsets.get(topic);
  if (partitions?.delete(partition) && partitions.size === 0) offsets.delete(topic);
}
