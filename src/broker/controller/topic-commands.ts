import { brokerId as asBrokerId, type Clock, failure, type Logger, type Result, success } from '../../base/index.ts';
import type { MetadataStore } from '../../metadata/index.ts';
import { type CandidateBroker, placeNewTopics, type TopicToPlace } from '../../placement/index.ts';
import { errorCode, randomUuid, type Uuid } from '../../protocol/kafka/index.ts';
import type { BrokerSettings } from '../../settings/index.ts';
import { problemOfTopicProperties, topicSettings } from '../../settings/index.ts';
import type { Controller } from './controller.ts';
import type { ControllerContext } from './controller-context.ts';
import type { Coordination } from './coordination.ts';
import type { TopicConfigs } from './topic-configs.ts';
import { type OwnConfig, parseTopic, paths, topicData } from './znodes.ts';

/** An error code and what a person should know. */
export type Refusal = { readonly code: number; readonly message: string };

export type NewTopic = {
  readonly name: string;
  /** -1: `num.partitions`, or what the assignment says. */
  readonly partitionCount: number;
  /** -1: `default.replication.factor`, or what the assignment says. */
  readonly replicationFactor: number;
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[];
  readonly config: Readonly<Record<string, string | null>>;
};

export type CreatedTopic = {
  readonly topicId: Uuid;
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly config: OwnConfig;
};

export type TopicCommandsDeps = {
  readonly settings: BrokerSettings;
  readonly coordination: Coordination;
  readonly controller: Controller;
  readonly configs: TopicConfigs;
  readonly metadata: MetadataStore;
  readonly clock: Clock;
  readonly logger: Logger;
};

const notController: Refusal = { code: errorCode.NOT_CONTROLLER, message: 'this broker is not the active controller' };
const longestTopicName = 249;
/** The issue of replication: a topic has one replica for now. */
const supportedReplicationFactor = 1;
/** A topic's assignment must fit one znode of 1 MiB. */
const partitionsMax = 50_000;

/**
 * Making, enlarging and deleting topics: what the admin requests of clients do, on the broker whose controller is active.
 * A command checks everything, writes the znodes that Apache's writes, and waits until brokers know.
 *
 * Source: ZkAdminManager.scala, AdminZkClient.scala.
 */
export class TopicCommands {
  private readonly deps: TopicCommandsDeps;

  constructor(deps: TopicCommandsDeps) {
    this.deps = deps;
  }

  /** @param waitMs  how long to wait for leaders; the topic exists all the same when that was too short */
  async create(
    topic: NewTopic,
    { validateOnly, waitMs }: { readonly validateOnly: boolean; readonly waitMs: number },
  ): Promise<Result<CreatedTopic, Refusal>> {
    const outcome = await this.deps.controller.command(async (context) => {
      const checked = this.checkNew(topic, context);
      if (!checked.ok || validateOnly) return checked;
      const { topicId, config, partitions } = checked.value;
      const problem = await this.writeTopic(topic.name, topicId, partitions, config);
      if (problem !== undefined) return failure(problem);
      await this.deps.controller.noticeTopics();
      return checked;
    });
    if (outcome === undefined) return failure(notController);
    if (!outcome.ok) return outcome;
    const { topicId, partitions, config } = outcome.value;
    if (!validateOnly) {
      const isKnown = await this.waitForLeaders(topic.name, partitions.size, waitMs);
      if (!isKnown)
        return failure({
          code: errorCode.REQUEST_TIMED_OUT,
          message: 'the topic was created, but its partitions have no leaders yet',
        });
    }
    const replicationFactor = [...partitions.values()][0]?.length ?? 0;
    return success({ topicId, partitionCount: partitions.size, replicationFactor, config });
  }

  private checkNew(
    topic: NewTopic,
    context: ControllerContext,
  ): Result<{ topicId: Uuid; config: OwnConfig; partitions: ReadonlyMap<number, readonly number[]> }, Refusal> {
    const { settings } = this.deps;
    const nameProblem = problemOfTopicName(topic.name);
    if (nameProblem !== undefined) return failure({ code: errorCode.INVALID_TOPIC_EXCEPTION, message: nameProblem });
    if (context.deleting.has(topic.name) || context.topics.has(topic.name)) {
      const state = context.deleting.has(topic.name) ? 'is being deleted' : 'already exists';
      return failure({ code: errorCode.TOPIC_ALREADY_EXISTS, message: `topic ${topic.name} ${state}` });
    }
    const collision = [...context.topics.keys()].find(
      (each) => each.replaceAll('.', '_') === topic.name.replaceAll('.', '_'),
    );
    if (collision !== undefined) {
      return failure({
        code: errorCode.INVALID_TOPIC_EXCEPTION,
        message: `topic ${topic.name} collides with ${collision}: '.' and '_' are the same in metric names`,
      });
    }
    const configProblem = problemOfTopicProperties(topic.config);
    if (configProblem !== undefined) return failure({ code: errorCode.INVALID_CONFIG, message: configProblem });
    const config = topic.config as OwnConfig;
    const topicId = randomUuid();
    if (topic.assignments.length > 0) {
      if (topic.partitionCount !== -1 || topic.replicationFactor !== -1) {
        return failure({
          code: errorCode.INVALID_REQUEST,
          message: 'a topic takes an assignment or a number of partitions and replicas, not both',
        });
      }
      const partitions = new Map(
        topic.assignments.map(({ partitionIndex, brokerIds }) => [partitionIndex, brokerIds] as const),
      );
      const problem = problemOfAssignment(partitions, topic.assignments.length, context);
      return problem === undefined ? success({ topicId, config, partitions }) : failure(problem);
    }
    const count = topic.partitionCount === -1 ? settings.get('num.partitions') : topic.partitionCount;
    const factor =
      topic.replicationFactor === -1 ? settings.get('default.replication.factor') : topic.replicationFactor;
    if (count < 1 || count > partitionsMax) {
      return failure({
        code: errorCode.INVALID_PARTITIONS,
        message: `a topic has from 1 to ${partitionsMax} partitions, not ${count}`,
      });
    }
    if (factor !== supportedReplicationFactor) return failure(factorRefusal(factor));
    const placed = place(context, { name: topic.name, partitionCount: count, replicationFactor: factor });
    if (!placed.ok) return placed;
    return success({ topicId, config, partitions: new Map(placed.value.map((replicas, index) => [index, replicas])) });
  }

