import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, type Result, success } from '../../../base/index.ts';

/**
 * When a process started, so that a process id that was given out again is not taken for the old one; undefined for
 * one that has ended and only waits for its parent to notice. Empty where there is no /proc.
 */
function startOf(pid: number): string | undefined {
  try {
    // Linux: the state and the start are fields 3 and 22 of /proc/<pid>/stat, counted after the command in parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return '';
  }
}

function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    // EPERM: it is there, and belongs to somebody else.
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startOf(pid) === start;
}

/**
 * Takes the folder for this process by a file `lock` with its process id. A lock whose process is gone is taken over.
 *
 * @returns a function that gives it back, or the process id of the living owner
 */
export function lockFolder(folder: string): Result<() => void, { readonly ownerPid: number }> {
  const path = join(folder, 'lock');
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      return success(() => rmSync(path, { force: true }));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    }
    const [pid = '', start = ''] = readFileSync(path, 'utf8').trim().split(' ');
    if (/^\d+$/.test(pid) && isAlive(Number(pid), start)) return failure({ ownerPid: Number(pid) });
    rmSync(path, { force: true });
  }
  return failure({ ownerPid: 0 });
}
