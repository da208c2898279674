import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KafkaConnection } from '../../src/client/kafka/index.ts';
import {
  apis,
  batchAt,
  buildBatch,
  encodeRequest,
  errorCode,
  FrameReader,
  type RequestInputOf,
  type ResponseOf,
  recordsOf,
  type Uuid,
  zeroUuid,
} from '../../src/protocol/kafka/index.ts';
import { type OwnCluster, startCluster, until } from '../support/broker/own-broker.ts';

let cluster: OwnCluster;
let connection: KafkaConnection;

beforeAll(async () => {
  cluster = await startCluster();
  connection = await cluster.connect();
});
afterAll(() => cluster.stop());

async function call<Name extends keyof typeof apis>(
  name: Name,
  body: RequestInputOf<(typeof apis)[Name]>,
  version?: number,
): Promise<ResponseOf<(typeof apis)[Name]>> {
  const api = apis[name] as (typeof apis)[Name];
  const answer = await connection.call(api as never, body as never, version === undefined ? {} : { version });
  if (!answer.ok) throw new Error(answer.problem.sentence);
  return answer.value as ResponseOf<(typeof apis)[Name]>;
}

const newTopic = (name: string, numPartitions = 1, configs: Record<string, string> = {}) => ({
  name,
  numPartitions,
  replicationFactor: 1,
  assignments: [],
  configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
});

async function create(name: string, partitions = 1, configs: Record<string, string> = {}): Promise<Uuid> {
  const { topics } = await call('createTopics', { topics: [newTopic(name, partitions, configs)], timeoutMs: 5000 });
  expect(topics[0]).toMatchObject({ name, errorCode: 0 });
  return topics[0]?.topicId as Uuid;
}

const batchOf = (values: readonly string[], more: Partial<Parameters<typeof buildBatch>[0]> = {}): Buffer =>
  buildBatch({
    records: values.map((value, index) => ({
      key: Buffer.from(`k${index}`),
      value: Buffer.from(value),
      timestampMs: 1000 + index,
    })),
    ...more,
  });

async function produce(
  topic: string,
  records: Buffer,
  { acks = -1, partition = 0, version }: { acks?: number; partition?: number; version?: number } = {},
) {
  const answer = await call(
    'produce',
    {
      transactionalId: null,
      acks,
      timeoutMs: 5000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
    },
    version,
  );
  return answer.responses[0]?.partitionResponses[0];
}

async function fetch(
  topic: string,
  offset: number,
  more: {
    version?: number;
    partitionMaxBytes?: number;
    maxWaitMs?: number;
    minBytes?: number;
    epoch?: number;
    topicId?: Uuid;
    isolationLevel?: number;
  } = {},
) {
  const {
    version = 12,
    partitionMaxBytes = 1 << 20,
    maxWaitMs = 0,
    minBytes = 1,
    epoch = -1,
    topicId = zeroUuid,
    isolationLevel = 0,
  } = more;
  const answer = await call(
    'fetch',
    {
      replicaId: -1,
      maxWaitMs,
      minBytes,
      isolationLevel,
      sessionId: 0,
      sessionEpoch: -1,
      rackId: '',
      topics: [
        {
          topic,
          topicId,
          partitions: [{ partition: 0, fetchOffset: offset, currentLeaderEpoch: epoch, partitionMaxBytes }],
        },
      ],
      forgottenTopicsData: [],
    } as never,
    version,
  );
  const partition = answer.responses[0]?.partitions[0];
  const values: string[] = [];
  for (let rest = partition?.records ?? Buffer.alloc(0); rest.length > 0; ) {
    const batch = batchAt(rest);
    if (!batch.ok) throw new Error(batch.problem.sentence);
    const records = recordsOf(batch.value, () => undefined);
    if (records.ok) values.push(...records.value.map(({ value }) => value?.toString() ?? 'null'));
    rest = rest.subarray(batch.value.sizeBytes);
  }
  return { ...partition, values };
}

