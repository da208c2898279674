/**
 * Decides which partition lives on which broker, zone and disk. Three callers ask: the controller (new topics and
 * partitions), the operator (scaling, draining, zones, rebalance) and the command line (`hikube-kafka plan`).
 *
 * Not here: reading a live cluster or changing one (`cli/plan/`, the operator), and checking JSON from outside
 * (`placement/json/`, which loads a schema library that a broker does not pay for).
 *
 * Data flow: `ClusterState` (plain) -> `modelOf` -> `Model` (typed arrays) -> `planOperation` -> `Plan` (target,
 * batches, costs, bounds, problems, hashes) -> `planDocument` or `reassignmentJson`; `verify` checks any plan on its
 * own account; `explain` says how things stand before and after.
 *
 * Invariants. Pure: values in, values out; no clock, no chance but from a seed, no input or output. The same input
 * gives the same answer, byte for byte. No step of a plan breaks a hard goal, and any batch is safe to stop after.
 */

export type { PlanCost } from './cost.ts';
export type { DimensionName } from './dimensions.ts';
export { dimensionNames, dimensions, dimensionUnits } from './dimensions.ts';
export type { DiskMove } from './disks.ts';
export type { PlanDocument, PlannedChange, PlannedDiskMove, Remaining, Stale } from './document.ts';
export { digestOf, modelAfter, planDocument, planEndOf, remainingOf } from './document.ts';
export type { BrokerStanding, Explanation, GoalStanding } from './explain.ts';
export { explain } from './explain.ts';
export { hashOfModel } from './hash.ts';
export type { Model } from './model.ts';
export { brokerIndex, conditionNames, modelOf, nobody, partitionName, replicaIds } from './model.ts';
export type { BrokerCondition, CandidateBroker, PlacedTopic, PlaceProblem, TopicToPlace } from './new-topics.ts';
export { placeNewTopics } from './new-topics.ts';
export type { Operation, OperationProblem } from './operations.ts';
export type { BatchLimits, PlanOptions } from './options.ts';
export { defaultOptions } from './options.ts';
export type { Plan } from './plan.ts';
export { planOperation } from './plan.ts';
export type { GoalName, Problem } from './problems.ts';
export { goalNames } from './problems.ts';
export type { ReassignmentEntry, ReassignmentJson, ReassignmentProblem } from './reassignment.ts';
export { reassignmentJson, rollbackJson, targetOf } from './reassignment.ts';
export type { Risk } from './risk.ts';
export { riskOf } from './risk.ts';
export type { PlanEnd } from './settle.ts';
export type { BrokerCapacity, BrokerState, ClusterState, DiskState, PartitionState, TopicState } from './state.ts';
export type { Claim, Violation } from './verify.ts';
export { verify } from './verify.ts';
