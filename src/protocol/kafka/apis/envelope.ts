import { api } from '../schema/api.ts';
import { bytes, int16 } from '../schema/field.ts';

/** A broker forwards a client's request to the controller (KIP-590). */
export const envelope = api({
  key: 58,
  name: 'Envelope',
  versions: '0',
  flexible: '0+',
  request: { requestData: bytes(), requestPrincipal: bytes({ nullable: true }), clientHostAddress: bytes() },
  response: { responseData: bytes({ nullable: true, default: null }), errorCode: int16() },
});
