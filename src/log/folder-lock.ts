import type { Disk } from '../base/index.ts';

/**
 * `.lock` in a log folder: which process works on it, as `<pid> <start time>`. A process that is gone has no claim, nor has
 * another one that was given its number later. The file is where Apache's broker has its own; that one locks the file
 * itself, which Node cannot see, so the two do not notice each other.
 *
 * Without `/proc` (not Linux) nobody can be asked, and the folder is simply taken.
 */
const fileOf = (folder: string): string => `${folder}/.lock`;

/** `pid start`, from `/proc/<who>/stat`; the start time is in clock ticks since the system's. */
function identityOf(disk: Disk, who: string): string | undefined {
  const stat = disk.read(`/proc/${who}/stat`)?.toString('latin1');
  if (stat === undefined) return undefined;
  // The name of the program stands in parentheses and may have spaces; state is field 3, the start time field 22.
  const pid = stat.slice(0, stat.indexOf(' '));
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return start === undefined ? undefined : `${pid} ${start}`;
}

/** @returns the id of the process that has the folder, if it is another one and lives; else takes the folder */
export function lockFolder(disk: Disk, folder: string): string | undefined {
  const own = identityOf(disk, 'self');
  const holder = disk.read(fileOf(folder))?.toString('latin1').trim() ?? '';
  const pid = /^(\d+) \d+$/.exec(holder)?.[1];
  if (pid !== undefined && holder !== own && identityOf(disk, pid) === holder) return pid;
  disk.replace(fileOf(folder), own ?? '');
  return undefined;
}

export const unlockFolder = (disk: Disk, folder: string): void => disk.replace(fileOf(folder), '');
