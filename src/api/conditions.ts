import { z } from 'zod';

/**
 * The conditions of every kind. `Ready`: the resource is what its spec asks for, and serves. `Reconciling` and
 * `Stalled` are there only while True, as kstatus expects them: work goes on, or it cannot go on without a person.
 * `Progressing` says what is being done. `ConfigurationApplied`: the values in effect are the ones asked for.
 */
export const conditionTypes = ['Ready', 'Progressing', 'Reconciling', 'Stalled', 'ConfigurationApplied'] as const;
export type ConditionType = (typeof conditionTypes)[number];

/** Why something is done or waited for. The same word stands in the condition, the event and the log line. */
export const progressReasons = [
  'Reconciling',
  'CreatingObjects',
  'UpdatingObjects',
  'WaitingForZooKeeper',
  'WaitingForVolumes',
  'WaitingForLoadBalancer',
  'WaitingForPods',
  'WaitingForBrokers',
  'WaitingForLeader',
  'WaitingForController',
  'WaitingForCluster',
  'RestartingPods',
  'ScalingUp',
  'ScalingDown',
  'ReplacingServer',
  'GrowingVolumes',
  'CreatingTopic',
  'AddingPartitions',
  'ChangingConfig',
  'DeletingTopic',
  'BrokersUnreachable',
  'ApiError',
] as const;

/** Why something is refused: only a change of the resource helps. */
export const refusalReasons = [
  'InvalidSpec',
  'NameTooLong',
  'ReplicasNotSupported',
  'EngineNotSupported',
  'EngineChangeNotSupported',
  'CoordinationNotSupported',
  'CoordinationChangeNotSupported',
  'CoordinationConflict',
  'ConfigKeyForbidden',
  'ConfigInvalid',
  'ScaleDownNotSupported',
  'StorageShrinkNotSupported',
  'StorageClassChangeNotSupported',
  'ReplicationFactorNotSupported',
  'ReplicationFactorChangeNotSupported',
  'PartitionsShrinkNotSupported',
  'AddPartitionsNotSupported',
  'TopicConfigChangeNotSupported',
  'TopicNameChangeNotSupported',
  'TopicInvalid',
  'TopicConflict',
  'VolumesCannotGrow',
] as const;

export type ProgressReason = (typeof progressReasons)[number];
export type RefusalReason = (typeof refusalReasons)[number];
export type ConditionReason =
  | ProgressReason
  | RefusalReason
  | 'Ready'
  | 'Settled'
  | 'Applied'
  | 'Paused'
  | 'Deleting'
  | 'ReplicationFactorLimited'
  | 'ConfigKeyUnknown';

export type Condition = {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: ConditionReason;
  /** A sentence for a person; empty if the reason says it all. */
  readonly message: string;
  /** The generation of the spec that this is about. */
  readonly observedGeneration: number;
  /** When `status` last changed, RFC 3339. */
  readonly lastTransitionTime: string;
};

/** For the CRD only: what we read back is not trusted to be ours. */
export const conditionSchema = z
  .strictObject({
    type: z
      .string()
      .max(316)
      .meta({ description: `One of ${conditionTypes.join(', ')}.` }),
    status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'True, False or Unknown.' }),
    reason: z
      .string()
      .max(1024)
      .meta({ description: 'One word for machines; events and log lines carry the same one.' }),
    message: z.string().max(32768).meta({ description: 'A sentence for a person.' }),
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'The generation of the resource that this condition is about.' }),
    lastTransitionTime: z.iso
      .datetime()
      .meta({ description: 'When the status last changed from one value to another.' }),
  })
  .meta({ description: 'One thing that is known about the resource.' });

export const conditionsSchema = z
  .array(conditionSchema)
  .meta({
    description: 'What is known about the resource, one entry a type.',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  })
  .optional();
