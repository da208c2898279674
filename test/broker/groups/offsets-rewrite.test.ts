import { expect, test } from 'vitest';
import { recordsFrom } from '../../../src/broker/groups/group-loading.ts';
import { OffsetsRewrite } from '../../../src/broker/groups/offsets-rewrite.ts';
import { PartitionReplica } from '../../../src/broker/replica/partition-replica.ts';
import { buildBatch, type Uuid } from '../../../src/protocol/kafka/index.ts';
import { depsOn, openLog, quiet } from '../../log/suite.ts';
import { until } from '../../support/broker/own-broker.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';

const coordinator = { origin: 'coordinator' } as const;

async function latest(replica: PartitionReplica): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for await (const { records } of recordsFrom(replica, 0)) {
    for (const { key, value } of records) {
      if (value === null) delete values[key?.toString() ?? ''];
      else values[key?.toString() ?? ''] = value.toString().trimEnd();
    }
  }
  return values;
}

test('a partition of the offsets topic that has grown keeps the latest value of each key, and little else', async () => {
  const deps = depsOn(new MemoryDisk());
  const log = openLog(deps, { compacts: true, deletes: false, retentionMs: -1 });
  const leadership = { leader: 0, leaderEpoch: 3, partitionEpoch: 0, replicas: [0], inSyncReplicas: [0] };
  const replica = new PartitionReplica('__consumer_offsets', 0, 'AAAAAAAAAAAAAAAAAAAAAg' as Uuid, log, leadership);
  replica.become(leadership, true);
  const rewrite = new OffsetsRewrite(replica, quiet);
  const write = (key: string, value: string | null): void => {
    const batch = buildBatch({
      records: [
        { key: Buffer.from(key), value: value === null ? null : Buffer.from(value.padEnd(10_000)), timestampMs: 1 },
      ],
    });
    expect(replica.append(batch, coordinator).ok).toBe(true);
    deps.endTurn();
    rewrite.noticeGrowth();
  };
  for (let index = 0; index < 900; index++) {
    write(`group-${index % 20}`, `offset ${index}`);
    // Commits go on while the log is being rewritten.
    if (index % 50 === 0) await new Promise((done) => setImmediate(done));
  }
  write('group-3', null);
  const ticking = setInterval(deps.endTurn, 1);
  await until(() => log.logStartOffset > 0, 'the log was rewritten');
  write('group-4', 'after');
  await log.flush();
  clearInterval(ticking);
  const expected = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`group-${index}`, `offset ${880 + index}`]),
  );
  delete expected['group-3'];
  expect(await latest(replica)).toEqual({ ...expected, 'group-4': 'after' });
  log.deleteOld(log.writtenEndOffset);
  expect(log.sizeBytes).toBeLessThan(1_500_000);
});
