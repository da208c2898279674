import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClientPlatform, KafkaAdmin, KafkaClient, offsetTimestamps } from '../../src/client/kafka/index.ts';
import { apis, buildBatch, errorCode } from '../../src/protocol/kafka/index.ts';
import { realPlatform } from '../client/kafka/real-platform.ts';
import { startApacheKafka } from '../support/apache-kafka.ts';

let kafka: Awaited<ReturnType<typeof startApacheKafka>>;
let client: KafkaClient;
let admin: KafkaAdmin;

beforeAll(async () => {
  kafka = await startApacheKafka({ 'broker.rack': 'north' });
  const platform: ClientPlatform = realPlatform();
  client = new KafkaClient(platform, { clientId: 'ours', bootstrap: [{ host: '127.0.0.1', port: kafka.port }] });
  admin = new KafkaAdmin(client, { deadlineMs: 30_000 });
});

afterAll(async () => {
  await client?.close();
  await kafka?.stop();
});

function taken<Value>(result: { ok: true; value: Value } | { ok: false; problem: { sentence: string } }): Value {
  if (!result.ok) throw new Error(result.problem.sentence);
  return result.value;
}

test('the cluster names its brokers and its controller', async () => {
  // A broker that has just started does not know its controller yet.
  await expect.poll(async () => taken(await admin.describeCluster()).controllerId, { timeout: 10_000 }).toBe(1);
  const cluster = taken(await admin.describeCluster());
  expect(cluster.brokers).toEqual([{ id: 1, host: '127.0.0.1', port: kafka.port, rack: 'north' }]);
  expect(cluster.clusterId).toMatch(/^[\w-]{22}$/);
});

test('a topic lives from its creation to its deletion', async () => {
  const byCounts = {
    name: 'counted',
    replicas: { partitions: 3, replicationFactor: 1 },
    config: { 'retention.ms': '60000' },
  };
  const assigned = {
    name: 'assigned',
    replicas: {
      assignment: new Map([
        [0, [1]],
        [1, [1]],
      ]),
    },
  };
  const created = taken(await admin.createTopics([byCounts, assigned]));
  expect(created.map((topic) => [topic.name, topic.errorCode]).sort()).toEqual([
    ['assigned', 0],
    ['counted', 0],
  ]);
  const again = taken(await admin.createTopics([byCounts]));
  expect(again[0]?.errorCode).toBe(errorCode.TOPIC_ALREADY_EXISTS);
  const tooMany = taken(
    await admin.createTopics([{ name: 'wide', replicas: { partitions: 1, replicationFactor: 3 } }]),
  );
  expect(tooMany[0]?.errorCode).toBe(errorCode.INVALID_REPLICATION_FACTOR);
  expect(tooMany[0]?.errorMessage).toBeTruthy();

  const grown = taken(await admin.createPartitions([{ name: 'counted', count: 4, assignment: [[1]] }]));
  expect(grown[0]?.errorCode).toBe(0);
  const described = taken(await admin.describeTopics(['counted', 'missing']));
  const counted = described.find((topic) => topic.name === 'counted');
  expect(counted?.partitions.map((partition) => partition.replicas)).toEqual([[1], [1], [1], [1]]);
  expect(described.find((topic) => topic.name === 'missing')?.errorCode).toBe(errorCode.UNKNOWN_TOPIC_OR_PARTITION);

  taken(
    await admin.incrementalAlterConfigs([
      {
        resource: { type: 'topic', name: 'counted' },
        changes: [
          { name: 'retention.ms', operation: 'delete' },
          { name: 'max.message.bytes', operation: 'set', value: '123456' },
        ],
      },
    ]),
  );
  const [config] = taken(await admin.describeConfigs([{ type: 'topic', name: 'counted' }]));
  const entry = (name: string) => config?.entries.find((each) => each.name === name);
  expect(entry('max.message.bytes')).toMatchObject({ value: '123456', source: 1 });
  expect(entry('retention.ms')).toMatchObject({ value: '604800000', source: 5 });

  const deleted = taken(await admin.deleteTopics(['assigned']));
  expect(deleted).toMatchObject([{ name: 'assigned', errorCode: 0 }]);
});

test("a broker's own settings come from that broker", async () => {
  const [config] = taken(await admin.describeConfigs([{ type: 'broker', name: '1' }]));
  expect(config?.entries.find((each) => each.name === 'broker.id')).toMatchObject({ value: '1', isReadOnly: true });
  const [unknown] = [
    await new KafkaAdmin(client, { deadlineMs: 500 }).describeConfigs([{ type: 'broker', name: '77' }]),
  ];
  expect(unknown).toMatchObject({ ok: false, problem: { kind: 'unknownTarget' } });
});

test('what is produced is there: offsets and sizes of the log', async () => {
  taken(await admin.createTopics([{ name: 'filled', replicas: { partitions: 1, replicationFactor: 1 } }]));
  const batch = buildBatch({
    records: [1, 2, 3].map((value) => ({
      key: null,
      value: Buffer.alloc(1000, value),
      timestampMs: 1_700_000_000_000 + value,
    })),
  });
  const produced = taken(
    await client.call(
      apis.produce,
      { acks: -1, timeoutMs: 5000, topicData: [{ name: 'filled', partitionData: [{ index: 0, records: batch }] }] },
      { kind: 'leader', topic: 'filled', partition: 0 },
    ),
  );
  expect(produced.responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 });
  const at = (timestampMs: number) => ({ topic: 'filled', partition: 0, timestampMs });
  const offsets = taken(
    await admin.listOffsets([
      at(offsetTimestamps.earliest),
      at(offsetTimestamps.latest),
      at(offsetTimestamps.maxTimestamp),
      at(1_700_000_000_002),
    ]),
  );
  expect(offsets.map((each) => each.offset)).toEqual([0, 3, 2, 1]);
  const [directory] = taken(await admin.describeLogDirs([1]));
  expect(directory?.totalBytes).toBeGreaterThan(0);
  expect(directory?.replicas.find((each) => each.topic === 'filled')?.sizeBytes).toBe(batch.length);
});

test('moves and elections answer per partition', async () => {
  const none = taken(await admin.listPartitionReassignments());
  expect(none).toEqual([]);
  const moved = taken(await admin.alterPartitionReassignments([{ topic: 'filled', partition: 0, replicas: [9] }]));
  expect(moved).toMatchObject([{ topic: 'filled', partition: 0, errorCode: errorCode.INVALID_REPLICA_ASSIGNMENT }]);
  const cancelled = taken(await admin.alterPartitionReassignments([{ topic: 'filled', partition: 0, replicas: null }]));
  expect(cancelled).toMatchObject([{ errorCode: errorCode.NO_REASSIGNMENT_IN_PROGRESS }]);
  const elected = taken(await admin.electLeaders([{ topic: 'filled', partition: 0 }]));
  expect(elected).toMatchObject([{ topic: 'filled', partition: 0, errorCode: errorCode.ELECTION_NOT_NEEDED }]);
});

test('the coordinator of a group is found, though its topic has yet to be made', async () => {
  const answer = taken(
    await client.call(
      apis.offsetFetch,
      { groupId: 'g', topics: null, groups: [{ groupId: 'g', topics: null }] },
      { kind: 'coordinator', of: 'group', id: 'g' },
      { codesOf: (response) => [response.errorCode, ...response.groups.map((group) => group.errorCode)] },
    ),
  );
  expect(answer.groups).toMatchObject([{ groupId: 'g', topics: [], errorCode: 0 }]);
});
