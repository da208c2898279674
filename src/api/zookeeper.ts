import { z } from 'zod';
import { type Condition, conditionsSchema } from './conditions.ts';
import { configField, phaseText, resourcesField, resourcesPresetField, statusCount, storageField } from './fields.ts';
import type { ResourceMetadata } from './group.ts';

/**
 * The longest name: a StatefulSet `<name>-zookeeper` and the eleven characters that its revision adds must fit into
 * the 63 of a label.
 */
export const zooKeeperNameLimit = 42;

export const zooKeeperSpec = z
  .strictObject({
    replicas: z.literal([1, 3, 5, 7]).default(1).meta({
      description: 'Servers of the ensemble: 1, 3, 5 or 7. More than half must be up. Only 1 is supported yet.',
    }),
    resourcesPreset: resourcesPresetField,
    resources: resourcesField,
    storage: storageField('5Gi'),
    config: configField(
      "Properties of zoo.cfg by their own names, e.g. tickTime. Addresses, ports, folders and servers are the operator's.",
    ),
  })
  .meta({ description: 'What is wanted.' });
export type ZooKeeperSpec = z.output<typeof zooKeeperSpec>;

export const zooKeeperServerStatus = z
  .strictObject({
    id: z.int().meta({ description: 'The number in its myid file.' }),
    pod: z.string().meta({ description: 'The name of its pod.' }),
    zone: z.string().optional().meta({ description: 'The zone of the node that the pod runs on.' }),
    ready: z.boolean().meta({ description: 'Whether the pod is ready.' }),
    mode: z
      .enum(['standalone', 'leader', 'follower', 'observer', 'unknown'])
      .meta({ description: 'What the server says it is; unknown while it does not answer.' }),
  })
  .meta({ description: 'One server.' });

export const zooKeeperStatus = z
  .strictObject({
    observedGeneration: statusCount('The generation of the spec that this status is about.'),
    conditions: conditionsSchema,
    replicas: statusCount('Servers that there are.'),
    selector: phaseText('Selects the pods, for the scale subresource.'),
    readyReplicas: statusCount('Servers that are ready.'),
    ready: phaseText('Ready servers of all, e.g. 1/1.'),
    mode: phaseText('standalone, or replicated.'),
    leader: phaseText('The pod of the server that leads.'),
    connect: phaseText('Where clients connect: host:port.'),
    servers: z
      .array(zooKeeperServerStatus)
      .optional()
      .meta({
        description: 'Each server.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['id'],
      }),
    storage: phaseText('Size of the volumes that is in effect.'),
  })
  .meta({ description: 'What there is, written by the operator.' });
export type ZooKeeperStatus = Omit<z.output<typeof zooKeeperStatus>, 'conditions'> & {
  readonly conditions?: readonly Condition[] | undefined;
};

export type ZooKeeper = {
  readonly metadata: ResourceMetadata;
  readonly spec: ZooKeeperSpec;
  readonly status: ZooKeeperStatus;
};
