import { api } from '../schema/api.ts';
import { int8, int16, int32, list, string } from '../schema/field.ts';

/** Adds access control entries. */
export const createAcls = api({
  key: 30,
  name: 'CreateAcls',
  versions: '0-3',
  flexible: '2+',
  request: {
    creations: list({
      resourceType: int8(),
      resourceName: string(),
      resourcePatternType: int8({ versions: '1+', default: 3 }),
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: list({ errorCode: int16(), errorMessage: string({ nullable: true }) }),
  },
});
