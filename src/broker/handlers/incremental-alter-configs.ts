import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import { isTopicProperty, problemOfTopicProperties, topicProperties } from '../../settings/index.ts';
import type { OwnConfig } from '../controller/znodes.ts';
import { resourceTypes } from './config-entries.ts';
import type { Services } from './services.ts';

type Resource = { readonly resourceType: number; readonly resourceName: string };
type Answer = Resource & { readonly errorCode: number; readonly errorMessage: string | null };

/** Source: AlterConfigOp.OpType. */
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

/**
 * Changes single settings of topics. Versions 0-1. Settings of brokers and loggers cannot be changed while they run.
 *
 * Source: ZkAdminManager.incrementalAlterConfigs, KIP-339.
 */
export async function incrementalAlterConfigs(
  services: Services,
  request: RequestOf<typeof apis.incrementalAlterConfigs>,
): Promise<ResponseInputOf<typeof apis.incrementalAlterConfigs>> {
  const responses = await Promise.all(
    request.resources.map((resource) =>
      alterTopic(services, resource, request.validateOnly, (own) => {
        const next: Record<string, string> = { ...own };
        const seen = new Set<string>();
        for (const { name, configOperation, value } of resource.configs) {
          if (seen.has(name)) return `${name} is changed twice`;
          seen.add(name);
          const problem = change(services, resource.resourceName, next, name, configOperation, value);
          if (problem !== undefined) return problem;
        }
        return next;
      }),
    ),
  );
  return { responses };
}

function change(
  services: Services,
  topic: string,
  next: Record<string, string>,
  name: string,
  operation: number,
  value: string | null,
): string | undefined {
  if (operation === operations.delete) {
    delete next[name];
    return undefined;
  }
  if (value === null) return `${name} has no value`;
  if (operation === operations.set) {
    next[name] = value;
    return undefined;
  }
  if (!isTopicProperty(name) || topicProperties[name].type !== 'list')
    return `${name} is not a list: values cannot be added to it or taken from it`;
  const present = (next[name] ?? services.configs.settingsOf(topic).described(name).text)
    .split(',')
    .filter((each) => each !== '');
  const given = value.split(',');
  if (operation === operations.append) next[name] = [...new Set([...present, ...given])].join(',');
  else if (operation === operations.subtract) next[name] = present.filter((each) => !given.includes(each)).join(',');
  else return `operation ${operation} does not exist`;
  return undefined;
}

/**
 * The way of both kinds of AlterConfigs: checks, writes to ZooKeeper and tells all brokers.
 *
 * @param nextOf  the topic's own settings after the change, or what is wrong with it
 */
export async function alterTopic(
  services: Services,
  { resourceType, resourceName }: Resource,
  validateOnly: boolean,
  nextOf: (own: OwnConfig) => OwnConfig | string,
): Promise<Answer> {
  const answer = (code: number, errorMessage: string | null): Answer => ({
    errorCode: code,
    errorMessage,
    resourceType,
    resourceName,
  });
  if (resourceType !== resourceTypes.topic) {
    return answer(
      errorCode.INVALID_REQUEST,
      'only settings of topics can be changed while a broker runs; those of brokers are in server.properties',
    );
  }
  if (!services.metadata.image.topics.has(resourceName))
    return answer(errorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic ${resourceName}`);
  const next = nextOf(services.configs.ownOf(resourceName));
  if (typeof next === 'string') return answer(errorCode.INVALID_CONFIG, next);
  const problem = problemOfTopicProperties(next);
  if (problem !== undefined) return answer(errorCode.INVALID_CONFIG, problem);
  if (validateOnly) return answer(errorCode.NONE, null);
  const failed = await services.configs.write(resourceName, next);
  return failed === undefined ? answer(errorCode.NONE, null) : answer(errorCode.UNKNOWN_SERVER_ERROR, failed);
}
