import { brokerProperties } from './broker-properties.ts';
import { type PropertyDefinition, parsedValue, problemOf, type ValueOf } from './definition.ts';
import { nearestName, type Property, parseProperties, type SettingProblem } from './properties-file.ts';

/** Properties of our own, beside Apache's. */
const ownProperties = {
  /** When an acks=all answer may leave: after a flush to the device, or as in Apache Kafka when all in-sync replicas have it. */
  'hikube.durability': { type: 'string', fallback: 'disk', oneOf: ['disk', 'replicated'] },
} as const satisfies Record<string, PropertyDefinition>;

const definitions = { ...brokerProperties, ...ownProperties };
type Definitions = typeof definitions;
export type BrokerPropertyName = keyof Definitions;

/** The value's type; `undefined` is possible where the definition has no default. */
type BrokerValue<Name extends BrokerPropertyName> =
  | ValueOf<Definitions[Name]['type']>
  | (Definitions[Name] extends { readonly fallback: string } ? never : undefined);

export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';

/** `PLAINTEXT://host:9092`; an empty host listens everywhere. */
export interface ListenerAddress {
  readonly name: string;
  readonly protocol: SecurityProtocol;
  readonly host: string;
  readonly port: number;
}

/** `zookeeper.connect`: servers before the first slash, then the chroot (empty or `/path`). */
export interface ZooKeeperConnect {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  readonly chroot: string;
}

/** A checked `server.properties`. */
export interface BrokerSettings {
  /** A property's value, or its default. */
  get<Name extends BrokerPropertyName>(name: Name): BrokerValue<Name>;
  /** As it stands in the file; undefined if it does not. */
  text(name: string): string | undefined;
  /** The default as text; undefined if there is none. */
  fallback(name: string): string | undefined;
  /** `broker.id`, or `node.id`; -1 asks ZooKeeper for one. */
  readonly brokerId: number;
  readonly listeners: readonly ListenerAddress[];
  /** For every listener what clients are told; a listener without an own one advertises itself. */
  readonly advertisedListeners: readonly ListenerAddress[];
  readonly interBrokerListenerName: string;
  readonly logDirs: readonly string[];
  readonly zooKeeper: ZooKeeperConnect | undefined;
}

/** A null default of Kafka's own that is given by another property. */
const derived = new Set(['log.dir', 'log.dirs', 'listeners', 'broker.id', 'node.id']);

/**
 * Reads a `server.properties`.
 *
 * @param text       the file
 * @param overrides  stronger than the file, as `--override key=value`
 * @returns          settings, unless some problem is an error; problems in the order of the file
 */
export function parseBrokerSettings(
  text: string,
  overrides: readonly Property[] = [],
): { settings: BrokerSettings | undefined; problems: SettingProblem[] } {
  const { properties, problems } = parseProperties(text);
  const values = new Map<string, Property>();
  for (const property of [...properties, ...overrides]) values.set(property.key, property);
  for (const property of values.values()) {
    const problem = problemOfProperty(property);
    if (problem !== undefined) problems.push(problem);
  }
  const settings = problems.some(({ severity }) => severity === 'error') ? undefined : settingsOf(values, problems);
  problems.sort((a, b) => (a.line ?? Number.MAX_SAFE_INTEGER) - (b.line ?? Number.MAX_SAFE_INTEGER));
  return { settings: problems.some(({ severity }) => severity === 'error') ? undefined : settings, problems };
}

const isKnown = (key: string): key is BrokerPropertyName => Object.hasOwn(definitions, key);

function problemOfProperty({ key, value, line }: Property): SettingProblem | undefined {
  const place = line === undefined ? {} : { line };
  if (!isKnown(key)) {
    // `listener.name.<listener>.<property>` and the prefixes of plug-ins are open sets.
    if (/^(listener\.name\.|sasl\.|ssl\.|producer\.|consumer\.|metric|config\.providers)/.test(key)) return undefined;
    const near = nearestName(key, Object.keys(definitions));
    const hint = near === undefined ? 'it has no effect' : `it has no effect; did you mean ${near}?`;
    return { severity: 'warning', key, ...place, message: `${key} is not a property of a Kafka broker: ${hint}` };
  }
  const wrong = problemOf(definitions[key], value);
  return wrong === undefined ? undefined : { severity: 'error', key, ...place, message: `${key} ${wrong}` };
}

