import type { Logger } from '../base/index.ts';

/** An orderly stop that takes longer is given up; Kubernetes kills after 30 s by default. */
const stopTimeoutMs = 25_000;

/**
 * Waits for SIGTERM or SIGINT, or for `ended`, then stops in order. A second signal stops at once.
 *
 * @param ended  settles when the role cannot go on by itself; its value is the exit code
 * @returns      the exit code: 0 after a clean stop, 1 if stopping failed or took too long
 */
export async function runUntilStopped(
  logger: Logger,
  stop: () => Promise<void>,
  ended?: Promise<number>,
): Promise<number> {
  // Signals alone do not keep Node's loop alive.
  const keepAlive = setInterval(() => {}, 1 << 30);
  const signalled = new Promise<'signalled'>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        logger.info({ signal }, 'stopping');
        process.once(signal, () => process.exit(130));
        resolve('signalled');
      });
    }
  });
  const why = await Promise.race([signalled, ended ?? new Promise<never>(() => {})]);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`stopping took longer than ${stopTimeoutMs} ms`)), stopTimeoutMs);
  });
  try {
    await Promise.race([stop(), tooLong]);
    logger.info({}, 'stopped');
    return why === 'signalled' ? 0 : why;
  } catch (err) {
    logger.error({ err }, 'could not stop in order');
    return 1;
  } finally {
    clearTimeout(timer);
    clearInterval(keepAlive);
  }
}
