import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { processStart } from '../../src/local/kubelet/process-registry.ts';

export type Summary = {
  readonly bootstrap: string | null;
  readonly kubeconfig: string;
  readonly readySeconds: number;
  readonly pids: Readonly<Record<string, number | number[]>>;
};

export interface LocalRun {
  readonly folder: string;
  readonly process: ChildProcess;
  /** The line of JSON; rejects with what it said if it ended without one. */
  readonly ready: Promise<Summary>;
  readonly exitCode: Promise<number | null>;
  /** What it said on standard error so far. */
  progress(): string;
}

export const main = resolve(import.meta.dirname, '../../src/main.ts');

/** `hikube-kafka local --output json` on a folder, with a free port for the API server. */
export function runLocal(folder: string, args: readonly string[] = []): LocalRun {
  const child = spawn(process.execPath, [main, 'local', '--data', folder, '--port', '0', '--output', 'json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let progress = '';
  child.stderr.on('data', (chunk: Buffer) => {
    progress += chunk.toString('utf8');
  });
  const exitCode = new Promise<number | null>((done) => child.once('close', done));
  const ready = new Promise<Summary>((done, failed) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      if (out.includes('\n')) done(JSON.parse(out) as Summary);
    });
    void exitCode.then((code) => failed(new Error(`it ended with ${code}: ${progress}`)));
  });
  // A caller that only looks at the exit code need not look here too.
  ready.catch(() => {});
  return { folder, process: child, ready, exitCode, progress: () => progress };
}

/** The processes that an instance has recorded and that are alive, by what they are: `operator`, `default/a-0/kafka`. */
export function processesOf(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const name of readdirSync(join(folder, 'processes'))) {
    try {
      const { pid, startedAt, what } = JSON.parse(readFileSync(join(folder, 'processes', name), 'utf8')) as {
        pid: number;
        startedAt: string;
        what: string;
      };
      if (processStart(pid) === startedAt) found.set(what, pid);
    } catch {
      // Gone, or being written, since the folder was read.
    }
  }
  return found;
}
