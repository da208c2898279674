import { apis, type RequestInputOf, type ResponseOf, zeroUuid } from '../../protocol/kafka/index.ts';
import type { BrokerChannel } from './broker-channel.ts';
import {
  type ControlledState,
  type ControllerContext,
  epochDuringDelete,
  leaderDuringDelete,
  leaderlessNow,
} from './controller-context.ts';

/** Versions of inter.broker.protocol.version 3.4 and later. */
const versions = { leaderAndIsr: 7, updateMetadata: 8, stopReplica: 4 } as const;
const securityProtocolIds: Record<string, number> = { PLAINTEXT: 0, SSL: 1, SASL_PLAINTEXT: 2, SASL_SSL: 3 };

type Partition = { readonly topic: string; readonly partition: number };
type LeaderAndIsrTopic = NonNullable<RequestInputOf<typeof apis.leaderAndIsr>['topicStates']>[number];
type UpdateMetadataTopic = NonNullable<RequestInputOf<typeof apis.updateMetadata>['topicStates']>[number];

export type Answers = {
  readonly leaderAndIsr: (brokerId: number, answer: ResponseOf<typeof apis.leaderAndIsr>) => void;
  readonly stopReplica: (brokerId: number, answer: ResponseOf<typeof apis.stopReplica>) => void;
};

/**
 * What the controller tells brokers after a change, gathered per broker and sent in Apache's order: LeaderAndIsr, then
 * UpdateMetadata, then StopReplica.
 *
 * Source: AbstractControllerBrokerRequestBatch of ControllerChannelManager.scala.
 */
export class ControllerRequests {
  private readonly leaders = new Map<number, Map<string, Partition & { readonly isNew: boolean }>>();
  private readonly metadata = new Map<number, Map<string, Partition>>();
  private readonly stops = new Map<number, Map<string, Partition & { readonly deletes: boolean }>>();

  addLeaderAndIsr(brokerIds: readonly number[], partition: Partition, isNew: boolean): void {
    for (const id of brokerIds) entryOf(this.leaders, id).set(keyOf(partition), { ...partition, isNew });
  }

  /** With no partitions the request still carries the brokers that live. */
  addUpdateMetadata(brokerIds: Iterable<number>, partitions: Iterable<Partition>): void {
    const all = [...partitions];
    for (const id of brokerIds) {
      const entry = entryOf(this.metadata, id);
      for (const partition of all) entry.set(keyOf(partition), partition);
    }
  }

  addStopReplica(brokerIds: readonly number[], partition: Partition, deletes: boolean): void {
    for (const id of brokerIds) entryOf(this.stops, id).set(keyOf(partition), { ...partition, deletes });
  }

  send(
    context: ControllerContext,
    channels: ReadonlyMap<number, BrokerChannel>,
    controllerId: number,
    listenerName: string,
    answers: Answers,
  ): void {
    const { epoch: controllerEpoch } = context;
    for (const [brokerId, channel] of channels) {
      const broker = context.brokers.get(brokerId);
      if (broker === undefined) continue;
      const common = { controllerId, controllerEpoch, brokerEpoch: broker.epoch };
      const leaders = this.leaders.get(brokerId);
      if (leaders !== undefined && leaders.size > 0) {
        const { topicStates, leaderIds } = leaderAndIsrTopics(context, leaders.values());
        const liveLeaders = [...leaderIds].flatMap((id) => {
          const endpoint = context.brokers
            .get(id)
            ?.registration.endpoints.find(({ listener }) => listener === listenerName);
          return endpoint === undefined ? [] : [{ brokerId: id, hostName: endpoint.host, port: endpoint.port }];
        });
        // Type 1: the states of some partitions, as opposed to all that the broker has.
        channel.send(
          apis.leaderAndIsr,
          versions.leaderAndIsr,
          { ...common, isKRaftController: false, type: 1, topicStates, liveLeaders },
          (answer) => answers.leaderAndIsr(brokerId, answer),
        );
      }
      const metadata = this.metadata.get(brokerId);
      if (metadata !== undefined) {
        const body = {
          ...common,
          isKRaftController: false,
          topicStates: metadataTopics(context, metadata.values()),
          liveBrokers: liveBrokers(context),
        };
        channel.send(apis.updateMetadata, versions.updateMetadata, body, () => undefined);
      }
      const stops = this.stops.get(brokerId);
      if (stops !== undefined && stops.size > 0) {
        const topicStates = grouped(stops.values(), (each) => ({
          partitionIndex: each.partition,
          leaderEpoch: context.deleting.has(each.topic) ? epochDuringDelete : stateOf(context, each).leaderEpoch,
          deletePartition: each.deletes,
        })).map(({ topic, states }) => ({ topicName: topic, partitionStates: states }));
        channel.send(
          apis.stopReplica,
          versions.stopReplica,
          { ...common, isKRaftController: false, topicStates },
          (answer) => answers.stopReplica(brokerId, answer),
        );
      }
    }
  }
}

