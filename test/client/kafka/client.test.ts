import { afterEach, expect, test } from 'vitest';
import { anyBroker, controller, KafkaAdmin, KafkaClient } from '../../../src/client/kafka/index.ts';
import { apis, errorCode } from '../../../src/protocol/kafka/index.ts';
import { realPlatform } from './real-platform.ts';
import { type Handler, scriptedBroker } from './scripted-broker.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

type Script = Parameters<typeof scriptedBroker>[0];

/** A cluster of scripted brokers with ids from 1; each knows all of them. */
async function cluster(scripts: readonly Script[], state: { controllerId: number; leaders?: readonly number[] }) {
  const ports: number[] = [];
  const metadata: Handler = () => ({
    brokers: ports.map((port, index) => ({ nodeId: index + 1, host: '127.0.0.1', port, rack: null })),
    clusterId: 'c',
    controllerId: state.controllerId,
    topics: [
      {
        errorCode: 0,
        name: 't',
        partitions: (state.leaders ?? []).map((leaderId, partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId,
          replicaNodes: [leaderId],
          isrNodes: [leaderId],
        })),
      },
    ],
  });
  const brokers = [];
  for (const script of scripts) {
    const broker = await scriptedBroker({ metadata, ...script });
    stops.push(broker.stop);
    ports.push(broker.port);
    brokers.push(broker);
  }
  const client = new KafkaClient(realPlatform(), {
    clientId: 'test',
    bootstrap: ports.map((port) => ({ host: '127.0.0.1', port })),
    deadlineMs: 5000,
  });
  stops.push(() => client.close());
  return { brokers, client };
}

test('a request for the controller goes there, and follows it when it moves', async () => {
  const state = { controllerId: 1 };
  const moved: Handler = () => {
    state.controllerId = 2;
    return { errorCode: errorCode.NOT_CONTROLLER, errorMessage: null, topics: [] };
  };
  const { brokers, client } = await cluster(
    [
      { listPartitionReassignments: moved },
      { listPartitionReassignments: () => ({ errorCode: 0, errorMessage: null, topics: [] }) },
    ],
    state,
  );
  const answer = await client.call(apis.listPartitionReassignments, {}, controller);
  expect(answer.ok && answer.value.errorCode).toBe(0);
  expect(brokers[0]?.asked).toContain('listPartitionReassignments');
  expect(brokers[1]?.asked).toContain('listPartitionReassignments');
});

test("offsets are asked of each partition's leader, and again after a leader has moved", async () => {
  const state = { controllerId: 1, leaders: [1, 2] };
  const listOffsets =
    (id: number): Handler =>
    ({ body }: { body: { topics: { partitions: { partitionIndex: number }[] }[] } }) => {
      const partitionIndex = body.topics[0]?.partitions[0]?.partitionIndex as number;
      const isLeader = state.leaders[partitionIndex] === id;
      const code = isLeader ? 0 : errorCode.NOT_LEADER_OR_FOLLOWER;
      return { topics: [{ name: 't', partitions: [{ partitionIndex, errorCode: code, offset: id * 10 }] }] };
    };
  const { client } = await cluster([{ listOffsets: listOffsets(1) }, { listOffsets: listOffsets(2) }], state);
  const admin = new KafkaAdmin(client);
  const wanted = [0, 1].map((partition) => ({ topic: 't', partition, timestampMs: -1 }));
  const before = await admin.listOffsets(wanted);
  expect(before.ok && before.value.map((each) => each.offset)).toEqual([10, 20]);
  state.leaders = [2, 2];
  const after = await admin.listOffsets(wanted);
  expect(after.ok && after.value.map((each) => each.offset)).toEqual([20, 20]);
});

test('when one broker is gone the next one answers', async () => {
  const beat: Script = { heartbeat: () => ({ errorCode: 0 }) };
  const { brokers, client } = await cluster([beat, beat], { controllerId: 1 });
  const body = { groupId: 'g', generationId: 1, memberId: 'm' };
  await client.knownBrokers();
  await brokers[0]?.stop();
  for (let turn = 0; turn < 5; turn++) expect((await client.call(apis.heartbeat, body, anyBroker)).ok).toBe(true);
});

test('an error that passes is asked again until the deadline, then given as it is', async () => {
  const answer = { errorCode: errorCode.COORDINATOR_LOAD_IN_PROGRESS };
  const { brokers, client } = await cluster([{ heartbeat: () => answer }], { controllerId: 1 });
  const result = await client.call(apis.heartbeat, { groupId: 'g', generationId: 1, memberId: 'm' }, anyBroker, {
    deadlineMs: 400,
  });
  expect(result).toMatchObject({ ok: true, value: answer });
  expect(brokers[0]?.asked.filter((name) => name === 'heartbeat').length).toBeGreaterThan(2);
});

test('an error that does not pass is given at once', async () => {
  const { brokers, client } = await cluster([{ heartbeat: () => ({ errorCode: errorCode.UNKNOWN_MEMBER_ID }) }], {
    controllerId: 1,
  });
  await client.call(apis.heartbeat, { groupId: 'g', generationId: 1, memberId: 'm' });
  expect(brokers[0]?.asked.filter((name) => name === 'heartbeat')).toHaveLength(1);
});

test('nobody there is a sentence that names every address, after the deadline', async () => {
  const client = new KafkaClient(realPlatform(), {
    clientId: 'test',
    bootstrap: [
      { host: '127.0.0.1', port: 1 },
      { host: '127.0.0.1', port: 2 },
    ],
  });
  const cluster = await new KafkaAdmin(client, { deadlineMs: 200 }).describeCluster();
  expect(cluster).toMatchObject({ ok: false, problem: { kind: 'disconnected' } });
  expect(!cluster.ok && cluster.problem.sentence).toContain('127.0.0.1:1');
  expect(!cluster.ok && cluster.problem.sentence).toContain('127.0.0.1:2');
  await client.close();
});
