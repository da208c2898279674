import type { Zxid } from '../../protocol/zookeeper/index.ts';
import { zxid } from '../../protocol/zookeeper/index.ts';

/** Folder below `dataDir` and `dataLogDir`; the number is that of Apache's format. */
export const VERSION_FOLDER = 'version-2';

export const logName = (first: Zxid): string => `log.${first.toString(16)}`;
export const snapshotName = (last: Zxid): string => `snapshot.${last.toString(16)}`;
/** Apache takes every name that begins with `snapshot.` for one, so an unfinished one begins otherwise. */
export const unfinishedSnapshotName = (last: Zxid): string => `unfinished-snapshot.${last.toString(16)}`;

/** Zxid in a name `PREFIX.HEX`; undefined for other names. */
export function zxidOfName(prefix: 'log' | 'snapshot', name: string): Zxid | undefined {
  const match = new RegExp(`^${prefix}\\.([0-9a-f]{1,14})$`).exec(name);
  return match === null ? undefined : zxid(Number.parseInt(match[1]!, 16));
}

/** Files of one kind, oldest first. */
export function filesOf(prefix: 'log' | 'snapshot', names: readonly string[]): { name: string; zxid: Zxid }[] {
  return names
    .flatMap((name) => {
      const found = zxidOfName(prefix, name);
      return found === undefined ? [] : [{ name, zxid: found }];
    })
    .sort((a, b) => a.zxid - b.zxid);
}
