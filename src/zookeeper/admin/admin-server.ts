import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address, Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { Server } from '../server.ts';
import { environment } from './four-letter-words.ts';
import { configLines, directorySize, hex, monitorValues, stateName, VERSION_TEXT } from './reports.ts';

type Command = {
  readonly primary: string;
  readonly names: readonly string[];
  readonly answer: (server: Server) => object;
};

const connectionsOf = (server: Server): object[] =>
  [...server.connections].map((connection) => ({
    remote_socket_address: `${connection.remoteAddress}:${connection.remotePort}`,
    interest_ops: 1,
    outstanding_requests: connection.waitingCount,
    packets_received: connection.packetsReceived,
    packets_sent: connection.packetsSent,
    session_id: connection.sessionIdHex,
    session_timeout: connection.session?.timeoutMs ?? 0,
    last_operation: connection.lastOperation,
    established: new Date(connection.openedAtMs).toISOString(),
    last_cxid: connection.lastXid,
    last_zxid: hex(connection.lastZxid),
    last_latency: Math.round(connection.latencyMsLast),
  }));

const serverStats = (server: Server): object => ({
  packets_sent: server.statistics.packetsSent,
  packets_received: server.statistics.packetsReceived,
  fsync_threshold_exceed_count: 0,
  client_response_stats: { last_buffer_size: -1, min_buffer_size: -1, max_buffer_size: -1 },
  data_dir_size: directorySize(server, server.folders.logs),
  log_dir_size: directorySize(server, server.folders.snapshots),
  last_processed_zxid: server.tree.lastZxid,
  outstanding_requests: Math.max(0, server.statistics.requestsOutstanding),
  server_state: stateName(server),
  avg_latency: server.statistics.latencyMsAverage,
  max_latency: Math.floor(server.statistics.latencyMsMax),
  min_latency: Number.isFinite(server.statistics.latencyMsMin) ? Math.floor(server.statistics.latencyMsMin) : 0,
  num_alive_client_connections: server.connections.size,
  provider_null: false,
  uptime: Math.round(server.clock.nowMs() - server.startedAtMs),
});

const watchesByPath = (server: Server): object =>
  Object.fromEntries(
    [...server.tree.dataWatches.byPath()].map(([path, all]) => [path, [...all].map((w) => w.sessionIdHex)]),
  );
const watchesBySession = (server: Server): object =>
  Object.fromEntries([...server.tree.dataWatches.byWatcher()].map(([w, paths]) => [w.sessionIdHex, [...paths]]));

/** Source: org.apache.zookeeper.server.admin.Commands. */
const commands: readonly Command[] = [
  {
    primary: 'configuration',
    names: ['conf', 'config'],
    answer: (server) =>
      Object.fromEntries(
        configLines(server)
          .filter((line) => line.includes('='))
          .map((line) => {
            const [name = '', value = ''] = line.split(/=(.*)/s);
            const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
            return [key, /^-?\d+$/.test(value) ? Number(value) : value];
          }),
      ),
  },
  {
    primary: 'connections',
    names: ['cons'],
    answer: (server) => ({ connections: connectionsOf(server), secure_connections: [] }),
  },
  {
    primary: 'connection_stat_reset',
    names: ['crst'],
    answer: (server) => {
      for (const connection of server.connections) connection.resetStatistics();
      return {};
    },
  },
  {
    primary: 'dump',
    names: [],
    answer: (server) => ({
      session_id_to_ephemeral_paths: Object.fromEntries(
        [...server.tree.sessionsWithEphemerals].map(([id, paths]) => [hex(id), [...paths]]),
      ),
      expiry_time_to_session_ids: Object.fromEntries(
        [...Map.groupBy(server.sessions.all(), ({ expiresAtMs }) => expiresAtMs)].map(([at, sessions]) => [
          at,
          sessions.map(({ id }) => hex(id)),
        ]),
      ),
    }),
  },
  { primary: 'environment', names: ['env', 'envi'], answer: () => Object.fromEntries(environment()) },
  { primary: 'is_read_only', names: ['isro'], answer: () => ({ read_only: false }) },
  { primary: 'last_snapshot', names: ['lsnp'], answer: (server) => lastSnapshot(server) },
  {
    primary: 'dirs',
    names: [],
    answer: (server) => ({
      datadir_size: directorySize(server, server.folders.logs),
      logdir_size: directorySize(server, server.folders.snapshots),
    }),
  },
  {
    primary: 'leader',
    names: ['lead'],
    answer: (server) => ({ is_leader: server.orderer.mode === 'leader' || server.orderer.mode === 'standalone' }),
  },
  { primary: 'monitor', names: ['mntr'], answer: (server) => Object.fromEntries(monitorValues(server)) },
  { primary: 'ruok', names: [], answer: () => ({}) },
  {
    primary: 'server_stats',
    names: ['srvr'],
    answer: (server) => ({
      version: VERSION_TEXT,
      read_only: false,
      server_stats: serverStats(server),
      node_count: server.tree.nodeCount,
    }),
  },
  {
    primary: 'stat_reset',
    names: ['srst'],
    answer: (server) => {
      server.statistics.reset();
      return {};
    },
  },
  {
    primary: 'stats',
    names: ['stat'],
    answer: (server) => ({
      version: VERSION_TEXT,
      read_only: false,
      server_stats: serverStats(server),
      node_count: server.tree.nodeCount,
      connections: connectionsOf(server),
      secure_connections: [],
    }),
  },
  {
    primary: 'watches',
    names: ['wchc'],
    answer: (server) => ({ session_id_to_watched_paths: watchesBySession(server) }),
  },
  { primary: 'watches_by_path', names: ['wchp'], answer: (server) => ({ path_to_session_ids: watchesByPath(server) }) },
  {
    primary: 'watch_summary',
    names: ['wchs'],
    answer: ({ tree: { dataWatches } }) => ({
      num_connections: dataWatches.watcherCount,
      num_paths: dataWatches.pathCount,
      num_total_watches: dataWatches.count,
    }),
  },
  {
    primary: 'zabstate',
    names: [],
    answer: (server) => ({ voting: true, zabstate: server.orderer.serves ? 'broadcast' : 'election' }),
  },
];

