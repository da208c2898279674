import type { TopicValueSource } from '../../settings/index.ts';

/** Numbers of DescribeConfigs for where a value comes from. Source: DescribeConfigsResponse.ConfigSource. */
export const configSources = { topic: 1, staticBroker: 4, default: 5 } as const;

export const configSourceOf = (source: TopicValueSource): number =>
  ({ topic: configSources.topic, broker: configSources.staticBroker, default: configSources.default })[source];

/** Numbers of DescribeConfigs for a value's type. Source: DescribeConfigsResponse.ConfigType. */
export const configTypes: Readonly<Record<string, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
};

/** Kinds of resources that have settings. Source: ConfigResource.Type. */
export const resourceTypes = { topic: 2, broker: 4, brokerLogger: 8 } as const;
