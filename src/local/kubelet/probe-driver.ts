import type { Clock, Timer } from '../../base/index.ts';
import type { ProbeSpec } from './probe.ts';

/** Until its first success a probe is tried this often, so that readiness shows at once; only tries at the probe's own period count as failures. */
const eagerPeriodMs = 150;

export type ProbeOutcome = { readonly kind: 'success' } | { readonly kind: 'failure'; readonly message: string };

export interface ProbeLoop {
  stop(): void;
}

/**
 * Repeats a probe and tells when its verdict changes.
 *
 * @param options.run        one try; undefined is success
 * @param options.onVerdict  called when so many tries in a row as the thresholds ask for agree, and that is news
 * @param options.onFailure  called for every failure that counts
 */
export function startProbe(
  spec: ProbeSpec,
  options: {
    readonly run: () => Promise<string | undefined>;
    readonly onVerdict: (isGood: boolean, message: string) => void;
    readonly onFailure: (message: string) => void;
    readonly isEager: boolean;
  },
  clock: Clock,
): ProbeLoop {
  const periodMs = Math.max(1, spec.periodSeconds ?? 10) * 1000;
  const successThreshold = spec.successThreshold ?? 1;
  const failureThreshold = spec.failureThreshold ?? 3;
  let stopped = false;
  let timer: Timer | undefined;
  let inARow = { isGood: false, count: 0 };
  let verdict: boolean | undefined;
  // A process needs a moment to listen: without an initial delay the first try that counts is one period after the start.
  const firstDelayMs = (spec.initialDelaySeconds ?? 0) === 0 ? periodMs : (spec.initialDelaySeconds ?? 0) * 1000;
  let nextCountedMs = clock.monotonicMs() + firstDelayMs;

  async function tryOnce(): Promise<void> {
    const isCounted = clock.monotonicMs() >= nextCountedMs - 1;
    if (isCounted) nextCountedMs = clock.monotonicMs() + periodMs;
    const problem = await options.run();
    if (stopped) return;
    const isGood = problem === undefined;
    if (isGood || isCounted) {
      inARow = inARow.isGood === isGood ? { isGood, count: inARow.count + 1 } : { isGood, count: 1 };
      if (!isGood) options.onFailure(problem);
      if (inARow.count >= (isGood ? successThreshold : failureThreshold) && verdict !== isGood) {
        verdict = isGood;
        options.onVerdict(isGood, problem ?? '');
      }
      // A liveness failure that stays is reported again each time the threshold is met.
      if (!isGood && inARow.count >= failureThreshold) {
        inARow = { isGood, count: 0 };
        verdict = undefined;
      }
    }
    if (stopped) return;
    const isEager = options.isEager && verdict !== true;
    const untilCountedMs = Math.max(0, nextCountedMs - clock.monotonicMs());
    timer = clock.after(isEager ? Math.min(eagerPeriodMs, untilCountedMs) : untilCountedMs, () => void tryOnce());
  }
  timer = clock.after(options.isEager ? 0 : firstDelayMs, () => void tryOnce());
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
