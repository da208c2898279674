import { api } from '../schema/api.ts';
import { bool, float64, int16, int32, list, string } from '../schema/field.ts';

/** Sets and removes quotas of users, clients and addresses (KIP-546). */
export const alterClientQuotas = api({
  key: 49,
  name: 'AlterClientQuotas',
  versions: '0-1',
  flexible: '1+',
  request: {
    entries: list({
      entity: list({ entityType: string(), entityName: string({ nullable: true }) }),
      ops: list({ key: string(), value: float64(), remove: bool() }),
    }),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    entries: list({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      entity: list({ entityType: string(), entityName: string({ nullable: true }) }),
    }),
  },
});
