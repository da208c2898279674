import { failure, type Result, success } from '../../base/index.ts';
import { type CallProblem, errorCode } from '../../client/kafka/index.ts';

export type Refusal = { readonly kind: 'refused'; readonly message: string };
/** The signal came while the cluster was being asked. */
export type Interrupted = { readonly kind: 'interrupted' };

export const refused = (what: string, sentence: string) =>
  failure({ kind: 'refused' as const, message: `${what}: ${sentence}` });

export type PatienceOptions = {
  /** How long a cluster may give no answer, or nothing may move, before we give up. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told about each wait, in a sentence. */
  readonly onWait: (sentence: string) => void;
};

/** An answer that takes longer is worth a word. */
const silentMs = 3000;
const firstPauseMs = 250;
const longestPauseMs = 3000;

/** Asks a cluster that may be away for a while: a controller that dies is followed by another within seconds. */
export class Patience {
  private readonly options: PatienceOptions;

  constructor(options: PatienceOptions) {
    this.options = options;
  }

  /** @param what  for the sentences: `listing moves` */
  async ask<Value>(
    what: string,
    call: () => Promise<Result<Value, CallProblem>>,
  ): Promise<Result<Value, Refusal | Interrupted>> {
    const { patienceMs, signal, onWait } = this.options;
    const startedMs = performance.now();
    let pauseMs = firstPauseMs;
    for (let tries = 1; ; tries++) {
      const silent = setTimeout(() => onWait(`${what}: the cluster has not answered yet`), silentMs);
      const answer = await unlessAborted(signal, call()).finally(() => clearTimeout(silent));
      if (answer === undefined) return failure({ kind: 'interrupted' });
      if (answer.ok) {
        if (tries > 1) onWait('the cluster answers again');
        return success(answer.value);
      }
      const waitedMs = performance.now() - startedMs;
      if (!mayPass(answer.problem)) return refused(what, answer.problem.sentence);
      if (waitedMs + pauseMs > patienceMs) {
        return refused(what, `${answer.problem.sentence}; given up after ${Math.round(waitedMs / 1000)} s`);
      }
      onWait(`${what}: ${answer.problem.sentence}; asking again for up to ${Math.round(patienceMs / 1000)} s`);
      await pause(pauseMs, signal);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  }

  /** Ends early when the signal comes. */
  async pause(ms: number): Promise<void> {
    await pause(ms, this.options.signal);
  }
}

/** An election, a restart or a broken line end; a wrong version or a refusal does not. */
function mayPass({ kind, code }: CallProblem): boolean {
  if (kind === 'unsupportedVersion' || kind === 'malformed') return false;
  return kind !== 'refused' || code === errorCode.NOT_CONTROLLER || code === errorCode.REQUEST_TIMED_OUT;
}

/** The answer, or undefined as soon as the signal comes. */
async function unlessAborted<Value>(signal: AbortSignal, answer: Promise<Value>): Promise<Value | undefined> {
  if (signal.aborted) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const aborted = (): void => resolve(undefined);
  signal.addEventListener('abort', aborted, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener('abort', aborted);
  }
}

/** Ends early when the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await unlessAborted(signal, promise);
  clearTimeout(timer);
}
