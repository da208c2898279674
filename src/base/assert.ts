/**
 * States what must hold here. A failure is a bug of ours, never a user's: it ends whatever owns the doubtful state
 * (a broker process, one reconcile), so that it starts again clean.
 *
 * @param sentence  what was expected, as a sentence; it is the error's message
 */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Error(`broken assumption: ${sentence}`);
}

/** Ends a `switch` over a union: takes `never`, so a new member does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new Error(`broken assumption: unexpected value ${JSON.stringify(value)}`);
}