describe('versions', () => {
  test('a version of ApiVersions that is too new is answered in version 0 with error 35 and what is served', async () => {
    const reply = await raw(
      Buffer.concat(
        withVersion(
          encodeRequest(
            apis.apiVersions,
            3,
            { correlationId: 7, clientId: 'x' },
            { clientSoftwareName: 'a', clientSoftwareVersion: '1' },
          ),
          99,
        ),
      ),
    );
    const decoded = apis.apiVersions.response.decode(reply, 0, 4);
    expect(reply.readInt32BE(0)).toBe(7);
    expect(decoded).toMatchObject({ ok: true, value: { errorCode: errorCode.UNSUPPORTED_VERSION } });
    expect(decoded.ok && decoded.value.apiKeys.length).toBeGreaterThan(25);
  });

  test('exactly the versions that older clients look for are served', async () => {
    const { apiKeys } = await call('apiVersions', {}, 0);
    const range = new Map(apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]));
    // librdkafka before 2.11 decides on features by these.
    expect(range.get(0)).toEqual([0, 11]);
    expect(range.get(1)?.[0]).toBe(4);
    for (const key of [2, 8, 9, 10, 11, 12, 13, 14, 22]) expect(range.get(key)?.[0]).toBe(0);
    // What is not there is not advertised: transactions, reassignment, SASL.
    for (const key of [17, 24, 25, 26, 27, 28, 36, 45]) expect(range.has(key)).toBe(false);
  });
});

describe('topics', () => {
  test('a topic has an id, leaders with epoch 0, and the addresses of the listener', async () => {
    const topicId = await create('made', 3);
    const { topics, brokers, controllerId } = await call('metadata', {
      topics: [{ name: 'made', topicId: zeroUuid }],
      allowAutoTopicCreation: false,
    });
    expect(brokers).toMatchObject([{ nodeId: 0, host: '127.0.0.1', port: cluster.brokers.get(0)?.port }]);
    expect(controllerId).toBe(0);
    expect(topics[0]).toMatchObject({ errorCode: 0, name: 'made', topicId, isInternal: false });
    expect(topics[0]?.partitions).toMatchObject(
      [0, 1, 2].map((partitionIndex) => ({
        partitionIndex,
        leaderId: 0,
        leaderEpoch: 0,
        replicaNodes: [0],
        isrNodes: [0],
      })),
    );
  });

  test.each([
    [
      'a replication factor of 3',
      { ...newTopic('three'), replicationFactor: 3 },
      'INVALID_REPLICATION_FACTOR',
      /one replica/,
    ],
    ['no partitions', newTopic('none', 0), 'INVALID_PARTITIONS', /from 1 to/],
    ['a name with a space', newTopic('a b'), 'INVALID_TOPIC_EXCEPTION', /characters other than/],
    ['an unknown setting', newTopic('odd', 1, { 'retention.mss': '1' }), 'INVALID_CONFIG', /did you mean retention.ms/],
    ['a bad value', newTopic('odd', 1, { 'retention.ms': 'long' }), 'INVALID_CONFIG', /retention\.ms/],
    [
      'a broker that is not there',
      { ...newTopic('away', -1), replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [9] }] },
      'INVALID_REPLICA_ASSIGNMENT',
      /broker 9/,
    ],
  ] as const)('%s is refused with a reason', async (_, topic, code, message) => {
    const { topics } = await call('createTopics', { topics: [topic], timeoutMs: 1000 });
    expect(topics[0]).toMatchObject({ errorCode: errorCode[code] });
    expect(topics[0]?.errorMessage).toMatch(message);
  });

  test('a topic that exists is not made again, and validateOnly makes nothing', async () => {
    await create('once');
    expect((await call('createTopics', { topics: [newTopic('once')], timeoutMs: 1000 })).topics[0]).toMatchObject({
      errorCode: errorCode.TOPIC_ALREADY_EXISTS,
    });
    expect(
      (await call('createTopics', { topics: [newTopic('dry', 2)], timeoutMs: 1000, validateOnly: true })).topics[0],
    ).toMatchObject({ errorCode: 0, numPartitions: 2 });
    expect(
      (await call('metadata', { topics: [{ name: 'dry', topicId: zeroUuid }], allowAutoTopicCreation: false }))
        .topics[0],
    ).toMatchObject({ errorCode: errorCode.UNKNOWN_TOPIC_OR_PARTITION });
  });

  test('a topic that is deleted and made again is another topic: a new id, and a log that starts at 0', async () => {
    const before = await create('again');
    await produce('again', batchOf(['old']));
    expect(
      (await call('deleteTopics', { topics: [{ name: 'again', topicId: zeroUuid }], topicNames: [], timeoutMs: 5000 }))
        .responses[0],
    ).toMatchObject({ errorCode: 0 });
    const after = await create('again');
    expect(after).not.toBe(before);
    expect(await fetch('', 0, { version: 13, topicId: before })).toMatchObject({
      errorCode: errorCode.UNKNOWN_TOPIC_ID,
    });
    expect(await fetch('', 0, { version: 13, topicId: after })).toMatchObject({
      errorCode: 0,
      highWatermark: 0,
      values: [],
    });
    expect(await produce('again', batchOf(['new']))).toMatchObject({ errorCode: 0, baseOffset: 0 });
  });

  test('a topic gets more partitions, never fewer', async () => {
    await create('grows', 2);
    const enlarge = (count: number) =>
      call('createPartitions', {
        topics: [{ name: 'grows', count, assignments: null }],
        timeoutMs: 5000,
        validateOnly: false,
      });
    expect((await enlarge(5)).results[0]).toMatchObject({ errorCode: 0 });
    expect(
      (await call('metadata', { topics: [{ name: 'grows', topicId: zeroUuid }], allowAutoTopicCreation: false }))
        .topics[0]?.partitions,
    ).toHaveLength(5);
    expect((await enlarge(3)).results[0]).toMatchObject({ errorCode: errorCode.INVALID_PARTITIONS });
  });

  test('settings are changed one by one, shown with their source, and work at once', async () => {
    await create('tuned', 1, { 'retention.ms': '5000' });
    const alter = (name: string, configOperation: number, value: string | null) =>
      call('incrementalAlterConfigs', {
        resources: [{ resourceType: 2, resourceName: 'tuned', configs: [{ name, configOperation, value }] }],
        validateOnly: false,
      });
    const shown = async (name: string) =>
      (
        await call('describeConfigs', {
          resources: [{ resourceType: 2, resourceName: 'tuned', configurationKeys: [name] }],
        })
      ).results[0]?.configs[0];
    expect(await shown('retention.ms')).toMatchObject({ value: '5000', configSource: 1 });
    expect((await alter('max.message.bytes', 0, '200')).responses[0]).toMatchObject({ errorCode: 0 });
    expect(await shown('max.message.bytes')).toMatchObject({ value: '200', configSource: 1 });
    expect(await produce('tuned', batchOf(['x'.repeat(300)]))).toMatchObject({
      errorCode: errorCode.MESSAGE_TOO_LARGE,
    });
    expect((await alter('max.message.bytes', 1, null)).responses[0]).toMatchObject({ errorCode: 0 });
    expect(await shown('max.message.bytes')).toMatchObject({ value: '1048588', configSource: 5 });
    expect((await alter('max.message.bytes', 0, 'many')).responses[0]).toMatchObject({
      errorCode: errorCode.INVALID_CONFIG,
    });
  });
});

