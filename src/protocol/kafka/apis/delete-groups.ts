import { api } from '../schema/api.ts';
import { array, int16, int32, list, string } from '../schema/field.ts';

/** Removes empty groups and their offsets (KIP-229). */
export const deleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: '0-2',
  flexible: '2+',
  request: { groupsNames: array(string()) },
  response: { throttleTimeMs: int32({ default: 0 }), results: list({ groupId: string(), errorCode: int16() }) },
});
