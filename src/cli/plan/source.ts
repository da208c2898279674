import { failure, type Result, success } from '../../base/index.ts';
import type { KafkaAdmin, LogDirectory } from '../../client/kafka/index.ts';
import type { BrokerState, ClusterState, PartitionState, TopicState } from '../../placement/index.ts';
import type { BorderProblem } from '../../placement/json/index.ts';

/** What a live cluster does not say of itself. */
export type ReadOptions = {
  /** Seconds between two looks at the logs, for their rates; 0: one look, no rates. */
  readonly sampleSeconds: number;
  /** Brokers that will not come back: their replicas may be copied anew. */
  readonly deadBrokers: readonly number[];
  /** Topics that are not to be moved. */
  readonly pinnedTopics: readonly string[];
  /** What the reader should know about the cluster, in a sentence. */
  readonly onNotice: (sentence: string) => void;
};

/** Topics asked for their settings in one request. */
const topicsPerRequest = 500;

/**
 * Reads a cluster over the Kafka protocol: brokers and racks, partitions, sizes from the brokers' log folders, rates
 * from two looks at them, min.insync.replicas from the topics' settings.
 *
 * A broker that holds replicas and does not answer is `away`: nothing is proposed for it unless it is named as dead.
 */
export async function clusterFromBrokers(
  admin: KafkaAdmin,
  options: ReadOptions,
): Promise<Result<ClusterState, BorderProblem>> {
  const refused = (what: string, sentence: string) =>
    failure({ field: '--bootstrap', message: `cannot read ${what}: ${sentence}` });
  const cluster = await admin.describeCluster();
  if (!cluster.ok) return refused('the cluster', cluster.problem.sentence);
  const live = cluster.value.brokers.map(({ id }) => id);
  const first = await admin.describeLogDirs(live);
  if (!first.ok) return refused('the log folders', first.problem.sentence);
  const startedMs = performance.now();
  const described = await admin.describeTopics(null);
  if (!described.ok) return refused('the topics', described.problem.sentence);
  const names = described.value.map(({ name }) => name);
  const minInSync = new Map<string, number>();
  for (let at = 0; at < names.length; at += topicsPerRequest) {
    const some = names.slice(at, at + topicsPerRequest).map((name) => ({ type: 'topic' as const, name }));
    const configs = await admin.describeConfigs(some);
    if (!configs.ok) return refused('the settings of topics', configs.problem.sentence);
    for (const { name, entries } of configs.value) {
      const value = entries.find((entry) => entry.name === 'min.insync.replicas')?.value;
      if (value) minInSync.set(name, Number(value));
    }
  }
  const moving = await movingNow(admin);
  if (!moving.ok) return refused('the moves under way', moving.problem.sentence);
  if (moving.value.size > 0) {
    options.onNotice(`${moving.value.size} partitions are being moved already: they count as being where they go`);
  }
  let directories = first.value;
  if (options.sampleSeconds > 0) {
    await new Promise((resolve) => setTimeout(resolve, options.sampleSeconds * 1000));
    const second = await admin.describeLogDirs(live);
    if (!second.ok) return refused('the log folders', second.problem.sentence);
    directories = second.value;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const before = sizesOf(first.value);
  const after = sizesOf(directories);

  const brokers: BrokerState[] = cluster.value.brokers.map(({ id, rack }) => ({
    id,
    zone: rack ?? undefined,
    state: options.deadBrokers.includes(id) ? 'draining' : 'active',
    ...disksOf(directories.filter(({ broker }) => broker === id)),
  }));
  const known = new Set(live);
  const topics: TopicState[] = [];
  for (const { name, errorCode, partitions } of described.value) {
    if (errorCode !== 0) continue;
    const states: PartitionState[] = partitions.map(({ partition, replicas: held, leader, inSyncReplicas }) => {
      const replicas = moving.value.get(`${name} ${partition}`) ?? held;
      for (const id of replicas) {
        if (known.has(id)) continue;
        known.add(id);
        brokers.push({ id, state: options.deadBrokers.includes(id) ? 'dead' : 'away' });
      }
      const copies = replicas.map((id) => after.get(`${id} ${name} ${partition}`));
      const sizeBytes = Math.max(0, ...copies.map((copy) => copy?.sizeBytes ?? 0));
      const ofLeader = (sizes: typeof after) => sizes.get(`${leader} ${name} ${partition}`)?.sizeBytes ?? 0;
      const rate = options.sampleSeconds > 0 ? Math.max(0, (ofLeader(after) - ofLeader(before)) / seconds) : 0;
      return {
        id: partition,
        replicas,
        leader,
        inSync: inSyncReplicas.filter((id) => replicas.includes(id)),
        sizeBytes,
        inBytesPerSecond: rate,
        growthBytesPerSecond: rate,
        disks: copies.map((copy) => copy?.path ?? ''),
      };
    });
    topics.push({
      name,
      minInSyncReplicas: minInSync.get(name),
      pinned: options.pinnedTopics.includes(name) || undefined,
      partitions: states,
    });
  }
  return success({ version: 1, brokers, topics });
}

/** Where partitions go that are being moved now; their replica lists are old and new ones together. */
async function movingNow(admin: KafkaAdmin) {
  const answer = await admin.listPartitionReassignments(null);
  if (!answer.ok) return answer;
  return success(
    new Map(
      answer.value.map(({ topic, partition, replicas, removingReplicas }) => [
        `${topic} ${partition}`,
        replicas.filter((id) => !removingReplicas.includes(id)),
      ]),
    ),
  );
}

/**
 * A log folder can take what is free on its volume beside what it holds: other things on the volume are not Kafka's to
 * use. Folders that share a volume count its free space each.
 */
function disksOf(directories: readonly LogDirectory[]): Pick<BrokerState, 'capacity' | 'disks'> {
  const disks = directories.map(({ path, errorCode, totalBytes, usableBytes, replicas }) => ({
    path,
    sizeBytes: sizeOf(
      totalBytes,
      usableBytes,
      replicas.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ),
    state: errorCode === 0 ? ('active' as const) : ('dead' as const),
  }));
  return { disks };
}

function sizeOf(totalBytes: number, usableBytes: number, heldBytes: number): number | undefined {
  if (totalBytes <= 0) return undefined;
  return usableBytes < 0 ? totalBytes : Math.min(totalBytes, usableBytes + heldBytes);
}

type Copy = { readonly sizeBytes: number; readonly path: string };

/** Of each replica by `broker topic partition`, without copies that are still being made. */
function sizesOf(directories: readonly LogDirectory[]): Map<string, Copy> {
  const sizes = new Map<string, Copy>();
  for (const { broker, path, replicas } of directories) {
    for (const { topic, partition, sizeBytes, isFuture } of replicas) {
      if (!isFuture) sizes.set(`${broker} ${topic} ${partition}`, { sizeBytes, path });
    }
  }
  return sizes;
}
