import type { ClusterImage, PartitionState, TopicImage } from '../../metadata/index.ts';
import {
  type apis,
  errorCode,
  type RequestOf,
  type ResponseInputOf,
  type Uuid,
  zeroUuid,
} from '../../protocol/kafka/index.ts';
import { problemOfTopicName } from '../controller/topic-commands.ts';
import type { RequestContext } from '../request/api-table.ts';
import { autoCreate } from './auto-create.ts';
import { isInternalTopic, type Services } from './services.ts';

type Response = ResponseInputOf<typeof apis.metadata>;
type TopicAnswer = Response['topics'][number];
type PartitionAnswer = TopicAnswer['partitions'][number];

/** From this version on a client can ask for no topics at all by an empty list; null means all. */
const nullMeansAllSince = 1;

/**
 * Who is there and who leads what, with the addresses of the listener that the client used. Versions 0-12: 1 null for all
 * topics, 4 whether a topic may be made by asking, 10 topic ids, 12 asking by id. A topic that is asked for and not there is
 * made if both sides allow it (`auto.create.topics.enable`).
 *
 * Source: KafkaApis.handleTopicMetadataRequest, ZkMetadataCache.scala.
 */
export async function metadata(
  services: Services,
  request: RequestOf<typeof apis.metadata>,
  context: RequestContext,
): Promise<Response> {
  await services.knowsTopics;
  const wantsAll = request.topics === null || (context.apiVersion < nullMeansAllSince && request.topics.length === 0);
  const problems = new Map<string, number>();
  if (!wantsAll) {
    const unknown = (request.topics ?? []).flatMap(({ name, topicId }) =>
      name !== null && topicId === zeroUuid && !services.metadata.image.topics.has(name) ? [name] : [],
    );
    for (const name of unknown)
      if (problemOfTopicName(name) !== undefined) problems.set(name, errorCode.INVALID_TOPIC_EXCEPTION);
    const wanted = unknown.filter((name) => !problems.has(name));
    if (wanted.length > 0 && request.allowAutoTopicCreation && services.settings.get('auto.create.topics.enable')) {
      for (const [name, code] of await autoCreate(services, wanted)) problems.set(name, code);
    }
  }
  // Read after the waiting above: the image of now.
  const { image } = services.metadata;
  const topics = wantsAll
    ? [...image.topics.values()].map((topic) => described(topic, image, context.listenerName))
    : (request.topics ?? []).map(({ name, topicId }) =>
        wantedTopic(image, name, topicId, problems, context.listenerName),
      );
  return {
    brokers: [...image.brokers.values()].flatMap(({ id, endpoints, rack }) => {
      const endpoint = endpoints.get(context.listenerName);
      return endpoint === undefined ? [] : [{ nodeId: id, host: endpoint.host, port: endpoint.port, rack }];
    }),
    clusterId: services.clusterId,
    controllerId: image.brokers.has(image.controllerId) ? image.controllerId : -1,
    topics,
  };
}

function wantedTopic(
  image: ClusterImage,
  name: string | null,
  topicId: Uuid,
  problems: ReadonlyMap<string, number>,
  listenerName: string,
): TopicAnswer {
  const byId = topicId !== zeroUuid;
  const known = byId ? image.namesById.get(topicId) : (name ?? undefined);
  const topic = known === undefined ? undefined : image.topics.get(known);
  if (topic !== undefined) return described(topic, image, listenerName);
  const code = byId ? errorCode.UNKNOWN_TOPIC_ID : (problems.get(name ?? '') ?? errorCode.UNKNOWN_TOPIC_OR_PARTITION);
  return {
    errorCode: code,
    name: byId ? null : name,
    topicId: byId ? topicId : zeroUuid,
    isInternal: isInternalTopic(name ?? ''),
    partitions: [],
  };
}

function described({ name, topicId, partitions }: TopicImage, image: ClusterImage, listenerName: string): TopicAnswer {
  return {
    errorCode: errorCode.NONE,
    name,
    topicId,
    isInternal: isInternalTopic(name),
    partitions: partitions.flatMap((state, index) =>
      state === undefined ? [] : [describedPartition(index, state, image, listenerName)],
    ),
  };
}

export function describedPartition(
  partitionIndex: number,
  state: PartitionState,
  image: ClusterImage,
  listenerName: string,
): PartitionAnswer {
  const leader = image.brokers.get(state.leader);
  const hasListener = leader?.endpoints.has(listenerName) ?? false;
  let code: number = errorCode.NONE;
  if (leader === undefined) code = errorCode.LEADER_NOT_AVAILABLE;
  else if (!hasListener) code = errorCode.LISTENER_NOT_FOUND;
  return {
    errorCode: code,
    partitionIndex,
    leaderId: code === errorCode.NONE ? state.leader : -1,
    leaderEpoch: state.leaderEpoch,
    replicaNodes: state.replicas,
    isrNodes: state.inSyncReplicas,
    offlineReplicas: state.replicas.filter((id) => !image.brokers.has(id) || state.offlineReplicas.includes(id)),
  };
}
