import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failure, type Result, success } from '../base/index.ts';
import { processStart } from './kubelet/index.ts';

type Holder = { readonly pid: number; readonly startedAt: string };

export type LockProblem = { readonly kind: 'inUse' | 'notWritable'; readonly message: string };

/**
 * Makes sure that one instance at a time works on a data folder. A lock whose process is gone (known by id *and* start
 * time) is taken over.
 *
 * @returns a function that gives the lock back
 */
export function lockInstance(folder: string): Result<() => void, LockProblem> {
  const file = join(folder, 'lock');
  const mine = JSON.stringify({ pid: process.pid, startedAt: processStart(process.pid) });
  try {
    makeFolder(folder);
    // Two attempts: the second after a lock that was left behind is out of the way.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const descriptor = openSync(file, 'wx');
        writeSync(descriptor, mine);
        closeSync(descriptor);
        return success(() => rmSync(file, { force: true }));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const holder = holderOf(file);
        if (holder !== undefined) {
          const message = `the data folder ${folder} is in use by process ${holder.pid}: stop it (Ctrl-C there, or kill ${holder.pid}), or choose another folder with --data`;
          return failure({ kind: 'inUse', message });
        }
        rmSync(file, { force: true });
      }
    }
    return failure({ kind: 'inUse', message: `another process is starting on the data folder ${folder} right now` });
  } catch (error) {
    const message = `the data folder ${folder} cannot be written (${(error as Error).message}): give it to this user (chown, chmod), or choose another one with --data`;
    return failure({ kind: 'notWritable', message });
  }
}

/** With its parents, one by one: Node's recursive form never returns for some places where nothing can be made, e.g. /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

function holderOf(file: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Holder;
    return holder.startedAt === processStart(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}
