import fc from 'fast-check';
import { expect, test } from 'vitest';
import { electedLeader } from '../../../src/broker/controller/controller-context.ts';
import {
  brokerData,
  configChangeData,
  configData,
  controllerData,
  parseBroker,
  parseClusterId,
  parseConfig,
  parseConfigChange,
  parseController,
  parsePartitionState,
  parseProducerIdBlock,
  parseTopic,
  partitionStateData,
  producerIdBlockData,
  topicData,
} from '../../../src/broker/controller/znodes.ts';
import type { Uuid } from '../../../src/protocol/kafka/index.ts';

const topicId = 'rXhzGLmbTVGb3WDAhqvkZA' as Uuid;

test('what is written reads back', () => {
  const broker = {
    id: 3,
    endpoints: [{ listener: 'EXTERNAL', protocol: 'PLAINTEXT', host: '2001:db8::1', port: 9094 }],
    rack: 'b',
  };
  expect(parseBroker(3, brokerData(broker, 5))).toEqual(broker);
  const topic = {
    topicId,
    partitions: new Map([
      [0, [1, 2]],
      [1, [2, 1]],
    ]),
  };
  expect(parseTopic(topicData(topic))).toEqual(topic);
  const state = { leader: -1, leaderEpoch: 4, inSyncReplicas: [2], controllerEpoch: 9 };
  expect(parsePartitionState(partitionStateData(state))).toEqual(state);
  expect(parseController(controllerData(7, 1))).toBe(7);
  expect(parseConfig(configData({ 'retention.ms': '5' }))).toEqual({ 'retention.ms': '5' });
  expect(parseConfigChange(configChangeData('topics/a.b'))).toBe('a.b');
  expect(parseProducerIdBlock(producerIdBlockData({ brokerId: 1, first: 1000, last: 1999 }))).toBe(1999);
});

test('documents as Apache Kafka 3.9 and older ones write them are read', () => {
  const read = (text: string) => Buffer.from(text);
  expect(parseClusterId(read('{"version":"1","id":"ym69idRGTmyVECEbnuKqUA"}'))).toBe('ym69idRGTmyVECEbnuKqUA');
  expect(
    parseTopic(
      read(
        '{"removing_replicas":{},"partitions":{"0":[0]},"topic_id":"rXhzGLmbTVGb3WDAhqvkZA","adding_replicas":{},"version":3}',
      ),
    )?.topicId,
  ).toBe(topicId);
  expect(parseTopic(read('{"version":1,"partitions":{"1":[1],"0":[2]}}'))).toEqual({
    topicId: undefined,
    partitions: new Map([
      [0, [2]],
      [1, [1]],
    ]),
  });
  expect(
    parsePartitionState(read('{"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]}')),
  ).toMatchObject({ leader: 0 });
  const v5 =
    '{"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://127.0.0.1:9092"],"jmx_port":-1,"port":9092,"host":"127.0.0.1","version":5,"timestamp":"1"}';
  expect(parseBroker(0, read(v5))).toEqual({
    id: 0,
    endpoints: [{ listener: 'PLAINTEXT', protocol: 'PLAINTEXT', host: '127.0.0.1', port: 9092 }],
    rack: null,
  });
  expect(parseProducerIdBlock(undefined)).toBe(-1);
});

test('whatever stands in a node, reading it never throws', () => {
  const parsers = [
    parseClusterId,
    parseController,
    parseTopic,
    parsePartitionState,
    parseConfig,
    parseConfigChange,
    parseProducerIdBlock,
    (data: Buffer) => parseBroker(1, data),
  ];
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (data) => {
        for (const parse of parsers) parse(data);
      },
    ),
  );
});

test('a leader is the first replica in sync whose broker lives; the last in sync stays while it is away', () => {
  const state = {
    leader: 1,
    leaderEpoch: 3,
    inSyncReplicas: [1, 2],
    controllerEpoch: 1,
    partitionEpoch: 0,
    writtenAt: 100,
  };
  const live =
    (...epochs: [number, number][]) =>
    (id: number) =>
      new Map(epochs).get(id);
  expect(electedLeader({ replicas: [1, 2, 3], state: undefined }, live([2, 5], [3, 6]))).toBe(2);
  expect(electedLeader({ replicas: [1, 2, 3], state }, live([1, 50], [2, 60]))).toBeUndefined();
  expect(electedLeader({ replicas: [1, 2, 3], state }, live([2, 60], [3, 70]))).toBe(2);
  expect(electedLeader({ replicas: [1, 2, 3], state }, live([3, 70]))).toBe(-1);
  expect(
    electedLeader({ replicas: [1], state: { ...state, leader: -1, inSyncReplicas: [1] } }, live([3, 70])),
  ).toBeUndefined();
  expect(electedLeader({ replicas: [1], state: { ...state, leader: -1, inSyncReplicas: [1] } }, live([1, 200]))).toBe(
    1,
  );
  // Registered after its leadership was written: it has restarted, so a new leadership begins.
  expect(electedLeader({ replicas: [1], state: { ...state, inSyncReplicas: [1] } }, live([1, 101]))).toBe(1);
});
