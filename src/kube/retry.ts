import type { KubeProblem } from './problem.ts';

/** A request is sent at most so many times. */
export const attemptsLimit = 5;
const firstDelayMs = 100;
const longestDelayMs = 5_000;
/** A server that asks for a longer pause gets it from the caller's own back-off, not from a request that hangs. */
const longestRetryAfterMs = 10_000;

/** `safe`: sending it twice does no harm. `once`: only when the server surely did not act on it. `never`: the caller decides. */
export type RetryRule = 'safe' | 'once' | 'never';

/**
 * How long to wait before sending the request again, or undefined to give the problem to the caller.
 *
 * @param attempts  how often it was sent already, from 1
 * @param chance    from 0 to 1: spreads the retries of many clients
 */
export function retryDelayMs(
  rule: RetryRule,
  problem: KubeProblem,
  attempts: number,
  chance: number,
): number | undefined {
  if (rule === 'never' || attempts >= attemptsLimit) return undefined;
  if (problem.kind !== 'tooManyRequests' && problem.kind !== 'unavailable') return undefined;
  if (rule === 'once' && problem.kind !== 'tooManyRequests') return undefined;
  if (problem.retryAfterMs !== undefined && problem.retryAfterMs > longestRetryAfterMs) return undefined;
  const backoff = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempts - 1)) * (0.5 + chance / 2);
  return Math.max(backoff, problem.retryAfterMs ?? 0);
}

/**
 * Exponential delays with jitter for loops that go on for ever (watches, failed keys).
 *
 * @param failures  failures in a row, from 1
 */
export function backoffMs(
  bounds: { readonly firstMs: number; readonly longestMs: number },
  failures: number,
  chance: number,
): number {
  const full = Math.min(bounds.longestMs, bounds.firstMs * 2 ** Math.min(failures - 1, 40));
  return full * (0.5 + chance / 2);
}
