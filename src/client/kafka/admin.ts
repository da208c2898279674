import { failure, type Result, success } from '../../base/index.ts';
import { apis, errorCode, type RequestInputOf, type Uuid } from '../../protocol/kafka/index.ts';
import {
  byTopic,
  configEntry,
  creatableTopic,
  isPassing,
  logDirectory,
  partitionCodes,
  resourceType,
  topicDescription,
} from './admin-answers.ts';
import {
  type ClusterDescription,
  type ConfigChange,
  type ConfigEntry,
  type ConfigResource,
  configOperations,
  type LogDirectory,
  type LogDirMove,
  type NewTopic,
  type OffsetAtTimestamp,
  type OngoingReassignment,
  type Outcome,
  type PartitionOutcome,
  type Reassignment,
  resourceTypes,
  type TopicDescription,
} from './admin-types.ts';
import { anyBroker, brokerWithId, controller, type KafkaClient, type Target } from './client.ts';
import { type CallProblem, refusal } from './problem.ts';

type RequestInput<Name extends keyof typeof apis> = RequestInputOf<(typeof apis)[Name]>;
type Answer<Value> = Promise<Result<Value, CallProblem>>;

const createTimeoutMs = 30_000;

/**
 * What an operator does to a cluster, as plain calls. Each sends to the broker that must answer, asks again after errors
 * that pass, and gives the outcome of every topic, resource and partition as a value.
 */
export class KafkaAdmin {
  private readonly client: KafkaClient;
  private readonly options: { readonly deadlineMs?: number };

  constructor(client: KafkaClient, options: { readonly deadlineMs?: number } = {}) {
    this.client = client;
    this.options = options;
  }

  /** Cluster id, controller and live brokers, as any broker sees them. */
  async describeCluster(): Answer<ClusterDescription> {
    const answer = await this.client.call(
      apis.metadata,
      { topics: [], allowAutoTopicCreation: false },
      anyBroker,
      this.options,
    );
    if (!answer.ok) return answer;
    this.client.learn(answer.value);
    const { clusterId, controllerId, brokers } = answer.value;
    return success({
      clusterId: clusterId ?? '',
      controllerId,
      brokers: brokers.map(({ nodeId, host, port, rack }) => ({ id: nodeId, host, port, rack })),
    });
  }

  /** @param names  null: all topics. Topics that do not exist come back with an error code. */
  async describeTopics(names: readonly string[] | null): Answer<readonly TopicDescription[]> {
    if (names?.length === 0) return success([]);
    const topics = names === null ? null : names.map((name) => ({ name }));
    const answer = await this.client.call(apis.metadata, { topics, allowAutoTopicCreation: false }, anyBroker, {
      ...this.options,
      codesOf: () => [],
    });
    if (!answer.ok) return answer;
    this.client.learn(answer.value);
    return success(answer.value.topics.map(topicDescription));
  }

  async createTopics(
    topics: readonly NewTopic[],
    { validateOnly = false }: { readonly validateOnly?: boolean } = {},
  ): Answer<readonly (Outcome & { readonly topicId: Uuid })[]> {
    if (topics.length === 0) return success([]);
    const answer = await this.client.call(
      apis.createTopics,
      { topics: topics.map(creatableTopic), timeoutMs: createTimeoutMs, validateOnly },
      controller,
      { ...this.options, codesOf: (response) => response.topics.map((topic) => topic.errorCode).filter(isPassing) },
    );
    if (!answer.ok) return answer;
    return success(
      answer.value.topics.map(({ name, topicId, errorCode: code, errorMessage }) => ({
        name,
        topicId,
        errorCode: code,
        errorMessage,
      })),
    );
  }

  async deleteTopics(names: readonly string[]): Answer<readonly Outcome[]> {
    if (names.length === 0) return success([]);
    const answer = await this.client.call(
      apis.deleteTopics,
      { topics: names.map((name) => ({ name })), topicNames: names, timeoutMs: createTimeoutMs },
      controller,
      {
        ...this.options,
        // A topic that is gone stays gone: only "not the controller" is worth another try.
        codesOf: (response) =>
          response.responses.map((topic) => topic.errorCode).filter((code) => code === errorCode.NOT_CONTROLLER),
      },
    );
    if (!answer.ok) return answer;
    return success(
      answer.value.responses.map(({ name, errorCode: code, errorMessage }) => ({
        name: name ?? '',
        errorCode: code,
        errorMessage,
      })),
    );
  }

  /** @param count  how many partitions the topic shall have in all */
  async createPartitions(
    topics: readonly {
      readonly name: string;
      readonly count: number;
      /** Replicas of each new partition, in order; absent: the cluster chooses. */
      readonly assignment?: readonly (readonly number[])[];
    }[],
    { validateOnly = false }: { readonly validateOnly?: boolean } = {},
  ): Answer<readonly Outcome[]> {
    if (topics.length === 0) return success([]);
    const answer = await this.client.call(
      apis.createPartitions,
      {
        topics: topics.map(({ name, count, assignment }) => ({
          name,
          count,
          assignments: assignment === undefined ? null : assignment.map((brokerIds) => ({ brokerIds })),
        })),
        timeoutMs: createTimeoutMs,
        validateOnly,
      },
      controller,
      {
        ...this.options,
        codesOf: (response) =>
          response.results.map((topic) => topic.errorCode).filter((code) => code === errorCode.NOT_CONTROLLER),
      },
    );
    return answer.ok ? success(answer.value.results) : answer;
  }

