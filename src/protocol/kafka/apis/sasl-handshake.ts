import { api } from '../schema/api.ts';
import { array, int16, string } from '../schema/field.ts';

/** Chooses a SASL mechanism. After version 0 tokens follow without headers, after version 1 in SaslAuthenticate. */
export const saslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: '0-1',

  request: { mechanism: string() },
  response: { errorCode: int16(), mechanisms: array(string()) },
});
