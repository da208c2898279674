import { api } from '../schema/api.ts';
import { bool, float64, int8, int16, int32, list, string } from '../schema/field.ts';

/** Lists quotas (KIP-546). */
export const describeClientQuotas = api({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: '0-1',
  flexible: '1+',
  request: {
    components: list({ entityType: string(), matchType: int8(), match: string({ nullable: true }) }),
    strict: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    entries: list(
      {
        entity: list({ entityType: string(), entityName: string({ nullable: true }) }),
        values: list({ key: string(), value: float64() }),
      },
      { nullable: true },
    ),
  },
});
