import { api } from '../schema/api.ts';
import { array, bool, int8, int16, int32, list, string, uuid } from '../schema/field.ts';

/** Creates topics, with an assignment or by counts. Version 5 answers with what was created (KIP-525), version 7 with the topic id. */
export const createTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: '0-7',
  flexible: '5+',
  request: {
    topics: list({
      name: string(),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: list({ partitionIndex: int32(), brokerIds: array(int32()) }),
      configs: list({ name: string(), value: string({ nullable: true }) }),
    }),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool({ versions: '1+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '2+' }),
    topics: list({
      name: string(),
      topicId: uuid({ versions: '7+' }),
      errorCode: int16(),
      errorMessage: string({ versions: '1+', nullable: true }),
      topicConfigErrorCode: int16({ versions: '5+', tag: 0 }),
      numPartitions: int32({ versions: '5+', default: -1 }),
      replicationFactor: int16({ versions: '5+', default: -1 }),
      configs: list(
        {
          name: string(),
          value: string({ nullable: true }),
          readOnly: bool(),
          configSource: int8({ default: -1 }),
          isSensitive: bool(),
        },
        { versions: '5+', nullable: true },
      ),
    }),
  },
});
