import { api } from '../schema/api.ts';
import { array, bool, int16, int32, int64, list, string } from '../schema/field.ts';

/** Log directories, their partitions and sizes (KIP-113, KIP-827). */
export const describeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: '0-4',
  flexible: '2+',
  request: { topics: list({ topic: string(), partitions: array(int32()) }, { nullable: true }) },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ versions: '3+' }),
    results: list({
      errorCode: int16(),
      logDir: string(),
      topics: list({
        name: string(),
        partitions: list({ partitionIndex: int32(), partitionSize: int64(), offsetLag: int64(), isFutureKey: bool() }),
      }),
      totalBytes: int64({ versions: '4+', default: -1 }),
      usableBytes: int64({ versions: '4+', default: -1 }),
    }),
  },
});