  /** A broker's own settings are asked of that broker. */
  async describeConfigs(
    resources: readonly ConfigResource[],
  ): Answer<readonly (ConfigResource & Outcome & { readonly entries: readonly ConfigEntry[] })[]> {
    return this.byTarget(resources, anyBroker, async (some, target) => {
      const answer = await this.client.call(
        apis.describeConfigs,
        {
          resources: some.map(({ type, name }) => ({
            resourceType: resourceTypes[type],
            resourceName: name,
            configurationKeys: null,
          })),
          includeSynonyms: false,
          includeDocumentation: false,
        },
        target,
        {
          ...this.options,
          codesOf: (response) => response.results.map((result) => result.errorCode).filter(isPassing),
        },
      );
      if (!answer.ok) return answer;
      return success(
        answer.value.results.map((result) => ({
          type: resourceType(result.resourceType),
          name: result.resourceName,
          errorCode: result.errorCode,
          errorMessage: result.errorMessage,
          entries: result.configs.map(configEntry),
        })),
      );
    });
  }

  async incrementalAlterConfigs(
    changes: readonly { readonly resource: ConfigResource; readonly changes: readonly ConfigChange[] }[],
    { validateOnly = false }: { readonly validateOnly?: boolean } = {},
  ): Answer<readonly (ConfigResource & Outcome)[]> {
    const flat = changes.map(({ resource, changes: each }) => ({ ...resource, changes: each }));
    return this.byTarget(flat, controller, async (some, target) => {
      const answer = await this.client.call(
        apis.incrementalAlterConfigs,
        {
          resources: some.map(({ type, name, changes: each }) => ({
            resourceType: resourceTypes[type],
            resourceName: name,
            configs: each.map((change) => ({
              name: change.name,
              configOperation: configOperations[change.operation],
              value: change.operation === 'delete' ? null : change.value,
            })),
          })),
          validateOnly,
        },
        target,
        {
          ...this.options,
          codesOf: (response) => response.responses.map((result) => result.errorCode).filter(isPassing),
        },
      );
      if (!answer.ok) return answer;
      return success(
        answer.value.responses.map((result) => ({
          type: resourceType(result.resourceType),
          name: result.resourceName,
          errorCode: result.errorCode,
          errorMessage: result.errorMessage,
        })),
      );
    });
  }

  /** Directories, replicas and their sizes of these brokers. @param topics  null: all */
  async describeLogDirs(
    brokers: readonly number[],
    topics: RequestInput<'describeLogDirs'>['topics'] = null,
  ): Answer<readonly LogDirectory[]> {
    const answers = await Promise.all(
      brokers.map(async (id) => ({
        id,
        answer: await this.client.call(apis.describeLogDirs, { topics }, brokerWithId(id), this.options),
      })),
    );
    const found: LogDirectory[] = [];
    for (const { id, answer } of answers) {
      if (!answer.ok) return answer;
      const problem = refusal(`log directories of broker ${id}`, answer.value.errorCode);
      if (problem !== undefined) return failure(problem);
      found.push(...answer.value.results.map((result) => logDirectory(id, result)));
    }
    return success(found);
  }

  /**
   * Moves replicas into other log folders of their brokers, each broker for itself. A folder where the replica is
   * already ends a move that is under way.
   */
  async alterReplicaLogDirs(moves: readonly LogDirMove[]): Answer<readonly (PartitionOutcome & { broker: number })[]> {
    const answers = await Promise.all(
      [...Map.groupBy(moves, ({ broker }) => broker)].map(async ([broker, ofBroker]) => {
        const dirs = [...Map.groupBy(ofBroker, ({ path }) => path)].map(([path, some]) => ({
          path,
          topics: byTopic(some).map(([name, each]) => ({ name, partitions: each.map(({ partition }) => partition) })),
        }));
        const answer = await this.client.call(apis.alterReplicaLogDirs, { dirs }, brokerWithId(broker), this.options);
        return { broker, answer };
      }),
    );
    const found: (PartitionOutcome & { broker: number })[] = [];
    for (const { broker, answer } of answers) {
      if (!answer.ok) return answer;
      for (const { topicName: topic, partitions } of answer.value.results) {
        for (const { partitionIndex: partition, errorCode: code } of partitions) {
          found.push({ broker, topic, partition, errorCode: code, errorMessage: null });
        }
      }
    }
    return success(found);
  }

