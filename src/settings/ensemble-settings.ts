import { type PropertyDefinition, parsedValue, problemOf, type ValueOf } from './definition.ts';
import { nearestName, type Property, parseProperties, type SettingProblem } from './properties-file.ts';

/**
 * Properties of `zoo.cfg`, in the file's own spelling.
 *
 * Source: QuorumPeerConfig.parseProperties and the administrator's guide of ZooKeeper 3.9. What the guide calls
 * `zookeeper.NAME` (a Java system property) may stand in the file as NAME.
 */
const ensembleProperties = {
  dataDir: { type: 'string' },
  dataLogDir: { type: 'string' },
  clientPort: { type: 'int', min: 0, max: 65535 },
  clientPortAddress: { type: 'string' },
  secureClientPort: { type: 'int', min: 0, max: 65535 },
  secureClientPortAddress: { type: 'string' },
  observerMasterPort: { type: 'int', min: 0, max: 65535 },
  clientPortListenBacklog: { type: 'int', fallback: '-1' },
  tickTime: { type: 'int', fallback: '3000', min: 1 },
  initLimit: { type: 'int', min: 1 },
  syncLimit: { type: 'int', min: 1 },
  connectToLearnerMasterLimit: { type: 'int', fallback: '0' },
  maxClientCnxns: { type: 'int', fallback: '60', min: 0 },
  maxCnxns: { type: 'int', fallback: '0', min: 0 },
  minSessionTimeout: { type: 'int', fallback: '-1' },
  maxSessionTimeout: { type: 'int', fallback: '-1' },
  peerType: { type: 'string', fallback: 'participant', oneOf: ['participant', 'observer'] },
  electionAlg: { type: 'int', fallback: '3' },
  quorumListenOnAllIPs: { type: 'boolean', fallback: 'false' },
  syncEnabled: { type: 'boolean', fallback: 'true' },
  standaloneEnabled: { type: 'boolean', fallback: 'true' },
  reconfigEnabled: { type: 'boolean', fallback: 'false' },
  dynamicConfigFile: { type: 'string' },
  localSessionsEnabled: { type: 'boolean', fallback: 'false' },
  localSessionsUpgradingEnabled: { type: 'boolean', fallback: 'false' },
  'autopurge.snapRetainCount': { type: 'int', fallback: '3', min: 3 },
  'autopurge.purgeInterval': { type: 'int', fallback: '0', min: 0 },
  snapCount: { type: 'int', fallback: '100000', min: 2 },
  'snapshot.trust.empty': { type: 'boolean', fallback: 'false' },
  'snapshot.compression.method': { type: 'string' },
  preAllocSize: { type: 'int', fallback: '65536', min: 0 },
  txnLogSizeLimitInKb: { type: 'int', fallback: '-1' },
  forceSync: { type: 'string', fallback: 'yes' },
  globalOutstandingLimit: { type: 'int', fallback: '1000', min: 1 },
  'jute.maxbuffer': { type: 'int', fallback: '1048575', min: 1024 },
  extendedTypesEnabled: { type: 'boolean', fallback: 'false' },
  '4lw.commands.whitelist': { type: 'list', fallback: 'srvr' },
  'admin.enableServer': { type: 'boolean', fallback: 'true' },
  'admin.serverPort': { type: 'int', fallback: '8080', min: 0, max: 65535 },
  'admin.serverAddress': { type: 'string', fallback: '0.0.0.0' },
  'admin.commandURL': { type: 'string', fallback: '/commands' },
  'admin.idleTimeout': { type: 'int', fallback: '30000' },
  'metricsProvider.className': { type: 'string' },
  'metricsProvider.httpHost': { type: 'string', fallback: '0.0.0.0' },
  'metricsProvider.httpPort': { type: 'int', fallback: '7000', min: 0, max: 65535 },
  'metricsProvider.exportJvmInfo': { type: 'boolean', fallback: 'true' },
  'readonlymode.enabled': { type: 'boolean', fallback: 'false' },
  skipACL: { type: 'string', fallback: 'no' },
  'DigestAuthenticationProvider.superDigest': { type: 'password' },
  'DigestAuthenticationProvider.digestAlg': { type: 'string', fallback: 'SHA1' },
  'DigestAuthenticationProvider.enabled': { type: 'boolean', fallback: 'true' },
  'znode.container.checkIntervalMs': { type: 'int', fallback: '60000', min: 1 },
  'znode.container.maxPerMinute': { type: 'int', fallback: '10000', min: 1 },
  portUnification: { type: 'boolean', fallback: 'false' },
  sslQuorum: { type: 'boolean', fallback: 'false' },
  multiAddressEnabled: { type: 'boolean', fallback: 'false' },
  'multiAddress.enabled': { type: 'boolean', fallback: 'false' },
  fsyncWarningThresholdMs: { type: 'int', fallback: '1000' },
  'fsync.warningthresholdms': { type: 'int', fallback: '1000' },
  'digest.enabled': { type: 'boolean', fallback: 'true' },
  cnxTimeout: { type: 'int', fallback: '5000' },
  // Of our own: bounds on what clients may fill the memory with. -1: from the memory that there is, 0: none.
  'hikube.maxZnodes': { type: 'int', fallback: '-1', min: -1 },
  'hikube.maxDataBytes': { type: 'long', fallback: '-1', min: -1 },
  'hikube.maxWatches': { type: 'int', fallback: '-1', min: -1 },
} as const satisfies Record<string, PropertyDefinition>;

