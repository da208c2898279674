/** Properties of server.properties that the operator renders, or that only make sense beside what it renders. */
const brokerKeys: ReadonlySet<string> = new Set([
  'broker.id',
  'node.id',
  'broker.rack',
  'broker.id.generation.enable',
  'reserved.broker.max.id',
  'listeners',
  'advertised.listeners',
  'control.plane.listener.name',
  'controller.listener.names',
  'controller.quorum.voters',
  'controller.quorum.bootstrap.servers',
  'inter.broker.listener.name',
  'listener.security.protocol.map',
  'security.inter.broker.protocol',
  'log.dir',
  'log.dirs',
  'metadata.log.dir',
  'process.roles',
  'zookeeper.connect',
  'zookeeper.metadata.migration.enable',
  'authorizer.class.name',
  'super.users',
  'inter.broker.protocol.version',
]);
const brokerPrefixes = ['listener.name.', 'sasl.', 'ssl.', 'zookeeper.ssl.', 'password.encoder.'] as const;

/** Properties of zoo.cfg that the operator renders. */
const serverKeys: ReadonlySet<string> = new Set([
  'dataDir',
  'dataLogDir',
  'clientPort',
  'clientPortAddress',
  'secureClientPort',
  'secureClientPortAddress',
  'dynamicConfigFile',
  'standaloneEnabled',
  'reconfigEnabled',
  'peerType',
  'version',
]);
const serverPrefixes = [
  'server.',
  'group.',
  'weight.',
  'ssl.',
  'sslQuorum',
  'quorum.',
  'authProvider.',
  // The operator changes the membership as the super user.
  'DigestAuthenticationProvider.',
  'zookeeper.DigestAuthenticationProvider.',
] as const;

export const isForbiddenBrokerKey = (key: string): boolean =>
  brokerKeys.has(key) || brokerPrefixes.some((prefix) => key.startsWith(prefix));

export const isForbiddenServerKey = (key: string): boolean =>
  serverKeys.has(key) || serverPrefixes.some((prefix) => key.startsWith(prefix));
