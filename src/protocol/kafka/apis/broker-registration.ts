import { api } from '../schema/api.ts';
import { array, bool, int16, int32, int64, list, string, uint16, uuid } from '../schema/field.ts';

/** A starting broker makes itself known to the controller (KIP-631). */
export const brokerRegistration = api({
  key: 62,
  name: 'BrokerRegistration',
  versions: '0-4',
  flexible: '0+',
  request: {
    brokerId: int32(),
    clusterId: string(),
    incarnationId: uuid(),
    listeners: list({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: list({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    rack: string({ nullable: true }),
    isMigratingZkBroker: bool({ versions: '1+' }),
    logDirs: array(uuid(), { versions: '2+' }),
    previousBrokerEpoch: int64({ versions: '3+', default: -1 }),
  },
  response: { throttleTimeMs: int32({ default: 0 }), errorCode: int16(), brokerEpoch: int64({ default: -1 }) },
});
