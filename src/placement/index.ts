/**
 * Decides which partition lives on which broker, zone and disk. Three callers ask: the controller (new topics and
 * partitions), the operator (scaling, draining, zones, rebalance) and the command line (`hikube-kafka plan`).
 *
 * Pure: values in, values out; no clock, no chance but from a seed, no input or output. The same input gives the same
 * answer, byte for byte.
 */
export type { BrokerCondition, CandidateBroker, PlacedTopic, PlaceProblem, TopicToPlace } from './new-topics.ts';
export { placeNewTopics } from './new-topics.ts';