function lastSnapshot(server: Server): object {
  const names = server.disk.list(server.folders.snapshots).filter((name) => name.startsWith('snapshot.'));
  const last = names.map((name) => Number.parseInt(name.slice('snapshot.'.length), 16)).sort((a, b) => b - a)[0];
  return { zxid: hex(last ?? 0), timestamp: 0 };
}

const byName = new Map(
  commands.flatMap((command) => [command.primary, ...command.names].map((name) => [name, command])),
);

/**
 * The HTTP side for operators: `/commands` lists, `/commands/NAME` answers JSON with `command` and `error`. Commands
 * that Apache guards with credentials (snapshot, restore) are not here.
 *
 * @returns why the port cannot be had
 *
 * Source: JettyAdminServer.
 */
export function serveAdmin(
  options: Address & { readonly path: string },
  server: Server,
): Promise<Result<{ readonly address: Address; close(): Promise<void> }, string>> {
  const http = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const path = decodeURI((request.url ?? '/').split('?', 1)[0] ?? '/').replace(/\/$/, '');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return json(response, 405, { error: 'only GET is answered' });
    if (path === options.path) {
      const links = commands
        .map(({ primary }) => `<a href="${options.path}/${primary}">${primary}</a><br/>`)
        .join('\n');
      response.writeHead(200, { 'content-type': 'text/html;charset=utf-8' });
      response.end(links);
      return;
    }
    const name = path.startsWith(`${options.path}/`) ? path.slice(options.path.length + 1) : '';
    const command = byName.get(name);
    if (command === undefined) return json(response, 404, { command: name, error: 'Unknown command' });
    if (!server.orderer.serves && name !== 'ruok') {
      return json(response, 503, {
        command: command.primary,
        error: 'This ZooKeeper instance is not currently serving requests',
      });
    }
    return json(response, 200, { ...command.answer(server), command: command.primary, error: null });
  });
  const podAddress = process.env.HIKUBE_POD_ADDRESS;
  const host = podAddress !== undefined && ['', '0.0.0.0', '::'].includes(options.host) ? podAddress : options.host;
  return new Promise((resolve) => {
    http.once('error', (error) =>
      resolve(failure(`cannot serve admin commands on ${host}:${options.port} (admin.serverPort): ${error.message}`)),
    );
    http.listen({ host, port: options.port }, () => {
      const bound = http.address() as AddressInfo;
      http.unref();
      resolve(
        success({
          address: { host: bound.address, port: bound.port },
          close: () =>
            new Promise<void>((closed) => {
              http.close(() => closed());
              http.closeAllConnections();
            }),
        }),
      );
    });
  });
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part), 2));
}
