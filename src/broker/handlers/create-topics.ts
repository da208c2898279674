import { apis, errorCode, type RequestOf, type ResponseInputOf, zeroUuid } from '../../protocol/kafka/index.ts';
import { topicPropertyNames } from '../../settings/index.ts';
import type { OwnConfig } from '../controller/znodes.ts';
import { configSourceOf } from './config-entries.ts';
import type { Services } from './services.ts';

type Request = RequestOf<typeof apis.createTopics>;
type TopicRequest = Request['topics'][number];
type Response = ResponseInputOf<typeof apis.createTopics>;
type TopicAnswer = Response['topics'][number];

/**
 * Makes topics. Versions 0-7: 1 error messages and validateOnly, 4 the cluster's defaults by -1, 5 the settings in the answer
 * (KIP-525), 7 topic ids. One replica per partition is what this broker can keep: more is INVALID_REPLICATION_FACTOR.
 * On a broker that is not the controller the request is handed on to it.
 *
 * Source: KafkaApis.handleCreateTopicsRequest, ZkAdminManager.createTopics.
 */
export async function createTopics(services: Services, request: Request): Promise<Response> {
  if (!services.controller.isActive) {
    const answer = await services.controllerLink.call(apis.createTopics, undefined, request);
    if (answer.ok) return answer.value;
    return {
      topics: request.topics.map(({ name }) => refused(name, errorCode.NOT_CONTROLLER, answer.problem.sentence)),
    };
  }
  const twice = new Set(
    request.topics.map(({ name }) => name).filter((name, index, names) => names.indexOf(name) !== index),
  );
  const names = [...new Set(request.topics.map(({ name }) => name))];
  const topics = await Promise.all(
    names.map((name) => {
      if (twice.has(name)) return refused(name, errorCode.INVALID_REQUEST, `topic ${name} is in the request twice`);
      return createOne(services, request.topics.find((topic) => topic.name === name) as TopicRequest, request);
    }),
  );
  return { topics };
}

async function createOne(
  services: Services,
  topic: TopicRequest,
  { timeoutMs, validateOnly }: Request,
): Promise<TopicAnswer> {
  const { name, numPartitions, replicationFactor, assignments, configs } = topic;
  const config: Record<string, string | null> = {};
  for (const each of configs) config[each.name] = each.value;
  const outcome = await services.topics.create(
    { name, partitionCount: numPartitions, replicationFactor, assignments, config },
    { validateOnly, waitMs: Math.max(0, timeoutMs) },
  );
  if (!outcome.ok) return refused(name, outcome.problem.code, outcome.problem.message);
  const { topicId, partitionCount, replicationFactor: factor } = outcome.value;
  return {
    name,
    topicId: validateOnly ? zeroUuid : topicId,
    errorCode: errorCode.NONE,
    errorMessage: null,
    numPartitions: partitionCount,
    replicationFactor: factor,
    configs: effectiveConfigs(services, outcome.value.config),
  };
}

function effectiveConfigs(services: Services, config: OwnConfig): NonNullable<TopicAnswer['configs']> {
  const settings = services.topics.effective(config);
  return topicPropertyNames.map((name) => {
    const { text, source } = settings.described(name);
    return { name, value: text, readOnly: false, configSource: configSourceOf(source), isSensitive: false };
  });
}

const refused = (name: string, code: number, message: string): TopicAnswer => ({
  name,
  topicId: zeroUuid,
  errorCode: code,
  errorMessage: message,
  configs: [],
});
