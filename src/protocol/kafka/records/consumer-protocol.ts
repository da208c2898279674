import { array, bytes, int32, list, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** What a leader gives a consumer. */
export const consumerProtocolAssignment = message({
  name: 'ConsumerProtocolAssignment',
  versions: '0-3',

  fields: {
    assignedPartitions: list({ topic: string(), partitions: array(int32()) }),
    userData: bytes({ nullable: true, default: null }),
  },
});

/** What a consumer tells its group's leader: topics, what it owns, where it is. */
export const consumerProtocolSubscription = message({
  name: 'ConsumerProtocolSubscription',
  versions: '0-3',

  fields: {
    topics: array(string()),
    userData: bytes({ nullable: true, default: null }),
    ownedPartitions: list({ topic: string(), partitions: array(int32()) }, { versions: '1+' }),
    generationId: int32({ versions: '2+', default: -1 }),
    rackId: string({ versions: '3+', nullable: true, default: null }),
  },
});
