import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { RequestContext } from '../request/api-table.ts';
import { autoCreate } from './auto-create.ts';
import { offsetsTopic, type Services } from './services.ts';

type Response = ResponseInputOf<typeof apis.findCoordinator>;
type Found = NonNullable<Response['coordinators']>[number];

/** Source: FindCoordinatorRequest.CoordinatorType. */
const groupKey = 0;
const batchedSince = 4;

/**
 * Which broker coordinates a group: the leader of its partition of `__consumer_offsets`, which is made by the first who asks.
 * Versions 0-6: 1 the kind of key, 4 several keys at once (KIP-699). Coordinators of transactions do not exist here yet.
 *
 * Source: KafkaApis.handleFindCoordinatorRequest.
 */
export async function findCoordinator(
  services: Services,
  request: RequestOf<typeof apis.findCoordinator>,
  context: RequestContext,
): Promise<Response> {
  await services.knowsTopics;
  const isBatched = context.apiVersion >= batchedSince;
  const keys = isBatched ? request.coordinatorKeys : [request.key];
  if (request.keyType === groupKey && !services.metadata.image.topics.has(offsetsTopic) && keys.length > 0)
    await autoCreate(services, [offsetsTopic]);
  const coordinators = keys.map((key) => find(services, key, request.keyType, context.listenerName));
  if (isBatched) return { coordinators };
  const [first] = coordinators;
  return { ...(first as Found) };
}

function find(services: Services, key: string, keyType: number, listenerName: string): Found {
  const refused = (code: number, errorMessage: string | null): Found => ({
    key,
    nodeId: -1,
    host: '',
    port: -1,
    errorCode: code,
    errorMessage,
  });
  if (keyType !== groupKey)
    return refused(
      errorCode.INVALID_REQUEST,
      'this broker coordinates groups only: there are no transactions or share groups yet',
    );
  const { image } = services.metadata;
  const partition = services.groups.partitionOf(key);
  const state = partition === undefined ? undefined : image.topics.get(offsetsTopic)?.partitions[partition];
  const endpoint = image.brokers.get(state?.leader ?? -1)?.endpoints.get(listenerName);
  if (state === undefined || endpoint === undefined) return refused(errorCode.COORDINATOR_NOT_AVAILABLE, null);
  return {
    key,
    nodeId: state.leader,
    host: endpoint.host,
    port: endpoint.port,
    errorCode: errorCode.NONE,
    errorMessage: null,
  };
}
