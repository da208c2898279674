import { type Result, success } from '../../base/index.ts';
import { errorCode, errorName, type KafkaAdmin } from '../../client/kafka/index.ts';
import { type Interrupted, type Patience, type Refusal, refused } from './patience.ts';
import type { Step } from './steps.ts';

type Answer<Value> = Promise<Result<Value, Refusal | Interrupted>>;

/** Partitions named in one request. */
const partitionsPerRequest = 500;

export type Held = {
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
  readonly leader: number;
};

export const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic} ${partition}`;

/** Replicas of the steps' partitions now; of one that is moving, those it is moving to count with those it leaves. */
export async function replicasNow(
  admin: KafkaAdmin,
  patience: Patience,
  steps: readonly Step[],
): Answer<ReadonlyMap<string, Held>> {
  const names = [...new Set(steps.map(({ change }) => change.topic))];
  const topics = await patience.ask('reading the topics', () => admin.describeTopics(names));
  if (!topics.ok) return topics;
  const held = new Map<string, Held>();
  for (const { name, errorCode: code, partitions } of topics.value) {
    if (code !== errorCode.NONE) continue;
    for (const { partition, replicas, inSyncReplicas: inSync, leader } of partitions) {
      held.set(`${name} ${partition}`, { replicas, inSync, leader });
    }
  }
  return success(held);
}

export async function liveBrokers(admin: KafkaAdmin, patience: Patience): Answer<ReadonlySet<number>> {
  const cluster = await patience.ask('reading the cluster', () => admin.describeCluster());
  return cluster.ok ? success(new Set(cluster.value.brokers.map(({ id }) => id))) : cluster;
}

export async function begin(admin: KafkaAdmin, patience: Patience, steps: readonly Step[]): Answer<undefined> {
  for (let at = 0; at < steps.length; at += partitionsPerRequest) {
    const some = steps.slice(at, at + partitionsPerRequest).map(({ change: { topic, partition, to } }) => {
      return { topic, partition, replicas: to };
    });
    const answer = await patience.ask('moving partitions', () => admin.alterPartitionReassignments(some));
    if (!answer.ok) return answer;
    const bad = answer.value.find(({ errorCode: code }) => code !== errorCode.NONE);
    if (bad !== undefined) {
      return refused(`moving ${bad.topic}-${bad.partition}`, bad.errorMessage ?? errorName(bad.errorCode));
    }
  }
  return success(undefined);
}

/** Names of the partitions that are moving, of the whole cluster. */
export async function ongoing(admin: KafkaAdmin, patience: Patience): Answer<ReadonlySet<string>> {
  const answer = await patience.ask('listing moves', () => admin.listPartitionReassignments(null));
  return answer.ok ? success(new Set(answer.value.map(nameOf))) : answer;
}

/**
 * Cancels what is moving, and gives partitions the order of replicas back that they had: told to cancel, Kafka drops the
 * copies but leaves the order as it became. What has just ended by itself is left as it is.
 *
 * @returns how many moves were cancelled
 */
export async function cancelRunning(admin: KafkaAdmin, patience: Patience, steps: readonly Step[]): Answer<number> {
  const running = await ongoing(admin, patience);
  if (!running.ok) return running;
  const moving = steps.filter(({ change }) => running.value.has(nameOf(change))).map(({ change }) => change);
  let count = 0;
  for (let at = 0; at < moving.length; at += partitionsPerRequest) {
    const some = moving.slice(at, at + partitionsPerRequest);
    const dropped = await patience.ask('cancelling moves', () =>
      admin.alterPartitionReassignments(some.map(({ topic, partition }) => ({ topic, partition, replicas: null }))),
    );
    if (!dropped.ok) return dropped;
    const cancelled = new Set(dropped.value.filter(({ errorCode: code }) => code === errorCode.NONE).map(nameOf));
    const back = some.filter((change) => cancelled.has(nameOf(change)));
    count += back.length;
    const ordered = await patience.ask('cancelling moves', () =>
      admin.alterPartitionReassignments(
        back.map(({ topic, partition, from }) => ({ topic, partition, replicas: from })),
      ),
    );
    if (!ordered.ok) return ordered;
  }
  return success(count);
}

/** Elects the first replica of each. One that cannot lead yet is tried again by the caller. */
export async function electPreferred(admin: KafkaAdmin, patience: Patience, steps: readonly Step[]): Answer<undefined> {
  for (let at = 0; at < steps.length; at += partitionsPerRequest) {
    const named = steps.slice(at, at + partitionsPerRequest).map(({ change: { topic, partition } }) => {
      return { topic, partition };
    });
    const answer = await patience.ask('electing leaders', () => admin.electLeaders(named));
    if (!answer.ok) return answer;
  }
  return success(undefined);
}
