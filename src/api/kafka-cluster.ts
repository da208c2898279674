import { z } from 'zod';
import { type Condition, conditionsSchema } from './conditions.ts';
import {
  celRules,
  configField,
  phaseText,
  resourcesField,
  resourcesPresetField,
  statusCount,
  storageField,
} from './fields.ts';
import type { ResourceMetadata } from './group.ts';

/**
 * The longest name: a StatefulSet `<name>-kafka` and the eleven characters that its revision adds must fit into the
 * 63 of a label.
 */
export const kafkaClusterNameLimit = 46;
/** With `external: true` there is a Service `<name>-kafka-external-bootstrap`, whose name has 63 characters at most. */
export const externalKafkaClusterNameLimit = 38;

export const engines = ['embedded', 'apache'] as const;
export type Engine = (typeof engines)[number];

const zooKeeperReference = z
  .strictObject({
    name: z.string().min(1).max(63).meta({ description: 'The name of a ZooKeeper in the same namespace.' }),
    chroot: z
      .string()
      .regex(/^(\/[A-Za-z0-9._-]+)+$/)
      .max(253)
      .optional()
      .meta({
        description: 'Where in its tree the cluster lives, e.g. /orders: needed if two clusters share one ensemble.',
      }),
  })
  .meta({ description: 'Metadata is kept in a ZooKeeper ensemble.' });

const coordination = z
  .strictObject({
    zooKeeper: zooKeeperReference.optional(),
    quorum: z
      .strictObject({})
      .optional()
      .meta({ description: "Metadata is kept by the brokers' own quorum (KRaft). Not supported yet." }),
  })
  .refine((value) => Object.keys(value).length === 1, 'must have exactly one of zooKeeper and quorum')
  .meta({
    description: "Who keeps the cluster's metadata: zooKeeper or quorum. It cannot change later.",
    minProperties: 1,
    maxProperties: 1,
    ...celRules({
      rule: 'self == oldSelf',
      message: "coordination cannot change: the cluster's metadata would stay behind",
    }),
  });

export const kafkaClusterSpec = z
  .strictObject({
    engine: z
      .enum(engines)
      .default('embedded')
      .meta({ description: "Who serves: embedded (this product's broker) or apache (Apache Kafka's image)." }),
    replicas: z
      .int()
      .min(1)
      .max(999)
      .default(3)
      .meta({ description: 'Brokers. Fewer than there are is not supported yet.' }),
    resourcesPreset: resourcesPresetField,
    resources: resourcesField,
    storage: storageField('10Gi'),
    coordination,
    external: z.boolean().default(false).meta({
      description: 'Whether the brokers can be reached from outside: port 9094 of one LoadBalancer Service a broker.',
    }),
    rack: z
      .strictObject({
        topologyKey: z
          .string()
          .min(1)
          .max(317)
          .default('topology.kubernetes.io/zone')
          .meta({ description: "The node label whose value is the broker's rack." }),
      })
      .prefault({})
      .meta({ description: 'Brokers spread over the values of a node label, and know theirs.' }),
    config: configField(
      'Properties of server.properties by their own names, e.g. min.insync.replicas. Listeners, ids, folders and ' +
        'what else the operator renders cannot be set here.',
    ),
  })
  .meta({ description: 'What is wanted.' });
export type KafkaClusterSpec = z.output<typeof kafkaClusterSpec>;

const brokerStatus = z
  .strictObject({
    id: z.int().meta({ description: 'broker.id.' }),
    pod: z.string().meta({ description: 'The name of its pod.' }),
    zone: z.string().optional().meta({ description: 'The zone of the node that the pod runs on.' }),
    ready: z.boolean().meta({ description: 'Whether the pod is ready.' }),
    registered: z.boolean().meta({ description: 'Whether the other brokers know it.' }),
    external: z.string().optional().meta({ description: 'Its address for clients outside: host:port.' }),
    pendingRestart: z
      .string()
      .optional()
      .meta({ description: 'Why it will be restarted; absent if it runs as the spec asks.' }),
  })
  .meta({ description: 'One broker.' });

const listenerStatus = z
  .strictObject({
    name: z.string().meta({ description: 'plain or external.' }),
    bootstrapServers: z.string().meta({ description: 'What a client is given: host:port, or several with commas.' }),
  })
  .meta({ description: 'One way in.' });

export const kafkaClusterStatus = z
  .strictObject({
    observedGeneration: statusCount('The generation of the spec that this status is about.'),
    conditions: conditionsSchema,
    replicas: statusCount('Brokers that there are.'),
    selector: phaseText('Selects the pods, for the scale subresource.'),
    readyReplicas: statusCount('Brokers that are ready and registered.'),
    ready: phaseText('Ready brokers of those wanted, e.g. 3/3.'),
    engine: z.enum(engines).optional().meta({ description: 'The engine that runs.' }),
    bootstrap: phaseText('Where clients begin: the external address if there is one, else the one in the cluster.'),
    listeners: z
      .array(listenerStatus)
      .optional()
      .meta({ description: 'All ways in.', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    clusterId: phaseText('The id that the brokers share.'),
    controller: z.int().optional().meta({ description: 'The broker that is the controller.' }),
    zones: phaseText('Brokers by zone, e.g. zone-a=1 zone-b=1 zone-c=1.'),
    brokers: z
      .array(brokerStatus)
      .optional()
      .meta({
        description: 'Each broker.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['id'],
      }),
    effectiveConfig: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'The shared properties that the brokers are given, defaults of the operator included.' }),
    storage: phaseText('Size of the volumes that is in effect.'),
  })
  .meta({ description: 'What there is, written by the operator.' });
export type KafkaClusterStatus = Omit<z.output<typeof kafkaClusterStatus>, 'conditions'> & {
  readonly conditions?: readonly Condition[] | undefined;
};

export type KafkaCluster = {
  readonly metadata: ResourceMetadata;
  readonly spec: KafkaClusterSpec;
  readonly status: KafkaClusterStatus;
};

/** Rules over the whole resource, which need its name. */
export const kafkaClusterRules = celRules({
  rule: `!(has(self.spec.external) && self.spec.external) || size(self.metadata.name) <= ${externalKafkaClusterNameLimit}`,
  message: `metadata.name: with external: true a name has at most ${externalKafkaClusterNameLimit} characters, as it begins the name of a Service`,
});
