import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import type { Clock } from '../base/index.ts';
import { type ProcessRegistry, signalGroup } from './kubelet/index.ts';

/** The first restart is at once; a program that ends again soon waits longer and longer. */
const firstDelayMs = 500;
const longestDelayMs = 10_000;
const healthyRunMs = 10_000;
/** Looked at when the program is started. */
const rotateAtBytes = 10 * 1024 * 1024;

export interface SupervisedProcess {
  readonly pid: number | undefined;
  /** SIGTERM, and SIGKILL to what is left after the time. */
  stop(graceMs: number): Promise<void>;
}

/** Keeps a program running: starts it again whenever it ends, until it is stopped. */
export function startSupervised(
  options: {
    readonly what: string;
    readonly command: string;
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    /** Its output is appended here. */
    readonly logFile: string;
    readonly onStart: (pid: number) => void;
    readonly onExit: (how: string) => void;
  },
  { clock, registry }: { readonly clock: Clock; readonly registry: ProcessRegistry },
): SupervisedProcess {
  let pid: number | undefined;
  let stopped = false;
  let quickExits = 0;
  let timer: { cancel(): void } | undefined;
  let ended: Promise<void> = Promise.resolve();

  function start(): void {
    const sizeBytes = statSync(options.logFile, { throwIfNoEntry: false })?.size ?? 0;
    if (sizeBytes > rotateAtBytes) renameSync(options.logFile, `${options.logFile}.1`);
    const log = openSync(options.logFile, 'a');
    const startedMs = clock.monotonicMs();
    const child = spawn(options.command, options.args, {
      env: options.environment,
      // A session of its own: Ctrl-C in the terminal is for us, and we stop it in order.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    ended = new Promise((resolve) => {
      const end = (how: string): void => {
        if (pid !== undefined) {
          signalGroup(pid, 'SIGKILL');
          registry.forget(pid);
        }
        pid = undefined;
        resolve();
        if (stopped) return;
        options.onExit(how);
        quickExits = clock.monotonicMs() - startedMs >= healthyRunMs ? 0 : quickExits + 1;
        const delayMs = quickExits <= 1 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (quickExits - 2));
        timer = clock.after(delayMs, start);
      };
      child.once('spawn', () => {
        pid = child.pid as number;
        registry.remember(pid, options.what);
        options.onStart(pid);
      });
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) => end(signal === null ? `exit code ${code}` : signal));
    });
  }
  start();

  return {
    get pid() {
      return pid;
    },
    async stop(graceMs) {
      stopped = true;
      timer?.cancel();
      if (pid === undefined) return;
      const running = pid;
      try {
        process.kill(running, 'SIGTERM');
      } catch {
        // Gone already.
      }
      const late = clock.after(graceMs, () => signalGroup(running, 'SIGKILL'));
      await ended;
      late.cancel();
    },
  };
}