function settingsOf(values: ReadonlyMap<string, Property>, problems: SettingProblem[]): BrokerSettings {
  const text = (name: string): string | undefined => values.get(name)?.value;
  const fallback = (name: string): string | undefined => {
    if (!isKnown(name) || derived.has(name)) return undefined;
    const definition: PropertyDefinition = definitions[name];
    return definition.fallback;
  };
  const wrong = (key: string, message: string): void => {
    const line = values.get(key)?.line;
    problems.push({ severity: 'error', key, ...(line === undefined ? {} : { line }), message: `${key} ${message}` });
  };
  const get = <Name extends BrokerPropertyName>(name: Name): BrokerValue<Name> => {
    const definition: PropertyDefinition = definitions[name];
    const value = text(name) ?? definition.fallback;
    return (value === undefined ? undefined : parsedValue(definition.type, value)) as BrokerValue<Name>;
  };

  const protocols = protocolsByListener(get('listener.security.protocol.map'));
  const listenersOf = (key: 'listeners' | 'advertised.listeners', value: string): ListenerAddress[] =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .flatMap((part) => {
        const match = /^([\w.-]+):\/\/(?:\[([^\]]*)\]|([^:/]*)):(-?\d+)$/.exec(part);
        const [, rawName = '', address6, address4 = '', port = ''] = match ?? [];
        const name = rawName.toUpperCase();
        const protocol = protocols.get(name);
        if (match === null) wrong(key, `has "${part}", which is not of the form NAME://host:port`);
        else if (Number(port) > 65535 || Number(port) < 0)
          wrong(key, `has "${part}", whose port is not between 0 and 65535`);
        else if (protocol === undefined)
          wrong(key, `names the listener ${name}, which listener.security.protocol.map does not have`);
        else return [{ name, protocol, host: address6 ?? address4, port: Number(port) }];
        return [];
      });

  const listeners = listenersOf('listeners', text('listeners') ?? 'PLAINTEXT://:9092');
  const doubled = listeners.find(({ name }, index) => listeners.findIndex((other) => other.name === name) !== index);
  if (doubled !== undefined) wrong('listeners', `has the listener ${doubled.name} twice`);
  const explicit = listenersOf('advertised.listeners', text('advertised.listeners') ?? '');
  for (const { name, host } of explicit) {
    if (!listeners.some((listener) => listener.name === name))
      wrong('advertised.listeners', `names ${name}, which is not in listeners`);
    if (host === '0.0.0.0' || host === '::')
      wrong('advertised.listeners', `cannot be ${host}: clients could not connect to it`);
  }
  const advertisedListeners = listeners.map((own) => explicit.find(({ name }) => name === own.name) ?? own);

  const interBroker = get('inter.broker.listener.name')?.toUpperCase() ?? get('security.inter.broker.protocol');
  if (!listeners.some(({ name }) => name === interBroker)) {
    wrong(
      text('inter.broker.listener.name') === undefined ? 'listeners' : 'inter.broker.listener.name',
      `must include the listener that brokers use among themselves, ${interBroker}`,
    );
  }

  const connect = text('zookeeper.connect');
  const zooKeeper = connect === undefined || connect.trim() === '' ? undefined : zooKeeperConnectOf(connect);
  if (zooKeeper !== undefined && zooKeeper.servers.length === 0) {
    wrong('zookeeper.connect', `must be host:port[,host:port...][/chroot], not "${connect}"`);
  }
  const logDirs = parsedValue('list', text('log.dirs') ?? text('log.dir') ?? '/tmp/kafka-logs');
  if (logDirs.length === 0) wrong('log.dirs', 'names no folder');
  const id = text('broker.id') ?? text('node.id');
  return {
    get,
    text,
    fallback,
    brokerId: id === undefined ? -1 : Number(id),
    listeners,
    advertisedListeners,
    interBrokerListenerName: interBroker,
    logDirs,
    zooKeeper,
  };
}

function protocolsByListener(map: string): Map<string, SecurityProtocol> {
  return new Map(
    map.split(',').flatMap((entry) => {
      const [name = '', protocol = ''] = entry.split(':').map((part) => part.trim().toUpperCase());
      const known = /^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$/.test(protocol);
      return known ? [[name, protocol as SecurityProtocol]] : [];
    }),
  );
}

/** Servers without a port use 2181, as ZooKeeper's `ConnectStringParser` does. */
export function zooKeeperConnectOf(connect: string): ZooKeeperConnect {
  const slash = connect.indexOf('/');
  const hosts = slash < 0 ? connect : connect.slice(0, slash);
  const chroot = slash < 0 ? '' : connect.slice(slash).trim().replace(/\/+$/, '');
  const servers = hosts
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, address6, address4 = '', port = '2181'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(part) ?? [];
      return { host: address6 ?? address4, port: Number(port) };
    });
  const sound = servers.every(({ host, port }) => host !== '' && port > 0 && port < 65536);
  return { servers: sound ? servers : [], chroot };
}
