/**
 * A small Kafka client for our own use: brokers among themselves, the operator, the command line.
 *
 * `KafkaConnection` is one connection to one broker; `KafkaClient` finds the broker that a request belongs to and asks
 * again after errors that pass; `KafkaAdmin` has an operator's calls. Requests and answers are those of
 * `protocol/kafka`; problems are values with a sentence.
 *
 * Not here: producing and consuming with batching and groups, which are for people's own clients.
 *
 * Invariants: every call ends, by its answer, its time-out or its deadline; calls in flight and calls that wait are bounded;
 * a connection that gave one bad answer is closed.
 */

export { type ErrorName, errorCode, errorName } from '../../protocol/kafka/index.ts';
export { KafkaAdmin } from './admin.ts';
export {
  type ClusterDescription,
  type ConfigChange,
  type ConfigEntry,
  type ConfigResource,
  configSources,
  type LogDirectory,
  type LogDirMove,
  type NewTopic,
  type OffsetAtTimestamp,
  type OngoingReassignment,
  type Outcome,
  offsetTimestamps,
  type PartitionDescription,
  type PartitionOutcome,
  type Reassignment,
  type TopicDescription,
} from './admin-types.ts';
export {
  anyBroker,
  type BrokerNode,
  brokerWithId,
  type ClientOptions,
  type ClientPlatform,
  controller,
  KafkaClient,
  type RetryOptions,
  type Target,
} from './client.ts';
export { type CallOptions, type ConnectionOptions, KafkaConnection } from './connection.ts';
export { type CallProblem, isRefusal, refusal } from './problem.ts';
