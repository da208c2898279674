import type { BrokerPropertyName, BrokerSettings } from './broker-settings.ts';
import { type PropertyDefinition, parsedValue, problemOf, type ValueOf } from './definition.ts';
import { nearestName } from './properties-file.ts';
import { topicProperties } from './topic-properties.ts';

type Definitions = typeof topicProperties;
export type TopicPropertyName = keyof Definitions;

/** Where a topic's value comes from, in the words of DescribeConfigs. */
export type TopicValueSource = 'topic' | 'broker' | 'default';

/** A topic's effective settings: its own over the broker's over the defaults. */
export interface TopicSettings {
  get<Name extends TopicPropertyName>(name: Name): ValueOf<Definitions[Name]['type']>;
  /** The effective value as text, and who gave it. */
  described(name: TopicPropertyName): { readonly text: string; readonly source: TopicValueSource };
}

export const topicPropertyNames = Object.keys(topicProperties) as TopicPropertyName[];

/**
 * What is wrong with a topic's own properties: the first problem as a sentence that names the property, as
 * CreateTopics and KafkaTopic resources report it.
 */
export function problemOfTopicProperties(own: Readonly<Record<string, string | null>>): string | undefined {
  for (const [name, value] of Object.entries(own)) {
    if (!isTopicProperty(name)) {
      const near = nearestName(name, topicPropertyNames);
      return `Unknown topic config name: ${name}${near === undefined ? '' : `; did you mean ${near}?`}`;
    }
    if (value === null) return `${name} has no value`;
    const problem = problemOf(topicProperties[name], value);
    if (problem !== undefined) return `${name} ${problem}`;
  }
  return undefined;
}

export const isTopicProperty = (name: string): name is TopicPropertyName => Object.hasOwn(topicProperties, name);

/** @param own  the topic's own properties, in which `problemOfTopicProperties` found nothing wrong */
export function topicSettings(own: Readonly<Record<string, string>>, broker: BrokerSettings): TopicSettings {
  const described = (name: TopicPropertyName): { text: string; source: TopicValueSource } => {
    const text = Object.hasOwn(own, name) ? own[name] : undefined;
    if (text !== undefined) return { text, source: 'topic' };
    const fromBroker = brokerText(name, broker);
    if (fromBroker !== undefined) return { text: fromBroker, source: 'broker' };
    const definition: PropertyDefinition = topicProperties[name];
    return { text: definition.fallback ?? '', source: 'default' };
  };
  const parsed = new Map<TopicPropertyName, unknown>();
  return {
    described,
    get<Name extends TopicPropertyName>(name: Name) {
      if (!parsed.has(name)) parsed.set(name, parsedValue(topicProperties[name].type, described(name).text));
      return parsed.get(name) as ValueOf<Definitions[Name]['type']>;
    },
  };
}

/**
 * Broker properties that say the same in another unit; the finer unit is the stronger one.
 * Source: `ServerTopicConfigSynonyms.ALL_TOPIC_CONFIG_SYNONYMS`.
 */
const coarserUnits: Partial<Record<TopicPropertyName, readonly (readonly [BrokerPropertyName, number])[]>> = {
  'retention.ms': [
    ['log.retention.minutes', 60_000],
    ['log.retention.hours', 3_600_000],
  ],
  'segment.ms': [['log.roll.hours', 3_600_000]],
  'segment.jitter.ms': [['log.roll.jitter.hours', 3_600_000]],
  'flush.ms': [['log.flush.scheduler.interval.ms', 1]],
};

function brokerText(name: TopicPropertyName, broker: BrokerSettings): string | undefined {
  const definition: PropertyDefinition = topicProperties[name];
  const own = definition.synonym === undefined ? undefined : broker.text(definition.synonym);
  if (own !== undefined) return own.trim();
  for (const [coarser, factor] of coarserUnits[name] ?? []) {
    const text = broker.text(coarser)?.trim();
    if (text !== undefined) return text === '-1' ? '-1' : String(BigInt(text) * BigInt(factor));
  }
  return undefined;
}
