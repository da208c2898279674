import { api } from '../schema/api.ts';
import { bool, int8, int16, int32, list, string } from '../schema/field.ts';

/** Brokers, controller and id of the cluster (KIP-700). */
export const describeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: '0-1',
  flexible: '0+',
  request: { includeClusterAuthorizedOperations: bool(), endpointType: int8({ versions: '1+', default: 1 }) },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    endpointType: int8({ versions: '1+', default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: list({
      brokerId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
    }),
    clusterAuthorizedOperations: int32({ default: -0x80000000 }),
  },
});