  /** @param timestampMs  or one of `offsetTimestamps` */
  async listOffsets(
    wanted: readonly { readonly topic: string; readonly partition: number; readonly timestampMs: number }[],
    { readCommitted = false }: { readonly readCommitted?: boolean } = {},
  ): Answer<readonly OffsetAtTimestamp[]> {
    const answers = await Promise.all(
      wanted.map(({ topic, partition, timestampMs }) =>
        this.client.call(
          apis.listOffsets,
          {
            replicaId: -1,
            isolationLevel: readCommitted ? 1 : 0,
            topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: timestampMs }] }],
          },
          { kind: 'leader', topic, partition },
          { ...this.options, codesOf: partitionCodes },
        ),
      ),
    );
    const found: OffsetAtTimestamp[] = [];
    for (const answer of answers) {
      if (!answer.ok) return answer;
      for (const { name, partitions } of answer.value.topics) {
        for (const { partitionIndex, errorCode: code, offset, timestamp, leaderEpoch } of partitions) {
          found.push({
            topic: name,
            partition: partitionIndex,
            errorCode: code,
            offset,
            timestampMs: timestamp,
            leaderEpoch,
          });
        }
      }
    }
    return success(found);
  }

  async alterPartitionReassignments(moves: readonly Reassignment[]): Answer<readonly PartitionOutcome[]> {
    if (moves.length === 0) return success([]);
    const topics = byTopic(moves).map(([name, some]) => ({
      name,
      partitions: some.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
    }));
    const answer = await this.client.call(
      apis.alterPartitionReassignments,
      { topics, timeoutMs: createTimeoutMs },
      controller,
      this.options,
    );
    if (!answer.ok) return answer;
    const problem = refusal('moving partitions', answer.value.errorCode, answer.value.errorMessage);
    if (problem !== undefined) return failure(problem);
    return success(
      answer.value.responses.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, errorCode: code, errorMessage }) => ({
          topic: name,
          partition: partitionIndex,
          errorCode: code,
          errorMessage,
        })),
      ),
    );
  }

  /** @param partitions  null: all that are moving */
  async listPartitionReassignments(
    partitions: readonly { readonly topic: string; readonly partition: number }[] | null = null,
  ): Answer<readonly OngoingReassignment[]> {
    const topics =
      partitions === null
        ? null
        : byTopic(partitions).map(([name, some]) => ({
            name,
            partitionIndexes: some.map(({ partition }) => partition),
          }));
    const answer = await this.client.call(
      apis.listPartitionReassignments,
      { topics, timeoutMs: createTimeoutMs },
      controller,
      this.options,
    );
    if (!answer.ok) return answer;
    const problem = refusal('listing moves', answer.value.errorCode, answer.value.errorMessage);
    if (problem !== undefined) return failure(problem);
    return success(
      answer.value.topics.flatMap(({ name, partitions: some }) =>
        some.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
          topic: name,
          partition: partitionIndex,
          replicas,
          addingReplicas,
          removingReplicas,
        })),
      ),
    );
  }

  /** @param partitions  null: all; a partition that needs none answers ELECTION_NOT_NEEDED */
  async electLeaders(
    partitions: readonly { readonly topic: string; readonly partition: number }[] | null,
    { unclean = false }: { readonly unclean?: boolean } = {},
  ): Answer<readonly PartitionOutcome[]> {
    const topicPartitions =
      partitions === null
        ? null
        : byTopic(partitions).map(([topic, some]) => ({ topic, partitions: some.map(({ partition }) => partition) }));
    const answer = await this.client.call(
      apis.electLeaders,
      { electionType: unclean ? 1 : 0, topicPartitions, timeoutMs: createTimeoutMs },
      controller,
      this.options,
    );
    if (!answer.ok) return answer;
    const problem = refusal('electing leaders', answer.value.errorCode);
    if (problem !== undefined) return failure(problem);
    return success(
      answer.value.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
        partitionResult.map(({ partitionId, errorCode: code, errorMessage }) => ({
          topic,
          partition: partitionId,
          errorCode: code,
          errorMessage,
        })),
      ),
    );
  }

  /** Splits resources by the broker that must answer for them, and puts the answers together again. */
  private async byTarget<Resource extends ConfigResource, Value>(
    resources: readonly Resource[],
    otherwise: Target,
    ask: (some: readonly Resource[], target: Target) => Answer<readonly Value[]>,
  ): Answer<readonly Value[]> {
    const groups = new Map<string, { readonly target: Target; readonly some: Resource[] }>();
    for (const resource of resources) {
      const isOneBroker = resource.type === 'broker' && resource.name !== '';
      const key = isOneBroker ? resource.name : '';
      const target = isOneBroker ? brokerWithId(Number(resource.name)) : otherwise;
      const group = groups.get(key) ?? { target, some: [] };
      group.some.push(resource);
      groups.set(key, group);
    }
    const found: Value[] = [];
    for (const answer of await Promise.all([...groups.values()].map(({ target, some }) => ask(some, target)))) {
      if (!answer.ok) return answer;
      found.push(...answer.value);
    }
    return success(found);
  }
}
