import { api } from '../schema/api.ts';
import { array, bool, int16, int32, int64, list, string } from '../schema/field.ts';

/** Reads offsets of a group; of several groups from version 8 (KIP-709). */
export const offsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: '0-9',
  flexible: '6+',
  request: {
    groupId: string({ versions: '0-7' }),
    topics: list({ name: string(), partitionIndexes: array(int32()) }, { versions: '0-7', nullable: '2-7' }),
    groups: list(
      {
        groupId: string(),
        memberId: string({ versions: '9+', nullable: true, default: null }),
        memberEpoch: int32({ versions: '9+', default: -1 }),
        topics: list({ name: string(), partitionIndexes: array(int32()) }, { nullable: true }),
      },
      { versions: '8+' },
    ),
    requireStable: bool({ versions: '7+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '3+' }),
    topics: list(
      {
        name: string(),
        partitions: list({
          partitionIndex: int32(),
          committedOffset: int64(),
          committedLeaderEpoch: int32({ versions: '5-7', default: -1 }),
          metadata: string({ nullable: true }),
          errorCode: int16(),
        }),
      },
      { versions: '0-7' },
    ),
    errorCode: int16({ versions: '2-7' }),
    groups: list(
      {
        groupId: string(),
        topics: list({
          name: string(),
          partitions: list({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ default: -1 }),
            metadata: string({ nullable: true }),
            errorCode: int16(),
          }),
        }),
        errorCode: int16({ default: 0 }),
      },
      { versions: '8+' },
    ),
  },
});