/** Open sets of names that plug-ins and security read. */
const openPrefixes =
  /^(ssl\.|sslQuorum\.|quorum\.|authProvider\.|sasl\.|kerberos\.|zookeeper\.|metricsProvider\.|group\.|weight\.|netty|nio)/;

type Definitions = typeof ensembleProperties;
export type EnsemblePropertyName = keyof Definitions;
type EnsembleValue<Name extends EnsemblePropertyName> =
  | ValueOf<Definitions[Name]['type']>
  | (Definitions[Name] extends { readonly fallback: string } ? never : undefined);

/** `server.1=host:2888:3888:participant;0.0.0.0:2181` */
export interface EnsembleServer {
  readonly id: number;
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
  readonly role: 'participant' | 'observer';
  readonly clientHost: string | undefined;
  readonly clientPort: number | undefined;
}

/** A checked `zoo.cfg`. `get` of a time-out answers the file's number; the derived fields are what counts. */
export interface EnsembleSettings {
  get<Name extends EnsemblePropertyName>(name: Name): EnsembleValue<Name>;
  text(name: string): string | undefined;
  readonly dataDir: string;
  /** Where transactions go: `dataLogDir`, or else `dataDir`. */
  readonly dataLogDir: string;
  readonly clientHost: string;
  /** Undefined: `server.N` or the dynamic file gives it. */
  readonly clientPort: number | undefined;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** Empty: a standalone server. */
  readonly servers: readonly EnsembleServer[];
  /** `version=` of a dynamic file, hexadecimal there. */
  readonly configVersion: bigint;
}

/**
 * Reads a `zoo.cfg`.
 *
 * @param readFile  reads what `dynamicConfigFile` names; undefined if it is not there
 * @returns         settings, unless some problem is an error
 */
