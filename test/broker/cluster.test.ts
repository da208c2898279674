import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeperClient } from '../../src/client/zookeeper/index.ts';
import { apis, buildBatch, errorCode, zeroUuid } from '../../src/protocol/kafka/index.ts';
import { sessionId } from '../../src/protocol/zookeeper/index.ts';
import { type OwnCluster, startCluster, until } from '../support/broker/own-broker.ts';
import { platform } from '../support/zookeeper/own-server.ts';

let cluster: OwnCluster;
let zooKeeper: ZooKeeperClient;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.start(1, { 'broker.rack': 'b' });
  await cluster.start(2, { 'broker.rack': 'c' });
  zooKeeper = new ZooKeeperClient(
    { servers: [{ host: '127.0.0.1', port: cluster.zooKeeper.port }], chroot: '/kafka', sessionTimeoutMs: 4000 },
    platform,
  );
});
afterAll(async () => {
  await zooKeeper.close();
  await cluster.stop();
});

async function read(path: string): Promise<unknown> {
  const node = await zooKeeper.getData(path);
  if (!node.ok) throw new Error(node.problem.sentence);
  return JSON.parse(node.value.data?.toString() ?? 'null');
}

const record = buildBatch({ records: [{ key: Buffer.from('k'), value: Buffer.from('v'), timestampMs: 1 }] });

async function metadataAt(id: number, name: string) {
  const connection = await cluster.connect(id);
  const answer = await connection.call(apis.metadata, {
    topics: [{ name, topicId: zeroUuid }],
    allowAutoTopicCreation: false,
  });
  connection.close();
  if (!answer.ok) throw new Error(answer.problem.sentence);
  return { ...answer.value, topic: answer.value.topics[0] };
}

async function createAt(id: number, name: string, numPartitions: number): Promise<number> {
  const connection = await cluster.connect(id);
  const answer = await connection.call(apis.createTopics, {
    topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 5000,
  });
  connection.close();
  if (!answer.ok) throw new Error(answer.problem.sentence);
  return answer.value.topics[0]?.errorCode ?? -1;
}

const leadersOf = (topic: { partitions: readonly { leaderId: number }[] } | undefined): number[] =>
  (topic?.partitions ?? []).map(({ leaderId }) => leaderId);

test('znodes are spelled as Apache Kafka spells them', async () => {
  expect(await createAt(1, 'spelled', 2)).toBe(errorCode.NONE);
  const { topic } = await metadataAt(0, 'spelled');
  const [first, second] = leadersOf(topic);
  expect(await read('/brokers/topics/spelled')).toEqual({
    version: 3,
    topic_id: topic?.topicId,
    partitions: { 0: [first], 1: [second] },
    adding_replicas: {},
    removing_replicas: {},
  });
  expect(await read('/brokers/topics/spelled/partitions/0/state')).toEqual({
    controller_epoch: 1,
    leader: first,
    version: 1,
    leader_epoch: 0,
    isr: [first],
  });
  expect(await read('/config/topics/spelled')).toEqual({ version: 1, config: {} });
  expect(await read('/controller')).toEqual({
    version: 2,
    brokerid: 0,
    timestamp: expect.stringMatching(/^\d+$/),
    kraftControllerEpoch: -1,
  });
  expect(await read('/brokers/ids/1')).toEqual({
    version: 5,
    host: '127.0.0.1',
    port: cluster.brokers.get(1)?.port,
    jmx_port: -1,
    timestamp: expect.stringMatching(/^\d+$/),
    endpoints: [`PLAINTEXT://127.0.0.1:${cluster.brokers.get(1)?.port}`],
    listener_security_protocol_map: { PLAINTEXT: 'PLAINTEXT' },
    rack: 'b',
    features: {},
  });
  const epoch = await zooKeeper.getData('/controller_epoch');
  expect(epoch.ok && epoch.value.data?.toString()).toBe('1');
});

test('a topic made through any broker is spread over all, and every broker knows the same', async () => {
  expect(await createAt(2, 'spread', 6)).toBe(errorCode.NONE);
  await until(async () => (await metadataAt(1, 'spread')).topic?.errorCode === 0, 'broker 1 knows the topic');
  const views = await Promise.all([0, 1, 2].map((id) => metadataAt(id, 'spread')));
  expect(leadersOf(views[0]?.topic).sort()).toEqual([0, 0, 1, 1, 2, 2]);
  expect(leadersOf(views[1]?.topic)).toEqual(leadersOf(views[0]?.topic));
  expect(views.map(({ controllerId }) => controllerId)).toEqual([0, 0, 0]);
});

