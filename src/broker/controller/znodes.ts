import { parseUuid, type Uuid } from '../../protocol/kafka/index.ts';

/**
 * What lies where in ZooKeeper, and how it is spelled: the paths and documents of Apache Kafka up to 3.9. Parsers take
 * what others wrote and answer undefined for what they cannot read; nothing here throws.
 *
 * Source: kafka/zk/ZkData.scala.
 */
export const paths = {
  clusterId: '/cluster/id',
  controller: '/controller',
  controllerEpoch: '/controller_epoch',
  brokerIds: '/brokers/ids',
  brokerId: (id: number): string => `/brokers/ids/${id}`,
  brokerSequence: '/brokers/seqid',
  topics: '/brokers/topics',
  topic: (topic: string): string => `/brokers/topics/${topic}`,
  partitions: (topic: string): string => `/brokers/topics/${topic}/partitions`,
  partition: (topic: string, partition: number): string => `/brokers/topics/${topic}/partitions/${partition}`,
  partitionState: (topic: string, partition: number): string =>
    `/brokers/topics/${topic}/partitions/${partition}/state`,
  topicConfigs: '/config/topics',
  topicConfig: (topic: string): string => `/config/topics/${topic}`,
  configChanges: '/config/changes',
  configChange: '/config/changes/config_change_',
  deletedTopics: '/admin/delete_topics',
  deletedTopic: (topic: string): string => `/admin/delete_topics/${topic}`,
  producerIdBlock: '/latest_producer_id_block',
} as const;