export function parseEnsembleSettings(
  text: string,
  readFile: (path: string) => string | undefined = () => undefined,
): { settings: EnsembleSettings | undefined; problems: SettingProblem[] } {
  const { properties, problems } = parseProperties(text);
  const values = new Map<string, Property>();
  for (const property of properties) values.set(property.key, property);
  const wrong = (key: string, message: string): void => {
    const line = values.get(key)?.line;
    problems.push({ severity: 'error', key, ...(line === undefined ? {} : { line }), message: `${key} ${message}` });
  };
  for (const { key, value, line } of values.values()) {
    if (isKnown(key)) {
      const problem = problemOf(ensembleProperties[key], value);
      if (problem !== undefined) wrong(key, problem);
    } else if (!/^(server\.|version$)/.test(key) && !openPrefixes.test(key)) {
      const near = nearestName(key, Object.keys(ensembleProperties));
      const hint = near === undefined ? 'it has no effect' : `it has no effect; did you mean ${near}?`;
      problems.push({
        severity: 'warning',
        key,
        ...(line === undefined ? {} : { line }),
        message: `${key} is not a property of a ZooKeeper server: ${hint}`,
      });
    }
  }
  const own = (name: string): string | undefined => values.get(name)?.value.trim();
  const dynamicPath = own('dynamicConfigFile');
  if (dynamicPath !== undefined) {
    const dynamic = readFile(dynamicPath);
    if (dynamic === undefined) wrong('dynamicConfigFile', `names ${dynamicPath}, which cannot be read`);
    else {
      for (const { key, value } of parseProperties(dynamic).properties) {
        if (/^(server|group|weight)\.|^version$/.test(key)) values.set(key, { key, value });
        else
          wrong(
            'dynamicConfigFile',
            `names ${dynamicPath}, in which only server., group., weight. and version may stand, not ${key}`,
          );
      }
    }
  }

  const servers: EnsembleServer[] = [];
  for (const { key, value } of [...values.values()]) {
    if (!key.startsWith('server.')) continue;
    const server = serverOf(key.slice('server.'.length), value);
    if (typeof server === 'string') wrong(key, server);
    else servers.push(server);
  }
  servers.sort((a, b) => a.id - b.id);

  if (own('dataDir') === undefined) wrong('dataDir', 'is missing: it names the folder that holds the data');
  const get = <Name extends EnsemblePropertyName>(name: Name): EnsembleValue<Name> => {
    const definition: PropertyDefinition = ensembleProperties[name];
    const value = own(name) ?? definition.fallback;
    return (value === undefined ? undefined : parsedValue(definition.type, value)) as EnsembleValue<Name>;
  };
  const alone = servers.filter(({ role }) => role === 'participant').length < 2 && own('standaloneEnabled') !== 'false';
  if (
    alone &&
    own('clientPort') === undefined &&
    own('secureClientPort') === undefined &&
    servers[0]?.clientPort === undefined
  ) {
    wrong('clientPort', 'is missing: it is the port that clients connect to');
  }
  if (servers.length > 1) {
    if (own('initLimit') === undefined) wrong('initLimit', 'is missing: an ensemble needs it, in ticks');
    if (own('syncLimit') === undefined) wrong('syncLimit', 'is missing: an ensemble needs it, in ticks');
  }
  const failed = problems.some(({ severity }) => severity === 'error');
  if (failed) return { settings: undefined, problems };

  const tickTime = get('tickTime');
  const least = get('minSessionTimeout');
  const most = get('maxSessionTimeout');
  const minSessionTimeoutMs = least === -1 ? tickTime * 2 : least;
  const maxSessionTimeoutMs = most === -1 ? tickTime * 20 : most;
  if (minSessionTimeoutMs > maxSessionTimeoutMs) {
    wrong('minSessionTimeout', `is ${minSessionTimeoutMs} ms, more than maxSessionTimeout, ${maxSessionTimeoutMs} ms`);
    return { settings: undefined, problems };
  }
  const dataDir = own('dataDir') as string;
  return {
    problems,
    settings: {
      get,
      text: (name) => values.get(name)?.value,
      dataDir,
      dataLogDir: own('dataLogDir') ?? dataDir,
      clientHost: own('clientPortAddress') ?? '0.0.0.0',
      clientPort: get('clientPort'),
      minSessionTimeoutMs,
      maxSessionTimeoutMs,
      servers,
      configVersion: BigInt(`0x${own('version') ?? '0'}`),
    },
  };
}

const isKnown = (key: string): key is EnsemblePropertyName => Object.hasOwn(ensembleProperties, key);

const host = String.raw`(?:\[([^\]]+)\]|([^:;\[\]|]+))`;
const serverForm = new RegExp(`^${host}:(\\d+):(\\d+)(?::(participant|observer))?(?:;(?:${host}:)?(\\d+))?$`);

/** A server, or the end of a sentence that says what is wrong. */
export function serverOf(idText: string, value: string): EnsembleServer | string {
  if (!/^\d+$/.test(idText) || Number(idText) > 255) return 'must end in a number from 0 to 255';
  const match = serverForm.exec(value.trim());
  if (match === null) return `must be host:quorumPort:electionPort[:role][;[clientHost:]clientPort], not "${value}"`;
  const [, host6, host4, quorumPort, electionPort, role, client6, client4, clientPort] = match;
  return {
    id: Number(idText),
    host: (host6 ?? host4) as string,
    quorumPort: Number(quorumPort),
    electionPort: Number(electionPort),
    role: role === 'observer' ? 'observer' : 'participant',
    clientHost: client6 ?? client4,
    clientPort: clientPort === undefined ? undefined : Number(clientPort),
  };
}

/** The number in a `myid` file, or the end of a sentence that begins with the file's name. */
export function myIdOf(text: string): number | string {
  const value = text.trim();
  return /^\d+$/.test(value) && Number(value) <= 255
    ? Number(value)
    : `must hold a number from 0 to 255, not "${value}"`;
}
