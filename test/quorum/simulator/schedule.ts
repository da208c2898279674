/** What is to happen, by time and then by the order of asking: a binary heap, so that a run is the same each time. */
export class Schedule<Happening> {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #happenings: Happening[] = [];
  #asked = 0;

  get size(): number {
    return this.#times.length;
  }

  add(atMs: number, happening: Happening): void {
    const order = this.#asked++;
    let index = this.#times.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      // The newest never goes before an older one of the same time.
      if ((this.#times[parent] as number) <= atMs) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#times[index] = atMs;
    this.#orders[index] = order;
    this.#happenings[index] = happening;
  }

  /** Removes the earliest; the caller has checked that there is one. */
  take(): { readonly atMs: number; readonly happening: Happening } {
    const taken = { atMs: this.#times[0] as number, happening: this.#happenings[0] as Happening };
    const atMs = this.#times.pop() as number;
    const order = this.#orders.pop() as number;
    const happening = this.#happenings.pop() as Happening;
    const size = this.#times.length;
    if (size > 0) {
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= size) break;
        if (child + 1 < size && this.#earlier(child + 1, child)) child++;
        const childAt = this.#times[child] as number;
        if (childAt > atMs || (childAt === atMs && (this.#orders[child] as number) > order)) break;
        this.#move(child, index);
        index = child;
      }
      this.#times[index] = atMs;
      this.#orders[index] = order;
      this.#happenings[index] = happening;
    }
    return taken;
  }

  #earlier(left: number, right: number): boolean {
    const difference = (this.#times[left] as number) - (this.#times[right] as number);
    return difference < 0 || (difference === 0 && (this.#orders[left] as number) < (this.#orders[right] as number));
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number;
    this.#orders[to] = this.#orders[from] as number;
    this.#happenings[to] = this.#happenings[from] as Happening;
  }
}
