/**
 * Our custom resources: their fields, defaults, limits and words. The one source of `crds/` and of the types that the
 * operator works with.
 *
 * What is here: zod schemas (a spec is parsed once, at the border), the CustomResourceDefinitions made from them, the
 * maths of presets and quantities, the closed list of conditions and reasons, and the rules that a resource alone can
 * break. What is not: anything that looks at a cluster.
 *
 * Flow: object from the API server or a file -> `parse...` -> resource with defaults, or refusals that name the field
 * -> `...Findings` -> more refusals. Invariants: what a parse accepts, the CustomResourceDefinition accepts, and the
 * other way round but for rules that a schema cannot say; a refusal always names a field and a way out.
 */
export {
  type Condition,
  type ConditionReason,
  type ConditionType,
  conditionTypes,
  type ProgressReason,
  progressReasons,
  type RefusalReason,
  refusalReasons,
} from './conditions.ts';
export { type CustomResourceDefinitionDocument, customResourceDefinitions } from './crds.ts';
export type { Config, Storage } from './fields.ts';
export {
  apiVersion,
  group,
  type KindNames,
  kafkaClusterNames,
  kafkaTopicNames,
  type ResourceMetadata,
  version,
  zooKeeperNames,
} from './group.ts';
export {
  type Engine,
  engines,
  type KafkaCluster,
  type KafkaClusterSpec,
  type KafkaClusterStatus,
} from './kafka-cluster.ts';
export {
  type KafkaTopic,
  type KafkaTopicSpec,
  type KafkaTopicStatus,
  topicFinalizer,
  topicNameOf,
} from './kafka-topic.ts';
export { type Parsed, parseKafkaCluster, parseKafkaTopic, parseZooKeeper, type RawResource } from './parse.ts';
export { type Limits, type ResourcesPreset, resourceRequirements, resourcesPresets } from './presets.ts';
export { quantityValue } from './quantity.ts';
export { type Refusal, refusalText } from './refusal.ts';
export { type Findings, kafkaClusterFindings, kafkaTopicFindings, zooKeeperFindings } from './static-rules.ts';
export { supportedReplicationFactor, supportedZooKeeperReplicas } from './supported.ts';
export type { ZooKeeper, ZooKeeperPhase, ZooKeeperSpec, ZooKeeperStatus } from './zookeeper.ts';
