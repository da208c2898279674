import type { z } from 'zod';
import { serviceNamePattern } from './fields.ts';
import { group, type KindNames, kafkaClusterNames, kafkaTopicNames, version, zooKeeperNames } from './group.ts';
import { kafkaClusterNameLimit, kafkaClusterRules, kafkaClusterSpec, kafkaClusterStatus } from './kafka-cluster.ts';
import { kafkaTopicSpec, kafkaTopicStatus, topicNameLimit } from './kafka-topic.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';
import { zooKeeperNameLimit, zooKeeperSpec, zooKeeperStatus } from './zookeeper.ts';

type Column = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** Above 0: only with `-o wide`. */
  readonly priority?: number;
};

export type CustomResourceDefinitionDocument = {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: StructuralSchema;
};

const readyColumn: Column = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether it is what the spec asks for, and serves.',
};
const reasonColumn: Column = {
  name: 'Reason',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
  description: 'Why, in one word.',
};
const messageColumn: Column = {
  name: 'Message',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].message',
  description: 'Why, in a sentence.',
  priority: 1,
};
const ageColumn: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Since it was made.',
};

const scale = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.status.selector',
};

function definition(input: {
  readonly names: KindNames;
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** The constraints of `metadata.name`. */
  readonly name: StructuralSchema;
  readonly rules?: StructuralSchema;
  readonly columns: readonly Column[];
  readonly scalable: boolean;
}): CustomResourceDefinitionDocument {
  const { kind, plural, singular, shortName } = input.names;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      labels: { 'app.kubernetes.io/name': 'hikube-kafka', 'app.kubernetes.io/part-of': 'hikube-kafka' },
    },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ['kafka'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: input.columns,
          subresources: { status: {}, ...(input.scalable ? { scale } : {}) },
          schema: {
            openAPIV3Schema: {
              description: input.description,
              type: 'object',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string', description: `${group}/${version}.` },
                kind: { type: 'string', description: `${kind}.` },
                metadata: { type: 'object', properties: { name: { type: 'string', ...input.name } } },
                spec: structuralSchema(input.spec),
                status: structuralSchema(input.status),
              },
              ...input.rules,
            },
          },
        },
      ],
    },
  };
}

/** Our kinds as Kubernetes is told about them: what `crds/` holds. */
export function customResourceDefinitions(): readonly CustomResourceDefinitionDocument[] {
  return [
    definition({
      names: kafkaClusterNames,
      description: 'A Kafka cluster: brokers, their volumes, and the Services through which they are reached.',
      spec: kafkaClusterSpec,
      status: kafkaClusterStatus,
      name: { maxLength: kafkaClusterNameLimit, pattern: serviceNamePattern },
      rules: kafkaClusterRules,
      scalable: true,
      columns: [
        readyColumn,
        { name: 'Brokers', type: 'string', jsonPath: '.status.ready', description: 'Ready brokers of those wanted.' },
        { name: 'Engine', type: 'string', jsonPath: '.status.engine', description: 'Who serves.' },
        { name: 'Bootstrap', type: 'string', jsonPath: '.status.bootstrap', description: 'Where clients begin.' },
        reasonColumn,
        ageColumn,
        { name: 'Zones', type: 'string', jsonPath: '.status.zones', description: 'Brokers by zone.', priority: 1 },
        {
          name: 'Controller',
          type: 'integer',
          jsonPath: '.status.controller',
          description: 'The broker that is the controller.',
          priority: 1,
        },
        messageColumn,
      ],
    }),
    definition({
      names: kafkaTopicNames,
      description: 'A topic of a KafkaCluster. Deleting the resource deletes the topic and its records.',
      spec: kafkaTopicSpec,
      status: kafkaTopicStatus,
      name: { maxLength: topicNameLimit },
      scalable: false,
      columns: [
        { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster', description: 'The KafkaCluster it belongs to.' },
        {
          name: 'Partitions',
          type: 'integer',
          jsonPath: '.status.partitions',
          description: 'Partitions that there are.',
        },
        { name: 'Replicas', type: 'integer', jsonPath: '.status.replicas', description: 'The replication factor.' },
        readyColumn,
        reasonColumn,
        ageColumn,
        {
          name: 'Topic',
          type: 'string',
          jsonPath: '.status.topicName',
          description: "The topic's name in Kafka.",
          priority: 1,
        },
        messageColumn,
      ],
    }),
    definition({
      names: zooKeeperNames,
      description: 'A ZooKeeper ensemble, which keeps the metadata of Kafka clusters.',
      spec: zooKeeperSpec,
      status: zooKeeperStatus,
      name: { maxLength: zooKeeperNameLimit, pattern: serviceNamePattern },
      scalable: true,
      columns: [
        readyColumn,
        { name: 'Servers', type: 'string', jsonPath: '.status.ready', description: 'Voting servers of those wanted.' },
        { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'What is going on.' },
        { name: 'Leader', type: 'string', jsonPath: '.status.leader', description: 'The pod that leads.' },
        reasonColumn,
        ageColumn,
        { name: 'Epoch', type: 'integer', jsonPath: '.status.epoch', description: 'The epoch of it.', priority: 1 },
        { name: 'Zones', type: 'string', jsonPath: '.status.zones', description: 'Servers by zone.', priority: 1 },
        {
          name: 'Connect',
          type: 'string',
          jsonPath: '.status.connect',
          description: 'Where clients connect.',
          priority: 1,
        },
        messageColumn,
      ],
    }),
  ];
}
