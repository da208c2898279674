import type { BrokerNode, PartitionChange } from '../../metadata/index.ts';
import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { Services } from './services.ts';

type Request<Name extends keyof typeof apis> = RequestOf<(typeof apis)[Name]>;
type Response<Name extends keyof typeof apis> = ResponseInputOf<(typeof apis)[Name]>;

// What the controller of ZooKeeper mode says to brokers, and brokers to it. Versions are those of Kafka 3.x: topics have ids.
// It says it to a registration: a broker that is not registered yet cannot tell whether an earlier life of it is meant.

/** Leader that means "the topic is being deleted". Source: LeaderAndIsr.LeaderDuringDelete. */
const leaderDuringDelete = -2;

export async function leaderAndIsr(
  services: Services,
  request: Request<'leaderAndIsr'>,
): Promise<Response<'leaderAndIsr'>> {
  await services.isRegistered;
  return services.replicas.becomeLeaderOrFollower(request);
}

export async function stopReplica(
  services: Services,
  request: Request<'stopReplica'>,
): Promise<Response<'stopReplica'>> {
  await services.isRegistered;
  return services.replicas.stop(request);
}

export async function updateMetadata(
  services: Services,
  request: Request<'updateMetadata'>,
): Promise<Response<'updateMetadata'>> {
  await services.isRegistered;
  const stale = services.replicas.admit(request.controllerEpoch, request.brokerEpoch);
  if (stale !== errorCode.NONE) return { errorCode: stale };
  const brokers = new Map(
    request.liveBrokers.map(({ id, endpoints, rack }): [number, BrokerNode] => [
      id,
      { id, endpoints: new Map(endpoints.map(({ listener, host, port }) => [listener, { host, port }])), rack },
    ]),
  );
  const partitions = request.topicStates.flatMap(({ topicName, topicId, partitionStates }) =>
    partitionStates.map(
      (state): PartitionChange => ({
        topic: topicName,
        topicId,
        partition: state.partitionIndex,
        state:
          state.leader === leaderDuringDelete
            ? 'deleted'
            : {
                leader: state.leader,
                leaderEpoch: state.leaderEpoch,
                partitionEpoch: state.zkVersion,
                controllerEpoch: state.controllerEpoch,
                replicas: state.replicas,
                inSyncReplicas: state.isr,
                offlineReplicas: state.offlineReplicas,
              },
      }),
    ),
  );
  services.metadata.publish({ controllerId: request.controllerId, brokers, partitions });
  return { errorCode: errorCode.NONE };
}

export async function controlledShutdown(
  services: Services,
  request: Request<'controlledShutdown'>,
): Promise<Response<'controlledShutdown'>> {
  const code = await services.controller.controlledShutdown(request.brokerId, request.brokerEpoch);
  return { errorCode: code, remainingPartitions: [] };
}
