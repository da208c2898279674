/**
 * How many replicas of each topic each broker holds. A flat table while topics x brokers is small, else a hash table
 * with open addressing: at most one cell a replica is ever used.
 */
export class TopicCounts {
  readonly #brokers: number;
  readonly #flat: Uint16Array | undefined;
  #keys: Int32Array;
  #counts: Uint16Array;
  #mask: number;
  #used = 0;

  constructor(topics: number, brokers: number, replicas: number) {
    this.#brokers = brokers;
    const isSmall = topics * brokers <= 4_000_000;
    this.#flat = isSmall ? new Uint16Array(topics * brokers) : undefined;
    let slots = 1024;
    while (!isSmall && slots < replicas * 1.4) slots *= 2;
    this.#keys = new Int32Array(isSmall ? 0 : slots);
    this.#counts = new Uint16Array(isSmall ? 0 : slots);
    this.#mask = slots - 1;
  }

  get(topic: number, broker: number): number {
    const key = topic * this.#brokers + broker;
    if (this.#flat !== undefined) return this.#flat[key]!;
    return this.#counts[this.#slotOf(key + 1)]!;
  }

  add(topic: number, broker: number, change: number): void {
    const key = topic * this.#brokers + broker;
    if (this.#flat !== undefined) {
      this.#flat[key]! += change;
      return;
    }
    const slot = this.#slotOf(key + 1);
    if (this.#keys[slot] === 0) {
      this.#keys[slot] = key + 1;
      this.#used++;
    }
    this.#counts[slot]! += change;
    if (this.#used > 0.8 * this.#keys.length) this.#grow();
  }

  /** Linear probing from a multiplied key; key 0 means an empty slot. */
  #slotOf(key: number): number {
    let slot = (Math.imul(key, 0x9e3779b1) >>> 7) & this.#mask;
    while (this.#keys[slot] !== 0 && this.#keys[slot] !== key) slot = (slot + 1) & this.#mask;
    return slot;
  }

  /** Drops cells that fell to zero; doubles the table when that is not enough. */
  #grow(): void {
    const keys = this.#keys;
    const counts = this.#counts;
    let live = 0;
    for (const count of counts) if (count > 0) live++;
    const slots = live > 0.5 * keys.length ? keys.length * 2 : keys.length;
    this.#keys = new Int32Array(slots);
    this.#counts = new Uint16Array(slots);
    this.#mask = slots - 1;
    this.#used = live;
    for (let slot = 0; slot < keys.length; slot++) {
      if (counts[slot] === 0) continue;
      const into = this.#slotOf(keys[slot]!);
      this.#keys[into] = keys[slot]!;
      this.#counts[into] = counts[slot]!;
    }
  }
}
