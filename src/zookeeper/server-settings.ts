import type { EnsembleSettings } from '../settings/index.ts';
import type { AccessRules } from './request/access.ts';

/** What the server reads of `zoo.cfg`, in its own words. */
export type ServerSettings = {
  readonly serverId: number;
  readonly client: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly dataLogDir: string;
  readonly tickMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** 0: any number. */
  readonly connectionsPerAddressMax: number;
  readonly connectionsMax: number;
  readonly frameBytesMax: number;
  readonly outstandingMax: number;
  readonly room: Room;
  readonly snapshotTxnCount: number;
  readonly padBytes: number;
  /** A log file that has become so large is followed by another; undefined: only a snapshot begins another. */
  readonly logBytesMax: number | undefined;
  readonly sync: boolean;
  readonly retainSnapshots: number;
  /** 0: never. */
  readonly purgeIntervalMs: number;
  readonly extendedTypes: boolean;
  readonly trustEmpty: boolean;
  readonly containerCheckMs: number;
  readonly containersPerMinute: number;
  readonly words: readonly string[];
  readonly rules: AccessRules;
  readonly admin: { readonly host: string; readonly port: number; readonly path: string } | undefined;
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
};

/** How much clients may put here; infinite: any amount. */
export type Room = {
  readonly znodesMax: number;
  /** Of paths and data together. */
  readonly dataBytesMax: number;
  readonly watchesMax: number;
};

/**
 * What a heap has room for. A node takes 165 to 310 bytes besides its path and its data, a watch up to 500; a third of
 * the heap for nodes, a third for paths and data, a fifth for watches, and the rest for what is under way.
 */
const roomIn = (heapBytes: number): Room => ({
  znodesMax: Math.floor(heapBytes / 3 / 280),
  dataBytesMax: Math.floor(heapBytes / 3),
  watchesMax: Math.floor(heapBytes / 5 / 500),
});

const KIBIBYTE = 1024;
const HOUR_MS = 3_600_000;
/** A property of Apache's counts in KiB and sets aside whole files; here zeros are written ahead in steps. */
const PAD_BYTES_MAX = 1 << 20;

/**
 * @param serverId   from `myid`; 0 for a standalone server
 * @param heapBytes  how large the heap may grow; bounds that are not given are made from it
 */
export function serverSettings(
  settings: EnsembleSettings,
  serverId: number,
  heapBytes = Number.POSITIVE_INFINITY,
): ServerSettings {
  const own = settings.servers.find(({ id }) => id === serverId);
  const host = own?.clientPort === undefined ? settings.clientHost : (own.clientHost ?? settings.clientHost);
  const algorithm = settings.get('DigestAuthenticationProvider.digestAlg').replace('-', '').toLowerCase();
  const logLimitKib = settings.get('txnLogSizeLimitInKb');
  return {
    serverId,
    client: { host, port: own?.clientPort ?? settings.clientPort ?? 0 },
    dataDir: settings.dataDir,
    dataLogDir: settings.dataLogDir,
    tickMs: settings.get('tickTime'),
    minSessionTimeoutMs: settings.minSessionTimeoutMs,
    maxSessionTimeoutMs: settings.maxSessionTimeoutMs,
    connectionsPerAddressMax: settings.get('maxClientCnxns'),
    connectionsMax: settings.get('maxCnxns'),
    frameBytesMax: settings.get('jute.maxbuffer'),
    outstandingMax: settings.get('globalOutstandingLimit'),
    room: {
      znodesMax: bound(settings.get('hikube.maxZnodes'), roomIn(heapBytes).znodesMax),
      dataBytesMax: bound(Number(settings.get('hikube.maxDataBytes')), roomIn(heapBytes).dataBytesMax),
      watchesMax: bound(settings.get('hikube.maxWatches'), roomIn(heapBytes).watchesMax),
    },
    snapshotTxnCount: settings.get('snapCount'),
    padBytes: Math.min(settings.get('preAllocSize') * KIBIBYTE, PAD_BYTES_MAX),
    logBytesMax: logLimitKib > 0 ? logLimitKib * KIBIBYTE : undefined,
    sync: settings.get('forceSync').toLowerCase() !== 'no',
    retainSnapshots: settings.get('autopurge.snapRetainCount'),
    purgeIntervalMs: settings.get('autopurge.purgeInterval') * HOUR_MS,
    extendedTypes: settings.get('extendedTypesEnabled'),
    trustEmpty: settings.get('snapshot.trust.empty'),
    containerCheckMs: settings.get('znode.container.checkIntervalMs'),
    containersPerMinute: settings.get('znode.container.maxPerMinute'),
    words: settings.get('4lw.commands.whitelist').map((word) => word.toLowerCase()),
    rules: {
      skip: settings.get('skipACL').toLowerCase() === 'yes',
      superDigest: settings.get('DigestAuthenticationProvider.superDigest'),
      digestAlgorithm: algorithm === '' ? 'sha1' : algorithm,
    },
    admin: settings.get('admin.enableServer')
      ? {
          host: settings.get('admin.serverAddress'),
          port: settings.get('admin.serverPort'),
          path: settings.get('admin.commandURL'),
        }
      : undefined,
    metrics: settings.get('metricsProvider.className')?.endsWith('PrometheusMetricsProvider')
      ? { host: settings.get('metricsProvider.httpHost'), port: settings.get('metricsProvider.httpPort') }
      : undefined,
  };
}

const bound = (given: number, byMemory: number): number => {
  if (given === 0) return Number.POSITIVE_INFINITY;
  return given < 0 ? byMemory : given;
};
