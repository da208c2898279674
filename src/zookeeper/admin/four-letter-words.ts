import os from 'node:os';
import type { Server } from '../server.ts';
import type { Watcher } from '../tree/watch-table.ts';
import {
  configLines,
  connectionLine,
  directorySize,
  hex,
  monitorValues,
  statisticsLines,
  VERSION_TEXT,
} from './reports.ts';

type Word = (server: Server) => string;

const lines = (...text: readonly string[]): string => `${text.join('\n')}\n`;
const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests\n';
const versionLine = `Zookeeper version: ${VERSION_TEXT}, built on 2024-01-01 00:00 UTC`;

/** Words that answer only while the server serves. */
const serving =
  (word: Word): Word =>
  (server) =>
    server.orderer.serves ? word(server) : NOT_SERVING;

/**
 * What an operator types at the client port. Each answers a text that tools parse, so its shape is Apache's.
 *
 * Source: org.apache.zookeeper.server.command.
 */
const words: Record<string, Word> = {
  ruok: () => 'imok',
  srvr: serving((server) => lines(versionLine, ...statisticsLines(server), ...server.orderer.proposalLines())),
  stat: serving((server) =>
    lines(
      versionLine,
      'Clients:',
      ...[...server.connections].map((connection) => connectionLine(server, connection, false)),
      '',
      ...statisticsLines(server),
      ...server.orderer.proposalLines(),
    ),
  ),
  mntr: serving((server) => lines(...monitorValues(server).map(([name, value]) => `zk_${name}\t${value}`))),
  conf: serving((server) => lines(...configLines(server))),
  cons: serving((server) =>
    lines(...[...server.connections].map((connection) => connectionLine(server, connection, true)), ''),
  ),
  crst: serving((server) => {
    for (const connection of server.connections) connection.resetStatistics();
    return 'Connection stats reset.\n';
  }),
  srst: serving((server) => {
    server.statistics.reset();
    return 'Server stats reset.\n';
  }),
  envi: () => lines('Environment:', ...environment().map(([name, value]) => `${name}=${value}`)),
  dump: serving((server) => dump(server)),
  wchs: serving(({ tree: { dataWatches } }) =>
    lines(
      `${dataWatches.watcherCount} connections watching ${dataWatches.pathCount} paths`,
      `Total watches:${dataWatches.count}`,
    ),
  ),
  wchc: serving(({ tree }) =>
    lines(
      ...[...tree.dataWatches.byWatcher()].flatMap(([watcher, paths]) => [watcher.sessionIdHex, ...indented(paths)]),
    ),
  ),
  wchp: serving(({ tree }) =>
    lines(
      ...[...tree.dataWatches.byPath()].flatMap(([path, watchers]) => [
        path,
        ...indented([...watchers].map((watcher: Watcher) => watcher.sessionIdHex)),
      ]),
    ),
  ),
  isro: (server) => (server.orderer.serves ? 'rw' : 'null'),
  dirs: serving((server) =>
    lines(
      `datadir_size: ${directorySize(server, server.folders.logs)}`,
      `logdir_size: ${directorySize(server, server.folders.snapshots)}`,
    ),
  ),
  gtmk: () => '306',
};

const indented = (texts: Iterable<string>): string[] => [...texts].map((text) => `\t${text}`);

function dump(server: Server): string {
  const byExpiry = [...server.sessions.all()];
  const ephemerals = server.tree.sessionsWithEphemerals;
  return lines(
    'SessionTracker dump:',
    `Session Sets (${byExpiry.length}):`,
    ...byExpiry.map(({ id, timeoutMs }) => `1 expire in ${timeoutMs} ms:\n\t${hex(id)}`),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${ephemerals.size}):`,
    ...[...ephemerals].flatMap(([id, paths]) => [`${hex(id)}:`, ...indented(paths)]),
    'Connections dump:',
    `Connections Sets (${server.connections.size}):`,
    ...[...server.connections].map(({ sessionIdHex }) => `\t${sessionIdHex}`),
  );
}

export function environment(): [string, string][] {
  return [
    ['zookeeper.version', VERSION_TEXT],
    ['host.name', os.hostname()],
    ['node.version', process.version],
    ['os.name', os.type()],
    ['os.arch', os.arch()],
    ['os.version', os.release()],
    ['user.dir', process.cwd()],
    ['os.memory.free', `${Math.round(os.freemem() / 2 ** 20)}MB`],
    ['os.memory.total', `${Math.round(os.totalmem() / 2 ** 20)}MB`],
  ];
}

/**
 * @param whiteList  `4lw.commands.whitelist`; `*` allows all
 * @returns          the answer to a word, undefined if nobody knows it
 */
export function answerWord(server: Server, whiteList: readonly string[]): (word: string) => string | undefined {
  const allowed = new Set(whiteList);
  const all = allowed.has('*');
  return (word) => {
    const answer = Object.hasOwn(words, word) ? words[word] : undefined;
    if (answer === undefined) return undefined;
    if (!all && !allowed.has(word)) return `${word} is not executed because it is not in the whitelist.\n`;
    return answer(server);
  };
}
