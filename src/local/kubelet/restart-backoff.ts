/** As the kubelet's: 10 s, doubled up to 5 min. */
const firstDelayMs = 10_000;
const longestDelayMs = 300_000;
/** A container that ran for so long was no crash loop; its next restart is at once again. (The original waits for 10 min.) */
const healthyRunMs = 10_000;

/** Restarts in a row that came soon after the start. */
export type CrashHistory = { readonly quickExits: number };
export const noCrashes: CrashHistory = { quickExits: 0 };

/**
 * What an exit adds to the history, and how long to wait before the next start: nothing, the first time.
 *
 * @param run.wasKilled  by a signal from outside after it had been ready: that says nothing about the program
 */
export function afterExit(
  history: CrashHistory,
  run: { readonly ranMs: number; readonly wasKilled: boolean },
): { readonly history: CrashHistory; readonly delayMs: number } {
  if (run.wasKilled) return { history: noCrashes, delayMs: 0 };
  const quickExits = run.ranMs >= healthyRunMs ? 1 : history.quickExits + 1;
  const delayMs = quickExits === 1 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(quickExits - 2, 30));
  return { history: { quickExits }, delayMs };
}

/** Whether a container that ended is to run again. */
export function isRestarted(policy: string | undefined, exitCode: number): boolean {
  if (policy === 'Never') return false;
  return policy === 'OnFailure' ? exitCode !== 0 : true;
}
