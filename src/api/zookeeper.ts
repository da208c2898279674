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
import { supportedZooKeeperReplicas } from './supported.ts';

/**
 * The longest name: a StatefulSet `<name>-zookeeper` and the eleven characters that its revision adds must fit into
 * the 63 of a label.
 */
export const zooKeeperNameLimit = 42;

const choices = supportedZooKeeperReplicas.join(', ');

/** What is wrong with another number of servers, and the way out. */
export const replicasProblem =
  `must be one of ${choices}: of an even number no more may fail than of one less, and more servers make writes slower ` +
  'without being safer in practice; take the next smaller or larger of these';

export const zooKeeperSpec = z
  .strictObject({
    replicas: z
      .int()
      .min(1)
      .max(255)
      .default(1)
      .meta({
        description:
          'Servers of the ensemble: 1, 3 or 5. More than half must be up: of 3 one may fail, of 5 two. It may change at ' +
          'any time, up and down: servers join and leave one at a time, while the others serve.',
        ...celRules({ rule: `self in [${choices}]`, message: replicasProblem, reason: 'FieldValueInvalid' }),
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

export const zooKeeperPhases = [
  'Forming',
  'Running',
  'Scaling',
  'Restarting',
  'Healing',
  'Degraded',
  'NoQuorum',
] as const;
export type ZooKeeperPhase = (typeof zooKeeperPhases)[number];

export const zooKeeperServerStatus = z
  .strictObject({
    id: z.int().meta({ description: 'The number in its myid file.' }),
    pod: z.string().meta({ description: 'The name of its pod.' }),
    zone: z.string().optional().meta({ description: 'The zone of the node that the pod runs on.' }),
    ready: z.boolean().meta({ description: 'Whether the pod is ready.' }),
    mode: z.enum(['standalone', 'leader', 'follower', 'observer', 'looking', 'unknown']).meta({
      description:
        'What the server says it is. observer: it has the data and does not vote (yet); looking: it has no leader, or has ' +
        'not caught up with it; unknown: it does not answer.',
    }),
    member: z
      .enum(['participant', 'observer', 'none'])
      .optional()
      .meta({ description: 'What the ensemble takes it for: a voter, a learner, or none of its servers.' }),
    behind: z.int().min(0).optional().meta({
      description: 'Transactions that it has yet to apply, in round numbers; 0 also for what is on its way.',
    }),
    pendingRestart: z
      .string()
      .optional()
      .meta({ description: 'Why it will be restarted; absent if it runs as the spec asks.' }),
  })
  .meta({ description: 'One server.' });

export const zooKeeperStatus = z
  .strictObject({
    observedGeneration: statusCount('The generation of the spec that this status is about.'),
    conditions: conditionsSchema,
    replicas: statusCount('Servers that there are, those that are joining or leaving included.'),
    selector: phaseText('Selects the pods, for the scale subresource.'),
    readyReplicas: statusCount('Servers that are ready.'),
    ready: phaseText('Servers that vote and are ready, of those wanted, e.g. 3/3.'),
    phase: z
      .enum(zooKeeperPhases)
      .optional()
      .meta({
        description:
          'Forming: it has never served; Running; Scaling: servers join or leave; Restarting: one server after the other; ' +
          'Healing: a server that has lost its data gets it again; Degraded: it serves, and some server does not; ' +
          'NoQuorum: it does not serve, as more than half of the servers are needed.',
      }),
    mode: phaseText('standalone: one server, or replicated.'),
    leader: phaseText('The pod of the server that leads.'),
    epoch: statusCount('How often a leader was elected: the epoch of the last one that was seen.'),
    zones: phaseText('Servers by zone, e.g. zone-a=1 zone-b=1 zone-c=1.'),
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