describe('produce and fetch', () => {
  test('batches come back as they were sent, with offsets and epoch, whatever the version', async () => {
    await create('echo');
    for (const version of [3, 5, 7, 8, 9, 11])
      expect(await produce('echo', batchOf(['a', 'b']), { version })).toMatchObject({ errorCode: 0 });
    for (const version of [4, 7, 11, 12]) expect((await fetch('echo', 0, { version })).values).toHaveLength(12);
    expect(await fetch('echo', 7)).toMatchObject({
      highWatermark: 12,
      lastStableOffset: 12,
      logStartOffset: 0,
      abortedTransactions: null,
    });
    expect(await fetch('echo', 7, { isolationLevel: 1 })).toMatchObject({ abortedTransactions: [] });
  });

  test('at least one batch comes however small the limit, and no more than fits after it', async () => {
    await create('large');
    for (const letter of ['a', 'b', 'c']) await produce('large', batchOf([letter.repeat(5000)]));
    expect((await fetch('large', 0, { partitionMaxBytes: 1 })).values).toHaveLength(1);
    expect((await fetch('large', 1, { partitionMaxBytes: 11_000 })).values).toHaveLength(2);
  });

  test('an offset beyond the ends is out of range, and stale or future epochs are told apart', async () => {
    await create('ranges');
    await produce('ranges', batchOf(['a']));
    expect(await fetch('ranges', 2)).toMatchObject({ errorCode: errorCode.OFFSET_OUT_OF_RANGE });
    expect(await fetch('ranges', 1)).toMatchObject({ errorCode: 0, values: [] });
    expect(await fetch('ranges', 0, { epoch: 5 })).toMatchObject({ errorCode: errorCode.UNKNOWN_LEADER_EPOCH });
    expect(await fetch('nowhere', 0)).toMatchObject({ errorCode: errorCode.UNKNOWN_TOPIC_OR_PARTITION });
    expect(await produce('ranges', batchOf(['a']), { partition: 9 })).toMatchObject({
      errorCode: errorCode.UNKNOWN_TOPIC_OR_PARTITION,
    });
  });

  test('a long poll ends with the first record, and without one when its time is over', async () => {
    await create('waits');
    const other = await cluster.connect();
    const started = Date.now();
    expect((await fetch('waits', 0, { maxWaitMs: 150 })).values).toEqual([]);
    expect(Date.now() - started).toBeGreaterThanOrEqual(140);
    const pending = fetch('waits', 0, { maxWaitMs: 10_000 });
    const sent = Date.now();
    await other.call(apis.produce, {
      transactionalId: null,
      acks: 1,
      timeoutMs: 1000,
      topicData: [{ name: 'waits', partitionData: [{ index: 0, records: batchOf(['now']) }] }],
    });
    expect((await pending).values).toEqual(['now']);
    expect(Date.now() - sent).toBeLessThan(2000);
  });

  test('an idempotent batch that is sent twice is there once', async () => {
    await create('idem');
    const { producerId, producerEpoch } = await call('initProducerId', {
      transactionalId: null,
      transactionTimeoutMs: 0,
    });
    const next = await call('initProducerId', { transactionalId: null, transactionTimeoutMs: 0 });
    expect(next.producerId).not.toBe(producerId);
    const send = (baseSequence: number) =>
      produce('idem', batchOf(['a', 'b'], { producerId, producerEpoch, baseSequence }));
    expect(await send(0)).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await send(0)).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await send(7)).toMatchObject({ errorCode: errorCode.OUT_OF_ORDER_SEQUENCE_NUMBER });
    expect((await fetch('idem', 0)).values).toEqual(['a', 'b']);
  });

  test('acks=0 has no answer, and ends the connection when it fails', async () => {
    await create('zero');
    const own = await cluster.connect();
    const send = (topic: string) =>
      own.call(
        apis.produce,
        {
          transactionalId: null,
          acks: 0,
          timeoutMs: 1000,
          topicData: [{ name: topic, partitionData: [{ index: 0, records: batchOf(['quiet']) }] }],
        },
        { timeoutMs: 500 },
      );
    // The client waits for an answer that must not come; the next answer on the wire would be taken for it.
    void send('zero');
    await until(async () => (await fetch('zero', 0)).values.length === 1, 'the record is there');
    void send('nowhere');
    await own.closed;
  });

  test('acks=all is refused where more replicas must be in sync than there are, acks=1 is not', async () => {
    await create('minimum', 1, { 'min.insync.replicas': '2' });
    expect(await produce('minimum', batchOf(['a']))).toMatchObject({ errorCode: errorCode.NOT_ENOUGH_REPLICAS });
    expect(await produce('minimum', batchOf(['a']), { acks: 1 })).toMatchObject({ errorCode: 0, baseOffset: 0 });
  });

  test('control batches, transactions and two batches at once are refused', async () => {
    await create('strict');
    expect(await produce('strict', batchOf(['a'], { isControl: true }))).toMatchObject({
      errorCode: errorCode.INVALID_RECORD,
    });
    expect(await produce('strict', Buffer.concat([batchOf(['a']), batchOf(['b'])]))).toMatchObject({
      errorCode: errorCode.INVALID_RECORD,
    });
    expect(await call('initProducerId', { transactionalId: 't', transactionTimeoutMs: 1000 })).toMatchObject({
      errorCode: errorCode.INVALID_REQUEST,
    });
    await create('compacted', 1, { 'cleanup.policy': 'compact' });
    expect(
      await produce('compacted', buildBatch({ records: [{ key: null, value: Buffer.from('v'), timestampMs: 1 }] })),
    ).toMatchObject({ errorCode: errorCode.INVALID_RECORD });
  });

  test('offsets are found by time, at both ends, and at the greatest time; records before a new start are gone', async () => {
    await create('times');
    await produce('times', batchOf(['a', 'b', 'c']));
    const at = async (timestamp: number) =>
      (
        await call('listOffsets', {
          replicaId: -1,
          isolationLevel: 0,
          topics: [{ name: 'times', partitions: [{ partitionIndex: 0, timestamp }] }],
        })
      ).topics[0]?.partitions[0];
    expect(await at(-1)).toMatchObject({ offset: 3, leaderEpoch: 0 });
    expect(await at(-2)).toMatchObject({ offset: 0 });
    expect(await at(-3)).toMatchObject({ offset: 2, timestamp: 1002 });
    expect(await at(1001)).toMatchObject({ offset: 1, timestamp: 1001 });
    expect(await at(2000)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 });
    expect(
      (
        await call('deleteRecords', {
          topics: [{ name: 'times', partitions: [{ partitionIndex: 0, offset: 2 }] }],
          timeoutMs: 1000,
        })
      ).topics[0]?.partitions[0],
    ).toMatchObject({ errorCode: 0, lowWatermark: 2 });
    expect(await at(-2)).toMatchObject({ offset: 2 });
    expect(await fetch('times', 1)).toMatchObject({ errorCode: errorCode.OFFSET_OUT_OF_RANGE });
  });
});

