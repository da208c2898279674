import { api } from '../schema/api.ts';
import { int16, int32, int64, list, string } from '../schema/field.ts';

/** A stopping broker asks the controller to move its leaderships away. */
export const controlledShutdown = api({
  key: 7,
  name: 'ControlledShutdown',
  versions: '0-3',
  flexible: '3+',
  request: { brokerId: int32(), brokerEpoch: int64({ versions: '2+', default: -1 }) },
  response: { errorCode: int16(), remainingPartitions: list({ topicName: string(), partitionIndex: int32() }) },
});