  private async writeTopic(
    name: string,
    topicId: Uuid,
    partitions: ReadonlyMap<number, readonly number[]>,
    config: OwnConfig,
  ): Promise<Refusal | undefined> {
    const { coordination, configs } = this.deps;
    // The settings come first: whoever hears of the topic finds them.
    const problem = await configs.write(name, config);
    if (problem !== undefined) return { code: errorCode.UNKNOWN_SERVER_ERROR, message: problem };
    const made = await coordination.retried((client) =>
      client.create(paths.topic(name), topicData({ topicId, partitions })),
    );
    if (made.ok) return undefined;
    if (made.problem.kind !== 'nodeExists')
      return { code: errorCode.UNKNOWN_SERVER_ERROR, message: made.problem.sentence };
    // Perhaps it is ours, from a try whose answer was lost.
    const read = await coordination.retried((client) => client.getData(paths.topic(name)));
    if (read.ok && parseTopic(read.value.data)?.topicId === topicId) return undefined;
    return { code: errorCode.TOPIC_ALREADY_EXISTS, message: `topic ${name} already exists` };
  }

  /** Adds partitions up to `count`. */
  async enlarge(
    name: string,
    count: number,
    assignments: readonly (readonly number[])[] | null,
    { validateOnly, waitMs }: { readonly validateOnly: boolean; readonly waitMs: number },
  ): Promise<Result<undefined, Refusal>> {
    const outcome = await this.deps.controller.command(async (context): Promise<Result<undefined, Refusal>> => {
      const topic = context.topics.get(name);
      if (topic === undefined || context.deleting.has(name))
        return failure({ code: errorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `there is no topic ${name}` });
      const present = topic.partitions.size;
      if (count <= present || count > partitionsMax) {
        return failure({
          code: errorCode.INVALID_PARTITIONS,
          message: `topic ${name} has ${present} partitions: it can have more, up to ${partitionsMax}, not ${count}`,
        });
      }
      let added: readonly (readonly number[])[];
      if (assignments !== null) {
        if (assignments.length !== count - present) {
          return failure({
            code: errorCode.INVALID_REPLICA_ASSIGNMENT,
            message: `${count - present} new partitions need as many assignments, not ${assignments.length}`,
          });
        }
        const problem = problemOfAssignment(
          new Map(assignments.map((replicas, index) => [index, replicas])),
          assignments.length,
          context,
        );
        if (problem !== undefined) return failure(problem);
        added = assignments;
      } else {
        const existing = [...topic.partitions.values()].map(({ replicas }) => replicas.map(asBrokerId));
        const placed = place(context, {
          name,
          partitionCount: count - present,
          replicationFactor: supportedReplicationFactor,
          existing,
        });
        if (!placed.ok) return placed;
        added = placed.value;
      }
      if (validateOnly) return success(undefined);
      const partitions = new Map(
        [...topic.partitions].map(([partition, { replicas }]) => [partition, replicas] as const),
      );
      for (const [index, replicas] of added.entries()) partitions.set(present + index, replicas);
      const written = await this.deps.coordination.retried((client) =>
        client.setData(paths.topic(name), topicData({ topicId: topic.topicId, partitions })),
      );
      if (!written.ok) return failure({ code: errorCode.UNKNOWN_SERVER_ERROR, message: written.problem.sentence });
      await this.deps.controller.noticePartitions(name);
      return success(undefined);
    });
    if (outcome === undefined) return failure(notController);
    if (outcome.ok && !validateOnly && !(await this.waitForLeaders(name, count, waitMs))) {
      return failure({
        code: errorCode.REQUEST_TIMED_OUT,
        message: 'the partitions were created, but have no leaders yet',
      });
    }
    return outcome;
  }

