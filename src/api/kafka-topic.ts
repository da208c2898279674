import { z } from 'zod';
import { type Condition, conditionsSchema } from './conditions.ts';
import { celRules, configField, phaseText, statusCount } from './fields.ts';
import type { ResourceMetadata } from './group.ts';

/** Kafka's own limit: the name is a folder's, with the partition's number behind it. */
export const topicNameLimit = 249;
/** Kafka's rule, and neither `.` nor `..`. */
const topicNamePattern = /^(\.{0,2}[a-zA-Z0-9_-]|\.{3})[a-zA-Z0-9._-]*$/;

/** Keeps the resource until the topic is deleted. */
export const topicFinalizer = 'kafka.hikube.cloud/topic';

export const kafkaTopicSpec = z
  .strictObject({
    cluster: z
      .string()
      .min(1)
      .max(63)
      .meta({
        description: 'The name of a KafkaCluster in the same namespace. It cannot change later.',
        ...celRules({
          rule: 'self == oldSelf',
          message: 'cluster cannot change: delete the resource and make a new one',
        }),
      }),
    topicName: z
      .string()
      .min(1)
      .max(topicNameLimit)
      .regex(topicNamePattern, 'must have only letters, digits, dot, underscore and hyphen, and not be . or ..')
      .optional()
      .meta({ description: "The name of the topic if it is not the resource's own. It cannot change later." }),
    partitions: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .meta({ description: 'Partitions: may grow and never shrink. Without it, num.partitions of the brokers.' }),
    replicas: z
      .int()
      .min(1)
      .max(32_767)
      .optional()
      .meta({ description: 'The replication factor. Without it, default.replication.factor of the brokers.' }),
    config: configField('Properties of the topic by their own names, e.g. retention.ms or cleanup.policy.'),
  })
  .meta({
    description: 'What is wanted.',
    ...celRules(
      {
        rule: '!has(self.partitions) || !has(oldSelf.partitions) || self.partitions >= oldSelf.partitions',
        message: 'partitions cannot shrink: records would be lost',
        fieldPath: '.partitions',
      },
      {
        rule: 'has(self.topicName) == has(oldSelf.topicName) && (!has(self.topicName) || self.topicName == oldSelf.topicName)',
        message: 'topicName cannot change: a topic cannot be renamed',
        fieldPath: '.topicName',
      },
    ),
  });
export type KafkaTopicSpec = z.output<typeof kafkaTopicSpec>;

export const kafkaTopicStatus = z
  .strictObject({
    observedGeneration: statusCount('The generation of the spec that this status is about.'),
    conditions: conditionsSchema,
    cluster: phaseText('The cluster that the topic is in.'),
    topicName: phaseText('The name of the topic.'),
    topicId: phaseText("The topic's UUID, as Kafka's tools print it."),
    partitions: statusCount('Partitions that there are.'),
    replicas: statusCount('The replication factor that there is.'),
    config: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'The properties that were set because the spec says so; others are left alone.' }),
  })
  .meta({ description: 'What there is, written by the operator.' });
export type KafkaTopicStatus = Omit<z.output<typeof kafkaTopicStatus>, 'conditions'> & {
  readonly conditions?: readonly Condition[] | undefined;
};

export type KafkaTopic = {
  readonly metadata: ResourceMetadata;
  readonly spec: KafkaTopicSpec;
  readonly status: KafkaTopicStatus;
};

/** The topic's name in Kafka. */
export const topicNameOf = (topic: Pick<KafkaTopic, 'metadata' | 'spec'>): string =>
  topic.spec.topicName ?? topic.metadata.name;
