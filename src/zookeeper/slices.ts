import type { Clock } from '../base/index.ts';

/** The loop is held no longer than this at a time. */
const SLICE_MS = 5;

/** Long work, which may rest at each `yield`. */
export type Steps<Value> = Generator<void, Value>;

/** All in one go: for a server that does nothing else, and for tools. */
export function atOnce<Value>(steps: Steps<Value>): Value {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** A few milliseconds at a time, so that peers and probes are heard meanwhile. */
export async function inSlices<Value>(steps: Steps<Value>, clock: Clock): Promise<Value> {
  let endMs = clock.monotonicMs() + SLICE_MS;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (clock.monotonicMs() < endMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    endMs = clock.monotonicMs() + SLICE_MS;
  }
}
