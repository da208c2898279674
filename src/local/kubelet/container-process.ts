import { type ChildProcess, spawn } from 'node:child_process';
import type { LogWriter } from './container-log.ts';
import { type ProcessRegistry, signalGroup } from './process-registry.ts';

/** What to run, all paths real. */
export type Launch = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
};

export type Exit = { readonly exitCode: number; readonly signal: NodeJS.Signals | undefined };

export interface ContainerProcess {
  readonly pid: number;
  /** Resolves when the process and what it left of its group are gone and its output is in the log. */
  readonly ended: Promise<Exit>;
  /** To the process itself, as the kubelet signals a container's first process. */
  signal(name: NodeJS.Signals): void;
  /** Everything in its group. */
  kill(): void;
}

/** Output that a group's last processes still hold open after the first has gone is waited for so long. */
const lastOutputMs = 500;

/**
 * Starts a container as a process with a process group of its own.
 *
 * Rejects with Node's error (`ENOENT`, `EACCES`, ...) if the command cannot be started.
 */
export async function startProcess(
  launch: Launch,
  log: LogWriter,
  registry: ProcessRegistry,
  what: string,
): Promise<ContainerProcess> {
  const child: ChildProcess = spawn(launch.command, launch.args, {
    cwd: launch.folder,
    env: launch.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid as number;
  registry.remember(pid, what);
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = child[name];
    stream?.on('data', (chunk: Buffer) => {
      if (!log.write(name, chunk)) stream.pause();
    });
    log.onDrain(() => stream?.resume());
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', async (code, signal) => {
      // As a container's end takes all its processes along.
      signalGroup(pid, 'SIGKILL');
      await Promise.race([closed, new Promise((late) => setTimeout(late, lastOutputMs).unref())]);
      child.stdout?.destroy();
      child.stderr?.destroy();
      await log.end();
      registry.forget(pid);
      resolve({ exitCode: code ?? 128 + (signal === null ? 0 : signalNumber(signal)), signal: signal ?? undefined });
    });
  });
  return {
    pid,
    ended,
    signal(name) {
      child.kill(name);
    },
    kill() {
      signalGroup(pid, 'SIGKILL');
    },
  };
}

function signalNumber(name: NodeJS.Signals): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGQUIT: 3,
    SIGABRT: 6,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGTERM: 15,
  };
  return numbers[name] ?? 0;
}
