/** Where time comes from. Shells hold a clock; cores are given `nowMs`. */
export interface Clock {
  /** Wall clock, in milliseconds since 1970. It may jump; use it for timestamps only. */
  nowMs(): number;
  /** Never goes back; in milliseconds, with a fraction. Use it for time-outs. */
  monotonicMs(): number;
  /** Calls once after `delayMs`; the timer does not keep the process alive. */
  after(delayMs: number, call: () => void): Timer;
  /** Calls every `periodMs`; the timer does not keep the process alive. */
  every(periodMs: number, call: () => void): Timer;
}

export interface Timer {
  /** Safe to call more than once and after the call has happened. */
  cancel(): void;
}
