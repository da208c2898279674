import type { GroupCoordinator } from '../../coordinator/index.ts';
import { decompress } from '../../log/index.ts';
import { batchAt, type KafkaRecord, recordsOf } from '../../protocol/kafka/index.ts';
import type { PartitionReplica } from '../replica/partition-replica.ts';

const readBytes = 1 << 20;

/** All records of a log up to the end that it has when the last of them is read. */
export async function* recordsFrom(
  replica: PartitionReplica,
  fromOffset: number,
): AsyncGenerator<
  {
    readonly records: readonly KafkaRecord[];
    readonly producerId: number;
    readonly isControl: boolean;
    readonly nextOffset: number;
  },
  void,
  undefined
> {
  let offset = Math.max(fromOffset, replica.log.logStartOffset);
  while (offset < replica.highWatermark) {
    const buffers = await replica.log.read(offset, replica.highWatermark, readBytes);
    if (buffers.length === 0) return;
    for (const buffer of buffers) {
      const batch = batchAt(buffer);
      if (!batch.ok) throw new Error(batch.problem.sentence);
      const { isControl, isTransactional, producerId, nextOffset } = batch.value;
      offset = nextOffset;
      const records = isControl ? undefined : recordsOf(batch.value, decompress);
      if (records !== undefined && !records.ok) throw new Error(records.problem.sentence);
      const startOffset = replica.log.logStartOffset;
      yield {
        records: records === undefined ? [] : records.value.filter((record) => record.offset >= startOffset),
        producerId: isTransactional ? producerId : -1,
        isControl,
        nextOffset,
      };
    }
  }
}

/**
 * Replays a partition of `__consumer_offsets` into its coordinator. Transactional commits (an Apache broker may have left
 * some) are given with their producer; without transactions here their markers never come, so they have no effect.
 *
 * @param goOn  asked between reads
 * @returns how many records there were
 */
export async function loadGroups(
  replica: PartitionReplica,
  coordinator: GroupCoordinator,
  goOn: () => boolean,
): Promise<number> {
  let count = 0;
  for await (const { records, producerId } of recordsFrom(replica, replica.log.logStartOffset)) {
    if (!goOn()) return count;
    for (const { key, value } of records) {
      if (producerId >= 0) coordinator.replay({ key, value }, producerId);
      else coordinator.replay({ key, value });
      count++;
    }
  }
  return count;
}
