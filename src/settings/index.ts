/**
 * Settings of brokers, topics and ensembles: names, types, defaults and ranges as Apache's, read from Apache's own
 * files with the line of every problem, and rendered to them. Text in, values and problems out; no file is opened here.
 * An error stops a role from starting; a property that nobody knows is a warning, as the originals start with it.
 */

export { brokerProperties } from './broker-properties.ts';
export {
  type BrokerPropertyName,
  type BrokerSettings,
  type ListenerAddress,
  parseBrokerSettings,
  type SecurityProtocol,
  type ZooKeeperConnect,
  zooKeeperConnectOf,
} from './broker-settings.ts';
export { listOf, type PropertyDefinition, type PropertyType } from './definition.ts';
export {
  type EnsemblePropertyName,
  type EnsembleServer,
  type EnsembleSettings,
  myIdOf,
  parseEnsembleSettings,
  serverOf,
} from './ensemble-settings.ts';
export {
  type Property,
  parseProperties,
  renderProperties,
  renderProperty,
  type SettingProblem,
  sentenceOf,
} from './properties-file.ts';
export { topicProperties } from './topic-properties.ts';
export {
  isTopicProperty,
  problemOfTopicProperties,
  type TopicPropertyName,
  type TopicSettings,
  type TopicValueSource,
  topicPropertyNames,
  topicSettings,
} from './topic-settings.ts';