  async delete(name: string, waitMs: number): Promise<Result<undefined, Refusal>> {
    const { settings, coordination, controller, clock } = this.deps;
    if (!settings.get('delete.topic.enable'))
      return failure({ code: errorCode.TOPIC_DELETION_DISABLED, message: 'delete.topic.enable is false' });
    const outcome = await controller.command(async (context): Promise<Result<undefined, Refusal>> => {
      if (!context.topics.has(name) || context.deleting.has(name)) {
        return failure({ code: errorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `there is no topic ${name}` });
      }
      const made = await coordination.retried((client) => client.create(paths.deletedTopic(name), undefined));
      if (!made.ok && made.problem.kind !== 'nodeExists')
        return failure({ code: errorCode.UNKNOWN_SERVER_ERROR, message: made.problem.sentence });
      await controller.noticeDeletions();
      return success(undefined);
    });
    if (outcome === undefined) return failure(notController);
    if (!outcome.ok) return outcome;
    const tooLong = new Promise<'tooLong'>((resolve) => clock.after(waitMs, () => resolve('tooLong')));
    const isGone = (await Promise.race([controller.whenDeleted(name), tooLong])) !== 'tooLong';
    return isGone
      ? outcome
      : failure({
          code: errorCode.REQUEST_TIMED_OUT,
          message: 'the topic is being deleted; not all brokers have confirmed yet',
        });
  }

  /** Settings as they would be; for answers that show them. */
  effective(config: OwnConfig): ReturnType<typeof topicSettings> {
    return topicSettings(config, this.deps.settings);
  }

  private waitForLeaders(name: string, count: number, waitMs: number): Promise<boolean> {
    const { metadata, clock } = this.deps;
    return metadata.waitFor(
      (image) => {
        const topic = image.topics.get(name);
        return (
          topic !== undefined &&
          topic.partitions.length >= count &&
          topic.partitions.every((each) => (each?.leader ?? -1) >= 0)
        );
      },
      waitMs,
      (delayMs, call) => clock.after(delayMs, call),
    );
  }
}

/** Source: Topic.validate. */
export function problemOfTopicName(name: string): string | undefined {
  if (name === '') return 'a topic has a name';
  if (name === '.' || name === '..') return `a topic cannot be named "${name}"`;
  if (name.length > longestTopicName)
    return `a topic's name has at most ${longestTopicName} characters, not ${name.length}`;
  if (!/^[\w.-]+$/.test(name))
    return `the topic name "${name.slice(0, longestTopicName)}" has characters other than letters, digits, '.', '_' and '-'`;
  return undefined;
}

const factorRefusal = (factor: number): Refusal => ({
  code: errorCode.INVALID_REPLICATION_FACTOR,
  message: `replication factor ${factor} is not possible: this broker keeps one replica of a partition, so it must be ${supportedReplicationFactor}`,
});

function problemOfAssignment(
  partitions: ReadonlyMap<number, readonly number[]>,
  count: number,
  context: ControllerContext,
): Refusal | undefined {
  const invalid = (message: string): Refusal => ({ code: errorCode.INVALID_REPLICA_ASSIGNMENT, message });
  if (partitions.size !== count) return invalid('a partition is assigned twice');
  for (let partition = 0; partition < count; partition++) {
    const replicas = partitions.get(partition);
    if (replicas === undefined)
      return invalid(`partitions are numbered from 0 without gaps; ${partition} has no assignment`);
    if (replicas.length === 0) return invalid(`partition ${partition} has no replica`);
    if (replicas.length !== supportedReplicationFactor) return factorRefusal(replicas.length);
    const unknown = replicas.find((id) => !context.brokers.has(id));
    if (unknown !== undefined)
      return invalid(`partition ${partition} is assigned to broker ${unknown}, which does not live`);
  }
  return undefined;
}

function place(context: ControllerContext, topic: TopicToPlace): Result<readonly (readonly number[])[], Refusal> {
  const replicaCounts = new Map<number, number>();
  const leaderCounts = new Map<number, number>();
  for (const { partitions } of context.topics.values()) {
    for (const { replicas } of partitions.values()) {
      for (const id of replicas) replicaCounts.set(id, (replicaCounts.get(id) ?? 0) + 1);
      const [first] = replicas;
      if (first !== undefined) leaderCounts.set(first, (leaderCounts.get(first) ?? 0) + 1);
    }
  }
  const brokers = [...context.brokers].map(
    ([id, { registration }]): CandidateBroker => ({
      id: asBrokerId(id),
      ...(registration.rack === null ? {} : { rack: registration.rack }),
      state: context.shuttingDown.has(id) ? 'away' : 'active',
      replicaCount: replicaCounts.get(id) ?? 0,
      leaderCount: leaderCounts.get(id) ?? 0,
    }),
  );
  const placed = placeNewTopics(brokers, [topic]);
  if (placed.ok) return success(placed.value[0]?.replicas ?? []);
  const code =
    placed.problem.kind === 'invalidPartitionCount'
      ? errorCode.INVALID_PARTITIONS
      : errorCode.INVALID_REPLICATION_FACTOR;
  return failure({ code, message: placed.problem.message });
}
