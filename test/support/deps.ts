import { type Clock, type Logger, seededRandom, type Timer } from '../../src/base/index.ts';
import { systemClock } from '../../src/platform/index.ts';

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/** The real clock, repeatable chance and no log lines: what a test of a shell hands to it. */
export const realDeps = { clock: systemClock, random: seededRandom(7), logger: silentLogger };

export interface ManualClock extends Clock {
  /** Moves time and makes the calls that became due, in order. */
  advance(ms: number): void;
}

/** A clock that stands still until it is moved. */
export function manualClock(startMs = 0): ManualClock {
  let nowMs = startMs;
  let timers: { dueMs: number; readonly call: () => void; readonly periodMs?: number }[] = [];
  const start = (dueMs: number, call: () => void, periodMs?: number): Timer => {
    const timer = { dueMs, call, ...(periodMs === undefined ? {} : { periodMs }) };
    timers.push(timer);
    return {
      cancel() {
        timers = timers.filter((other) => other !== timer);
      },
    };
  };
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, call) => start(nowMs + delayMs, call),
    every: (periodMs, call) => start(nowMs + periodMs, call, periodMs),
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const next = timers.filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined) break;
        nowMs = next.dueMs;
        if (next.periodMs === undefined) timers = timers.filter((other) => other !== next);
        else next.dueMs += next.periodMs;
        next.call();
      }
      nowMs = endMs;
    },
  };
}