describe('bytes that are no requests', () => {
  test.each([
    ['random bytes', Buffer.from('fe9a1c0044aa00ff1122334455667788', 'hex')],
    ['a length of 2 GB', Buffer.from('7fffffff00120000', 'hex')],
    ['a negative length', Buffer.from('ffffffff00120000', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['an api that is not served', framed(Buffer.from('03e7000000000001ffff', 'hex'))],
    ['a version that is not served', framed(Buffer.from('0001006300000001ffff', 'hex'))],
    ['a body that is cut', framed(Buffer.from('0000000900000001ffff0000', 'hex'))],
    ['an array that is longer than its frame', framed(Buffer.from('0003000100000001ffff7fffffff', 'hex'))],
  ])('%s: the connection is closed and the broker lives', async (_, bytes) => {
    const socket = connect(cluster.brokers.get(0)?.port as number, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((done) => socket.once('close', done));
    socket.write(bytes);
    socket.resume();
    await closed;
    expect(await call('apiVersions', {}, 0)).toMatchObject({ errorCode: 0 });
  });

  test('answers leave in the order of the requests, though a later one is ready first', async () => {
    await create('order');
    const socket = connect(cluster.brokers.get(0)?.port as number, '127.0.0.1');
    const frames: number[] = [];
    const reader = new FrameReader(1 << 20);
    socket.on('data', (chunk) => reader.push(chunk, (frame) => frames.push(frame.readInt32BE(0))));
    const slow = encodeRequest(apis.fetch, 4, { correlationId: 1, clientId: null }, {
      replicaId: -1,
      maxWaitMs: 200,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 0,
      topics: [{ topic: 'order', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    } as never);
    const quick = [2, 3, 4].flatMap((correlationId) =>
      encodeRequest(apis.apiVersions, 0, { correlationId, clientId: null }, {}),
    );
    socket.write(Buffer.concat([...slow, ...quick]));
    await until(() => frames.length === 4, 'four answers have come');
    expect(frames).toEqual([1, 2, 3, 4]);
    socket.destroy();
  });
});

function framed(body: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

function withVersion(parts: readonly Buffer[], version: number): Buffer[] {
  const bytes = Buffer.concat(parts);
  bytes.writeInt16BE(version, 6);
  return [bytes];
}

/** One frame sent, one frame received, without its size. */
function raw(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(cluster.brokers.get(0)?.port as number, '127.0.0.1');
    const reader = new FrameReader(1 << 20);
    socket.on('error', reject);
    socket.on('data', (chunk) =>
      reader.push(chunk, (frame) => {
        resolve(frame);
        socket.destroy();
      }),
    );
    socket.write(bytes);
  });
}
