import { api } from '../schema/api.ts';
import { int16, int32, list, string } from '../schema/field.ts';

/** Names of the client metrics subscriptions (KIP-714). */
export const listClientMetricsResources = api({
  key: 74,
  name: 'ListClientMetricsResources',
  versions: '0',
  flexible: '0+',
  request: {},
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    clientMetricsResources: list({ name: string() }),
  },
});