const keyOf = ({ topic, partition }: Partition): string => `${topic}-${partition}`;

function entryOf<Value>(map: Map<number, Map<string, Value>>, id: number): Map<string, Value> {
  let entry = map.get(id);
  if (entry === undefined) {
    entry = new Map();
    map.set(id, entry);
  }
  return entry;
}

function grouped<Item extends Partition, State>(
  items: Iterable<Item>,
  stateFor: (item: Item) => State,
): { topic: string; states: State[] }[] {
  const topics = new Map<string, State[]>();
  for (const item of items) {
    const states = topics.get(item.topic);
    if (states === undefined) topics.set(item.topic, [stateFor(item)]);
    else states.push(stateFor(item));
  }
  return [...topics].map(([topic, states]) => ({ topic, states }));
}

const unknownState: ControlledState = {
  leader: leaderlessNow,
  leaderEpoch: 0,
  inSyncReplicas: [],
  controllerEpoch: 0,
  partitionEpoch: 0,
  writtenAt: 0,
};

function stateOf(context: ControllerContext, { topic, partition }: Partition): ControlledState {
  return context.topics.get(topic)?.partitions.get(partition)?.state ?? unknownState;
}

function leaderAndIsrTopics(
  context: ControllerContext,
  partitions: Iterable<Partition & { readonly isNew: boolean }>,
): { topicStates: LeaderAndIsrTopic[]; leaderIds: ReadonlySet<number> } {
  const leaderIds = new Set<number>();
  const topicStates = grouped(partitions, (each) => {
    const state = stateOf(context, each);
    if (state.leader >= 0) leaderIds.add(state.leader);
    return {
      partitionIndex: each.partition,
      controllerEpoch: state.controllerEpoch,
      leader: state.leader,
      leaderEpoch: state.leaderEpoch,
      isr: state.inSyncReplicas,
      partitionEpoch: state.partitionEpoch,
      replicas: context.topics.get(each.topic)?.partitions.get(each.partition)?.replicas ?? [],
      addingReplicas: [],
      removingReplicas: [],
      isNew: each.isNew,
      leaderRecoveryState: 0,
    };
  }).map(({ topic, states }) => ({
    topicName: topic,
    topicId: context.topics.get(topic)?.topicId ?? zeroUuid,
    partitionStates: states,
  }));
  return { topicStates, leaderIds };
}

function metadataTopics(context: ControllerContext, partitions: Iterable<Partition>): UpdateMetadataTopic[] {
  return grouped(partitions, (each) => {
    const state = stateOf(context, each);
    const replicas = context.topics.get(each.topic)?.partitions.get(each.partition)?.replicas ?? [];
    const isDeleting = context.deleting.has(each.topic);
    return {
      partitionIndex: each.partition,
      controllerEpoch: context.epoch,
      leader: isDeleting ? leaderDuringDelete : state.leader,
      leaderEpoch: isDeleting ? epochDuringDelete : state.leaderEpoch,
      isr: state.inSyncReplicas,
      zkVersion: state.partitionEpoch,
      replicas,
      offlineReplicas: replicas.filter(
        (id) => !context.brokers.has(id) || context.offlineReplicas.has(`${keyOf(each)}-${id}`),
      ),
    };
  }).map(({ topic, states }) => ({
    topicName: topic,
    topicId: context.topics.get(topic)?.topicId ?? zeroUuid,
    partitionStates: states,
  }));
}

function liveBrokers(
  context: ControllerContext,
): NonNullable<RequestInputOf<typeof apis.updateMetadata>['liveBrokers']> {
  return [...context.brokers].map(([id, { registration }]) => ({
    id,
    endpoints: registration.endpoints.map(({ listener, protocol, host, port }) => ({
      port,
      host,
      listener,
      securityProtocol: securityProtocolIds[protocol] ?? 0,
    })),
    rack: registration.rack,
  }));
}
