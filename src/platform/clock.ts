import type { Clock, Timer } from '../base/index.ts';

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, call): Timer {
    const timer = setTimeout(call, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every(periodMs, call): Timer {
    const timer = setInterval(call, periodMs);
    timer.unref();
    return { cancel: () => clearInterval(timer) };
  },
};