test('a broker that leaves takes its partitions offline, the others are served, and it brings them back', async () => {
  await createAt(0, 'offline', 3);
  const { topic } = await metadataAt(0, 'offline');
  const lost = leadersOf(topic).indexOf(2);
  await cluster.stopBroker(2);
  await until(
    async () => leadersOf((await metadataAt(1, 'offline')).topic)[lost] === -1,
    'the partition has no leader',
  );
  const without = (await metadataAt(1, 'offline')).topic?.partitions[lost];
  expect(without).toMatchObject({ errorCode: errorCode.LEADER_NOT_AVAILABLE, isrNodes: [2], offlineReplicas: [2] });
  expect(await read(`/brokers/topics/offline/partitions/${lost}/state`)).toMatchObject({
    leader: -1,
    isr: [2],
    leader_epoch: 1,
  });
  await cluster.start(2, { 'broker.rack': 'c' });
  await until(async () => leadersOf((await metadataAt(1, 'offline')).topic)[lost] === 2, 'the partition is led again');
  expect((await metadataAt(1, 'offline')).topic?.partitions[lost]).toMatchObject({
    leaderEpoch: 2,
    offlineReplicas: [],
  });
});

test('when the controller leaves another broker takes over, with a higher epoch, and topics can be made', async () => {
  await cluster.stopBroker(0);
  await until(async () => {
    const { controllerId } = await metadataAt(1, 'spread');
    return controllerId === 1 || controllerId === 2;
  }, 'another broker is the controller');
  expect(await createAt(2, 'after', 4)).toBe(errorCode.NONE);
  expect(leadersOf((await metadataAt(2, 'after')).topic)).not.toContain(0);
  expect(await read('/brokers/topics/after/partitions/0/state')).toMatchObject({ controller_epoch: 2 });
  await cluster.start(0);
});

test('a request of a deposed controller, or for an earlier life of the broker, is refused', async () => {
  const connection = await cluster.connect(0);
  const send = async (controllerEpoch: number, brokerEpoch: number): Promise<number> => {
    const answer = await connection.call(apis.updateMetadata, {
      controllerId: 9,
      controllerEpoch,
      brokerEpoch,
      topicStates: [],
      liveBrokers: [],
    });
    return answer.ok ? answer.value.errorCode : -1;
  };
  expect(await send(0, -1)).toBe(errorCode.STALE_CONTROLLER_EPOCH);
  expect(await send(99, 1)).toBe(errorCode.STALE_BROKER_EPOCH);
  expect((await metadataAt(0, 'spread')).brokers).toHaveLength(3);
});

test('a request for a registration that the broker has not heard of yet is taken: the controller may know it first', async () => {
  const current = await zooKeeper.getData('/controller_epoch');
  const connection = await cluster.connect(0);
  const answer = await connection.call(apis.stopReplica, {
    controllerId: 9,
    controllerEpoch: Number(current.ok ? current.value.data : Number.NaN),
    brokerEpoch: Number.MAX_SAFE_INTEGER,
    topicStates: [],
  });
  expect(answer.ok && answer.value.errorCode).toBe(errorCode.NONE);
});

test('when its session expires a broker registers again and keeps serving', async () => {
  await createAt(1, 'session', 3);
  // One look finds and keeps the partition: between two looks its leader may change.
  let partition = -1;
  await until(async () => {
    partition = leadersOf((await metadataAt(1, 'session')).topic).indexOf(1);
    return partition >= 0;
  }, 'broker 1 knows what it leads');
  const before = await zooKeeper.exists('/brokers/ids/1');
  const session = before.ok ? before.value?.ephemeralOwner : undefined;
  expect(session).toBeDefined();
  // What a server does itself when a session has timed out.
  cluster.zooKeeper.server.orderer.submit({
    sessionId: sessionId(session ?? 0n),
    cxid: 0,
    identities: [],
    command: { op: 'closeSession' },
    fromServer: undefined,
  });
  await until(async () => {
    const now = await zooKeeper.exists('/brokers/ids/1');
    return now.ok && now.value !== undefined && now.value.ephemeralOwner !== session;
  }, 'the broker has registered with another session');
  await until(async () => leadersOf((await metadataAt(0, 'session')).topic)[partition] === 1, 'it leads again');
  const connection = await cluster.connect(1);
  await until(async () => {
    const answer = await connection.call(apis.produce, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 'session', partitionData: [{ index: partition, records: Buffer.from(record) }] }],
    });
    return answer.ok && answer.value.responses[0]?.partitionResponses[0]?.errorCode === 0;
  }, 'a record is taken');
});
