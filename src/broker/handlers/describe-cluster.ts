import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { RequestContext } from '../request/api-table.ts';
import type { Services } from './services.ts';

const brokersEndpoint = 1;

/** The brokers that live and the controller. Versions 0-1: 1 can ask for the controllers of a KRaft quorum, which there is none of. */
export function describeCluster(
  services: Services,
  request: RequestOf<typeof apis.describeCluster>,
  context: RequestContext,
): ResponseInputOf<typeof apis.describeCluster> {
  const { image } = services.metadata;
  if (request.endpointType !== brokersEndpoint) {
    const errorMessage = 'this cluster has no controller endpoints: its controller is one of the brokers';
    return { errorCode: errorCode.UNSUPPORTED_ENDPOINT_TYPE, errorMessage, clusterId: '', brokers: [] };
  }
  return {
    errorCode: errorCode.NONE,
    clusterId: services.clusterId,
    controllerId: image.controllerId,
    brokers: [...image.brokers.values()].flatMap(({ id, endpoints, rack }) => {
      const endpoint = endpoints.get(context.listenerName);
      return endpoint === undefined ? [] : [{ brokerId: id, host: endpoint.host, port: endpoint.port, rack }];
    }),
  };
}
