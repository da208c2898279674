import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import {
  brokerProperties,
  isTopicProperty,
  type PropertyDefinition,
  topicProperties,
  topicPropertyNames,
} from '../../settings/index.ts';
import { configSourceOf, configSources, configTypes, resourceTypes } from './config-entries.ts';
import type { Services } from './services.ts';

type Request = RequestOf<typeof apis.describeConfigs>;
type Response = ResponseInputOf<typeof apis.describeConfigs>;
type ResourceAnswer = Response['results'][number];
type Entry = ResourceAnswer['configs'][number];

/**
 * Settings of topics and of this broker, with where each comes from. Versions 0-4: 1 sources and synonyms, 3 types. Broker
 * settings are those of the file it was started with: none can be changed while it runs.
 *
 * Source: ConfigHelper.scala.
 */
export function describeConfigs(services: Services, request: Request): Response {
  return { results: request.resources.map((resource) => describeResource(services, resource, request)) };
}

function describeResource(
  services: Services,
  resource: Request['resources'][number],
  { includeSynonyms }: Request,
): ResourceAnswer {
  const { resourceType, resourceName, configurationKeys } = resource;
  const isWanted = (name: string): boolean =>
    configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name);
  const answer = (configs: Entry[]): ResourceAnswer => ({
    errorCode: errorCode.NONE,
    errorMessage: null,
    resourceType,
    resourceName,
    configs,
  });
  const refused = (code: number, errorMessage: string): ResourceAnswer => ({
    errorCode: code,
    errorMessage,
    resourceType,
    resourceName,
    configs: [],
  });
  if (resourceType === resourceTypes.topic) {
    if (!services.metadata.image.topics.has(resourceName))
      return refused(errorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic ${resourceName}`);
    return answer(
      topicPropertyNames.filter(isWanted).map((name) => topicEntry(services, resourceName, name, includeSynonyms)),
    );
  }
  if (resourceType === resourceTypes.broker) {
    // An empty name asks for the cluster-wide defaults that were set while running: there are none.
    if (resourceName === '') return answer([]);
    if (resourceName !== String(services.brokerId))
      return refused(
        errorCode.INVALID_REQUEST,
        `this is broker ${services.brokerId}: ask broker ${resourceName} itself`,
      );
    return answer(
      Object.keys(brokerProperties)
        .filter(isWanted)
        .map((name) => brokerEntry(services, name, includeSynonyms)),
    );
  }
  return refused(errorCode.INVALID_REQUEST, `resources of type ${resourceType} have no settings here`);
}

function topicEntry(services: Services, topic: string, name: string, includeSynonyms: boolean): Entry {
  if (!isTopicProperty(name)) throw new Error(`broken assumption: ${name} is a topic property`);
  const definition: PropertyDefinition = topicProperties[name];
  const { text, source } = services.configs.settingsOf(topic).described(name);
  const configSource = configSourceOf(source);
  const synonyms: { name: string; value: string; source: number }[] = [];
  if (includeSynonyms) {
    if (source === 'topic') synonyms.push({ name, value: text, source: configSource });
    const { synonym } = definition;
    if (synonym !== undefined) {
      const own = services.settings.text(synonym);
      if (own !== undefined) synonyms.push({ name: synonym, value: own, source: configSources.staticBroker });
      const fallback = services.settings.fallback(synonym);
      if (fallback !== undefined) synonyms.push({ name: synonym, value: fallback, source: configSources.default });
    }
  }
  return {
    name,
    value: text,
    readOnly: false,
    isDefault: source !== 'topic',
    configSource,
    isSensitive: false,
    synonyms,
    configType: configTypes[definition.type] ?? 0,
    documentation: null,
  };
}

function brokerEntry({ settings }: Services, name: string, includeSynonyms: boolean): Entry {
  const definition = (brokerProperties as Record<string, PropertyDefinition>)[name] as PropertyDefinition;
  const own = settings.text(name);
  const value = own ?? settings.fallback(name) ?? null;
  const isSensitive = definition.type === 'password';
  const configSource = own === undefined ? configSources.default : configSources.staticBroker;
  return {
    name,
    value: isSensitive ? null : value,
    readOnly: true,
    isDefault: own === undefined,
    configSource,
    isSensitive,
    synonyms:
      includeSynonyms && value !== null ? [{ name, value: isSensitive ? null : value, source: configSource }] : [],
    configType: configTypes[definition.type] ?? 0,
    documentation: null,
  };
}
