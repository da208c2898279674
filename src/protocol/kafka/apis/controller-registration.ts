import { api } from '../schema/api.ts';
import { bool, int16, int32, list, string, uint16, uuid } from '../schema/field.ts';

/** A controller makes its listeners and features known to the active one (KIP-919). */
export const controllerRegistration = api({
  key: 70,
  name: 'ControllerRegistration',
  versions: '0',
  flexible: '0+',
  request: {
    controllerId: int32(),
    incarnationId: uuid(),
    zkMigrationReady: bool(),
    listeners: list({ name: string(), host: string(), port: uint16(), securityProtocol: int16() }),
    features: list({ name: string(), minSupportedVersion: int16(), maxSupportedVersion: int16() }),
  },
  response: { throttleTimeMs: int32({ default: 0 }), errorCode: int16(), errorMessage: string({ nullable: true }) },
});
