import type { Server } from '../server.ts';
import type { ClientConnection } from '../socket/client-connection.ts';

/** The version of Apache's whose behaviour this server has, because tools parse it, and then who says so. */
export const VERSION_TEXT = '3.9.5-hikube-kafka';

export const hex = (value: bigint | number): string =>
  `0x${(typeof value === 'bigint' ? BigInt.asUintN(64, value) : value).toString(16)}`;

/** Milliseconds as Apache prints them: 0 before anything was measured. */
const finite = (value: number): number => (Number.isFinite(value) ? value : 0);
export const latencies = (
  of: { latencyMsMin: number; latencyMsMax: number },
  average: number,
): [number, number, number] => [Math.floor(finite(of.latencyMsMin)), average, Math.floor(of.latencyMsMax)];

/** The name of a mode as `Mode:` and `zk_server_state` say it. */
export const stateName = (server: Server): string =>
  server.orderer.mode === 'looking' ? 'leaderelection' : server.orderer.mode;

/** Names and values of `mntr`, in Apache's order; the first part of each is `zk_` in the word, nothing in the admin command. */
export function monitorValues(server: Server): [string, string | number][] {
  const { statistics, tree } = server;
  const [min, average, max] = latencies(statistics, statistics.latencyMsAverage);
  const values: [string, string | number][] = [
    ['version', VERSION_TEXT],
    ['server_state', stateName(server)],
    ['ephemerals_count', tree.ephemeralCount],
    ['min_latency', min],
    ['avg_latency', Number(average.toFixed(4))],
    ['max_latency', max],
    ['num_alive_connections', server.connections.size],
    ['outstanding_requests', Math.max(0, statistics.requestsOutstanding)],
    ['znode_count', tree.nodeCount],
    ['global_sessions', server.sessions.count],
    ['local_sessions', 0],
    ['packets_received', statistics.packetsReceived],
    ['packets_sent', statistics.packetsSent],
    ['approximate_data_size', tree.approximateDataBytes],
    ['watch_count', tree.watchCount],
    ['connection_rejected', statistics.connectionsRejected],
    ['stale_sessions_expired', statistics.sessionsExpired],
    ['max_client_response_size', -1],
    ['last_client_response_size', -1],
    ['min_client_response_size', -1],
    ['uptime', Math.round(server.clock.nowMs() - server.startedAtMs)],
    ['open_file_descriptor_count', server.connections.size + OWN_DESCRIPTORS],
    ['fsynctime_count', statistics.syncs],
    ['fsynctime_max', Math.round(statistics.syncMsMax)],
    ['fsynctime_sum', Math.round(statistics.syncMsSum)],
    ['snapshot_count', statistics.snapshots],
    ['snapshottime_last', statistics.snapshotMsLast],
    ['node_changed_watch_count', statistics.watchEvents],
    ['read_count', statistics.reads],
    ['write_count', statistics.writes],
    ['bytes_received_count', statistics.bytesReceived],
    ['connection_drop_count', statistics.connectionsDropped],
    ['unsent_bytes', statistics.unsentBytes],
    ['write_refused_for_room_count', server.decider.refusedForRoomCount],
    ['watch_refused_count', statistics.watchesRefused],
    ...limitValues(server),
  ];
  return [...values, ...server.orderer.monitorValues()];
}

/** Bounds that are set, beside `znode_count`, `approximate_data_size` and `watch_count`. */
function limitValues({ settings: { room } }: Server): [string, number][] {
  const values: [string, number][] = [
    ['max_znode_count', room.znodesMax],
    ['max_data_size', room.dataBytesMax],
    ['max_watch_count', room.watchesMax],
  ];
  return values.filter(([, value]) => Number.isFinite(value));
}

/** About what a process of ours has open besides its clients. */
const OWN_DESCRIPTORS = 30;

export function configLines(server: Server): string[] {
  const { settings } = server;
  return [
    `clientPort=${server.clientAddress?.port ?? settings.client.port}`,
    'secureClientPort=-1',
    `dataDir=${settings.dataDir}/version-2`,
    `dataDirSize=${directorySize(server, server.folders.snapshots)}`,
    `dataLogDir=${settings.dataLogDir}/version-2`,
    `dataLogSize=${directorySize(server, server.folders.logs)}`,
    `tickTime=${settings.tickMs}`,
    `maxClientCnxns=${settings.connectionsPerAddressMax}`,
    `minSessionTimeout=${settings.minSessionTimeoutMs}`,
    `maxSessionTimeout=${settings.maxSessionTimeoutMs}`,
    `clientPortListenBacklog=-1`,
    `serverId=${settings.serverId}`,
    ...server.orderer.configLines(),
  ];
}

export function directorySize(server: Server, folder: string): number {
  const { disk } = server;
  return disk.list(folder).reduce((sum, name) => sum + (disk.sizeBytes(`${folder}/${name}`) ?? 0), 0);
}

/** ` /127.0.0.1:41234[1](queued=0,recved=5,sent=5,...)` */
export function connectionLine(server: Server, connection: ClientConnection, full: boolean): string {
  const queued = connection.waitingCount;
  const head = ` /${connection.remoteAddress}:${connection.remotePort}[${connection.hasSession ? 1 : 0}](queued=${queued},recved=${connection.packetsReceived},sent=${connection.packetsSent}`;
  if (!full || connection.session === undefined) return `${head})`;
  const count = connection.answeredCount;
  const average = count === 0 ? 0 : Math.round(connection.latencyMsSum / count);
  const [min, , max] = latencies(connection, average);
  const parts = [
    `sid=${connection.sessionIdHex}`,
    `lop=${connection.lastOperation}`,
    `est=${connection.openedAtMs}`,
    `to=${connection.session.timeoutMs}`,
    `lcxid=${hex(connection.lastXid >>> 0)}`,
    `lzxid=${hex(connection.lastZxid)}`,
    `lresp=${Math.round(server.clock.monotonicMs())}`,
    `llat=${Math.round(connection.latencyMsLast)}`,
    `minlat=${min}`,
    `avglat=${average}`,
    `maxlat=${max}`,
  ];
  return `${head},${parts.join(',')})`;
}

/** The end of `srvr` and `stat`. */
export function statisticsLines(server: Server): string[] {
  const { statistics, tree } = server;
  const [min, average, max] = latencies(statistics, statistics.latencyMsAverage);
  return [
    `Latency min/avg/max: ${min}/${average.toFixed(4).replace(/\.?0+$/, '') || '0'}/${max}`,
    `Received: ${statistics.packetsReceived}`,
    `Sent: ${statistics.packetsSent}`,
    `Connections: ${server.connections.size}`,
    `Outstanding: ${Math.max(0, statistics.requestsOutstanding)}`,
    `Zxid: ${hex(tree.lastZxid)}`,
    `Mode: ${stateName(server)}`,
    `Node count: ${tree.nodeCount}`,
  ];
}
