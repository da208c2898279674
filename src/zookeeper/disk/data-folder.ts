import type { Disk, Logger, Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import { zxid } from '../../protocol/zookeeper/index.ts';
import { DataTree } from '../tree/data-tree.ts';
import type { LoggedTxn } from '../tree/txn.ts';
import { filesOf, VERSION_FOLDER } from './file-names.ts';
import { LOG_HEADER_BYTES, readLog } from './log-reader.ts';
import { readSnapshotFile } from './snapshot-reader.ts';
import { writeSnapshotNow } from './snapshot-writer.ts';

export type DataFolders = { readonly snapshots: string; readonly logs: string };

/** `version-2` below `dataDir` (snapshots) and `dataLogDir` (logs). */
export const dataFolders = (dataDir: string, dataLogDir: string): DataFolders => ({
  snapshots: `${dataDir}/${VERSION_FOLDER}`,
  logs: `${dataLogDir}/${VERSION_FOLDER}`,
});

/** Where an ensemble's server keeps the log that it agrees on, and its snapshots. */
export const ensembleFolder = (dataLogDir: string): string => `${dataLogDir}/ensemble-1`;

export type Recovered = {
  readonly tree: DataTree;
  /** Sessions that had not ended, with their time-outs. */
  readonly sessions: Map<SessionId, number>;
  readonly replayedCount: number;
  /** Snapshots that were damaged and had to be passed over. */
  readonly passedOver: readonly string[];
};

const COUNTER = 0x100000000;

/**
 * Brings back the last state: the newest whole snapshot, then every transaction after it. A folder that is empty
 * becomes an empty tree with a snapshot of it, which Apache's server wants to find beside a log.
 *
 * @returns  a sentence on what is damaged or missing, and what to do: the server must not start then
 *
 * Source: FileTxnSnapLog.restore.
 */
export function recover(
  folders: DataFolders,
  options: { readonly extendedTypes: boolean; readonly trustEmpty: boolean },
  deps: { readonly disk: Disk; readonly logger: Logger },
): Result<Recovered, string> {
  const { disk, logger } = deps;
  disk.makeFolder(folders.snapshots);
  disk.makeFolder(folders.logs);
  const snapshots = filesOf('snapshot', disk.list(folders.snapshots)).reverse();
  const logs = filesOf('log', disk.list(folders.logs));
  const passedOver: string[] = [];
  let tree: DataTree | undefined;
  let sessions = new Map<SessionId, number>();
  for (const { name, zxid: at } of snapshots) {
    const loaded = readSnapshotFile(`${folders.snapshots}/${name}`, at, options, disk);
    if (loaded.ok) {
      tree = loaded.value.tree;
      sessions = new Map(loaded.value.sessions);
      break;
    }
    logger.error({ snapshot: name, problem: loaded.problem }, 'a snapshot is damaged, falling back to the one before');
    passedOver.push(name);
  }
  if (tree === undefined) {
    if (passedOver.length > 0) {
      return failure(
        `every snapshot in ${folders.snapshots} is damaged (${passedOver.join(', ')}): take the data of a healthy ` +
          'server or a backup',
      );
    }
    if (logs.length > 0 && !options.trustEmpty && logs[0]!.zxid > 1) {
      return failure(
        `there is no snapshot in ${folders.snapshots}, but ${folders.logs} has logs that do not begin at the first ` +
          'transaction: bring the snapshots back (snapshot.trust.empty=true starts without them)',
      );
    }
    tree = new DataTree(options);
    if (logs.length === 0) writeSnapshotNow(folders.snapshots, tree, sessions, disk);
  }
  const replayed = replay(folders.logs, logs, tree, sessions, options.trustEmpty, disk, logger);
  return replayed.ok ? success({ tree, sessions, replayedCount: replayed.value, passedOver }) : replayed;
}

function replay(
  folder: string,
  logs: readonly { readonly name: string; readonly zxid: Zxid }[],
  tree: DataTree,
  sessions: Map<SessionId, number>,
  trustEmpty: boolean,
  disk: Disk,
  logger: Logger,
): Result<number, string> {
  const from = tree.lastZxid;
  // The last file that begins at or before the first wanted transaction, and all after it.
  const first = Math.max(
    0,
    logs.findLastIndex(({ zxid: start }) => start <= from + 1),
  );
  let count = 0;
  for (const { name } of logs.slice(first)) {
    const path = `${folder}/${name}`;
    const file = disk.open(path, 'update');
    try {
      const end = readLog(file, from, (logged) => {
        const expected = zxid(tree.lastZxid + 1);
        const { zxid: at } = logged.header;
        const sameEpoch = Math.floor(at / COUNTER) === Math.floor(tree.lastZxid / COUNTER);
        if (at > expected && sameEpoch && !(trustEmpty && count === 0)) {
          return (
            `${path} goes on with transaction 0x${at.toString(16)}, but 0x${expected.toString(16)} comes ` +
            'next: a log is missing. Bring it back, or take the data of a healthy server or a backup'
          );
        }
        replayOne(tree, sessions, logged);
        count++;
        return undefined;
      });
      if (!end.ok) return end;
      const { endBytes, torn } = end.value;
      if (torn) {
        logger.warn({ log: name, endBytes }, 'a write was cut off by a crash, nothing of it was answered');
        file.truncate(endBytes);
      }
      // What was read here will be shown to clients: from now on it must not be lost, whoever wrote it died before a sync.
      file.syncNow();
      if (endBytes <= LOG_HEADER_BYTES) disk.remove(path);
    } finally {
      file.close();
    }
  }
  return success(count);
}

/** One transaction of a log, with what it means for sessions. */
export function replayOne(tree: DataTree, sessions: Map<SessionId, number>, { header, txn }: LoggedTxn): void {
  tree.apply(header, txn);
  if (txn.type === 'createSession') sessions.set(header.sessionId, txn.timeoutMs);
  if (txn.type === 'closeSession') sessions.delete(header.sessionId);
}

/**
 * Removes what is not needed to go back to the oldest of the `retain` newest snapshots.
 *
 * @returns names of removed files
 *
 * Source: PurgeTxnLog.
 */
export function prune(folders: DataFolders, retain: number, disk: Disk): string[] {
  const snapshots = filesOf('snapshot', disk.list(folders.snapshots));
  if (snapshots.length <= retain) return [];
  const oldest = snapshots[snapshots.length - retain]!;
  const logs = filesOf('log', disk.list(folders.logs));
  const firstLog = logs.findLastIndex(({ zxid: start }) => start <= oldest.zxid + 1);
  const removed: string[] = [];
  for (const { name } of snapshots.slice(0, snapshots.length - retain)) {
    disk.remove(`${folders.snapshots}/${name}`);
    removed.push(name);
  }
  for (const { name } of logs.slice(0, Math.max(0, firstLog))) {
    disk.remove(`${folders.logs}/${name}`);
    removed.push(name);
  }
  return removed;
}
