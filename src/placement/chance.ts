/**
 * Repeatable chance for the search: xorshift32 over one cell of an array. Much quicker than the general generator,
 * whose state does not fit the engine's small integers, and even enough for choosing whom to look at.
 *
 * Source: Marsaglia, "Xorshift RNGs", 2003.
 */
export class Chance {
  readonly #state: Int32Array;

  constructor(seed: number) {
    // Seeds are small numbers: spread their bits, and never start from zero.
    this.#state = Int32Array.of(Math.imul(seed ^ 0x5bf03635, 0x9e3779b1) || 1);
    for (let warmUp = 0; warmUp < 8; warmUp++) this.#next();
  }

  /** A whole number from 0 (inclusive) to `end` (exclusive); `end` is from 1 to 2^31. */
  below(end: number): number {
    return ((this.#next() >>> 0) * 2.3283064365386963e-10 * end) | 0;
  }

  /** A number from 0 (inclusive) to 1 (exclusive). */
  next(): number {
    return (this.#next() >>> 0) * 2.3283064365386963e-10;
  }

  #next(): number {
    let state = this.#state[0]!;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state[0] = state;
    return state;
  }
}