/** Made by every broker that starts. */
export const persistentPaths: readonly string[] = [
  '/consumers',
  '/brokers/ids',
  '/brokers/topics',
  '/config/changes',
  '/admin/delete_topics',
  '/brokers/seqid',
  '/isr_change_notification',
  '/latest_producer_id_block',
  '/log_dir_event_notification',
  '/config/topics',
  '/config/clients',
  '/config/users',
  '/config/brokers',
  '/config/ips',
];

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(data: Buffer | undefined): Fields | undefined {
  if (data === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(data.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((each) => Number.isInteger(each));

// ── /cluster/id ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const clusterIdData = (id: string): Buffer => json({ version: '1', id });

export function parseClusterId(data: Buffer | undefined): string | undefined {
  const id = fieldsOf(data)?.id;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

// ── /controller ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const controllerData = (brokerId: number, nowMs: number): Buffer =>
  json({ version: 2, brokerid: brokerId, timestamp: String(nowMs), kraftControllerEpoch: -1 });

export function parseController(data: Buffer | undefined): number | undefined {
  const id = fieldsOf(data)?.brokerid;
  return typeof id === 'number' && Number.isInteger(id) ? id : undefined;
}

// ── /brokers/ids/N ───────────────────────────────────────────────────────────────────────────────────────────────────

export type RegisteredEndpoint = {
  readonly listener: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
};
export type BrokerRegistration = {
  readonly id: number;
  readonly endpoints: readonly RegisteredEndpoint[];
  readonly rack: string | null;
};

export function brokerData({ endpoints, rack }: BrokerRegistration, nowMs: number): Buffer {
  const plain = endpoints.find(({ protocol }) => protocol === 'PLAINTEXT');
  return json({
    features: {},
    listener_security_protocol_map: Object.fromEntries(endpoints.map(({ listener, protocol }) => [listener, protocol])),
    endpoints: endpoints.map(
      ({ listener, host, port }) => `${listener}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ),
    jmx_port: -1,
    port: plain?.port ?? -1,
    host: plain?.host ?? null,
    version: 5,
    timestamp: String(nowMs),
    ...(rack === null ? {} : { rack }),
  });
}

export function parseBroker(id: number, data: Buffer | undefined): BrokerRegistration | undefined {
  const fields = fieldsOf(data);
  if (fields === undefined) return undefined;
  const protocols = (fields.listener_security_protocol_map ?? {}) as Fields;
  const texts = Array.isArray(fields.endpoints) ? fields.endpoints : [];
  const endpoints = texts.flatMap((text): RegisteredEndpoint[] => {
    const match = /^([^:]+):\/\/(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(String(text));
    if (match === null) return [];
    const listener = match[1] as string;
    return [
      {
        listener,
        protocol: String(protocols[listener] ?? listener),
        host: match[2] ?? match[3] ?? '',
        port: Number(match[4]),
      },
    ];
  });
  return { id, endpoints, rack: typeof fields.rack === 'string' ? fields.rack : null };
}

// ── /brokers/topics/T ────────────────────────────────────────────────────────────────────────────────────────────────

export type TopicAssignment = {
  /** Undefined: made by a Kafka from before topic ids. */
  readonly topicId: Uuid | undefined;
  readonly partitions: ReadonlyMap<number, readonly number[]>;
};

export const topicData = ({ topicId, partitions }: TopicAssignment): Buffer =>
  json({
    partitions: Object.fromEntries(
      [...partitions].sort(([a], [b]) => a - b).map(([partition, replicas]) => [String(partition), replicas]),
    ),
    ...(topicId === undefined ? {} : { topic_id: topicId }),
    adding_replicas: {},
    removing_replicas: {},
    version: 3,
  });

export function parseTopic(data: Buffer | undefined): TopicAssignment | undefined {
  const fields = fieldsOf(data);
  const partitions = fields?.partitions;
  if (fields === undefined || typeof partitions !== 'object' || partitions === null) return undefined;
  const parsed = new Map<number, readonly number[]>();
  for (const [partition, replicas] of Object.entries(partitions)) {
    if (!/^\d+$/.test(partition) || !isNumbers(replicas)) return undefined;
    parsed.set(Number(partition), replicas);
  }
  return { topicId: typeof fields.topic_id === 'string' ? parseUuid(fields.topic_id) : undefined, partitions: parsed };
}

// ── /brokers/topics/T/partitions/P/state ─────────────────────────────────────────────────────────────────────────────

export type LeaderAndIsr = {
  /** -1: none now. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly inSyncReplicas: readonly number[];
  readonly controllerEpoch: number;
};

export const partitionStateData = (state: LeaderAndIsr): Buffer =>
  json({
    controller_epoch: state.controllerEpoch,
    leader: state.leader,
    version: 1,
    leader_epoch: state.leaderEpoch,
    isr: state.inSyncReplicas,
  });

export function parsePartitionState(data: Buffer | undefined): LeaderAndIsr | undefined {
  const fields = fieldsOf(data);
  if (fields === undefined) return undefined;
  const { leader, leader_epoch: leaderEpoch, isr, controller_epoch: controllerEpoch } = fields;
  if (
    typeof leader !== 'number' ||
    typeof leaderEpoch !== 'number' ||
    typeof controllerEpoch !== 'number' ||
    !isNumbers(isr)
  )
    return undefined;
  return { leader, leaderEpoch, inSyncReplicas: isr, controllerEpoch };
}

// ── /config/topics/T and /config/changes ─────────────────────────────────────────────────────────────────────────────

export type OwnConfig = Readonly<Record<string, string>>;

export const configData = (config: OwnConfig): Buffer => json({ version: 1, config });

export function parseConfig(data: Buffer | undefined): OwnConfig {
  const config = fieldsOf(data)?.config;
  if (typeof config !== 'object' || config === null) return {};
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]));
}

export const configChangeData = (entityPath: string): Buffer => json({ version: 2, entity_path: entityPath });

/** @returns the topic whose settings have changed; undefined for other entities */
export function parseConfigChange(data: Buffer | undefined): string | undefined {
  const path = fieldsOf(data)?.entity_path;
  const match = typeof path === 'string' ? /^topics\/(.+)$/.exec(path) : null;
  return match === null ? undefined : match[1];
}

// ── /latest_producer_id_block ────────────────────────────────────────────────────────────────────────────────────────

export type ProducerIdBlock = { readonly brokerId: number; readonly first: number; readonly last: number };

export const producerIdBlockData = ({ brokerId, first, last }: ProducerIdBlock): Buffer =>
  json({ version: 1, broker: brokerId, block_start: String(first), block_end: String(last) });

/** @returns the last id that was given out in a block; -1: none was yet; undefined: not readable */
export function parseProducerIdBlock(data: Buffer | undefined): number | undefined {
  if (data === undefined || data.length === 0) return -1;
  const end = Number(fieldsOf(data)?.block_end ?? Number.NaN);
  return Number.isSafeInteger(end) ? end : undefined;
}
