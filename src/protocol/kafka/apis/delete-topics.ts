import { api } from '../schema/api.ts';
import { array, int16, int32, list, string, uuid } from '../schema/field.ts';
import { zeroUuid } from '../wire/uuid.ts';

/** Deletes topics by name; from version 6 also by id (KIP-516). */
export const deleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: '0-6',
  flexible: '4+',
  request: {
    topics: list(
      { name: string({ nullable: true, default: null }), topicId: uuid({ default: zeroUuid }) },
      { versions: '6+' },
    ),
    topicNames: array(string(), { versions: '0-5' }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32({ versions: '1+' }),
    responses: list({
      name: string({ nullable: '6+' }),
      topicId: uuid({ versions: '6+' }),
      errorCode: int16(),
      errorMessage: string({ versions: '5+', nullable: true, default: null }),
    }),
  },
});
