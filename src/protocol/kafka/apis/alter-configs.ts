import { api } from '../schema/api.ts';
import { bool, int8, int16, int32, list, string } from '../schema/field.ts';

/** Replaces all settings of resources; the older way, see IncrementalAlterConfigs. */
export const alterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: '0-2',
  flexible: '2+',
  request: {
    resources: list({
      resourceType: int8(),
      resourceName: string(),
      configs: list({ name: string(), value: string({ nullable: true }) }),
    }),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    responses: list({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
});
