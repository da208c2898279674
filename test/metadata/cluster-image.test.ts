import { expect, test } from 'vitest';
import {
  applyDelta,
  type BrokerNode,
  emptyImage,
  MetadataStore,
  type PartitionChange,
  type PartitionState,
} from '../../src/metadata/index.ts';
import type { Uuid } from '../../src/protocol/kafka/index.ts';

const idA = 'aaaaaaaaaaaaaaaaaaaaaA' as Uuid;
const idB = 'bbbbbbbbbbbbbbbbbbbbbA' as Uuid;
const broker = (id: number): [number, BrokerNode] => [
  id,
  { id, endpoints: new Map([['PLAINTEXT', { host: 'h', port: 9092 + id }]]), rack: null },
];
const state = (leader: number, leaderEpoch = 0): PartitionState => ({
  leader,
  leaderEpoch,
  partitionEpoch: 0,
  controllerEpoch: 1,
  replicas: [leader],
  inSyncReplicas: [leader],
  offlineReplicas: [],
});
const change = (partition: number, to: PartitionChange['state'], topicId = idA): PartitionChange => ({
  topic: 't',
  topicId,
  partition,
  state: to,
});
const brokers = new Map([broker(0), broker(1)]);

test('a delta changes what it names and leaves the earlier image as it was', () => {
  const first = applyDelta(emptyImage, {
    controllerId: 0,
    brokers,
    partitions: [change(0, state(0)), change(1, state(1))],
  });
  const second = applyDelta(first, {
    controllerId: 1,
    brokers: new Map([broker(1)]),
    partitions: [change(0, state(1, 1))],
  });
  expect(first.topics.get('t')?.partitions.map((each) => each?.leader)).toEqual([0, 1]);
  expect(second.topics.get('t')?.partitions.map((each) => each?.leader)).toEqual([1, 1]);
  expect([second.controllerId, [...second.brokers.keys()], second.namesById.get(idA)]).toEqual([1, [1], 't']);
});

test('a topic is gone when its last partition is deleted', () => {
  const there = applyDelta(emptyImage, {
    controllerId: 0,
    brokers,
    partitions: [change(0, state(0)), change(1, state(1))],
  });
  const half = applyDelta(there, { controllerId: 0, brokers, partitions: [change(0, 'deleted')] });
  expect(half.topics.has('t')).toBe(true);
  const gone = applyDelta(half, { controllerId: 0, brokers, partitions: [change(1, 'deleted')] });
  expect([gone.topics.size, gone.namesById.size]).toEqual([0, 0]);
  expect(applyDelta(gone, { controllerId: 0, brokers, partitions: [change(0, 'deleted')] }).topics.size).toBe(0);
});

test('a topic of the same name with another id is a new topic: nothing of the old one is left', () => {
  const old = applyDelta(emptyImage, {
    controllerId: 0,
    brokers,
    partitions: [change(0, state(0, 7)), change(1, state(1, 7))],
  });
  const next = applyDelta(old, { controllerId: 0, brokers, partitions: [change(0, state(1), idB)] });
  expect(next.topics.get('t')).toMatchObject({ topicId: idB, partitions: [{ leader: 1, leaderEpoch: 0 }] });
  expect([next.namesById.get(idA), next.namesById.get(idB)]).toEqual([undefined, 't']);
});

test('partitions that come out of order leave holes until all have come', () => {
  const image = applyDelta(emptyImage, { controllerId: 0, brokers, partitions: [change(2, state(0))] });
  expect(image.topics.get('t')?.partitions.map((each) => each?.leader)).toEqual([undefined, undefined, 0]);
});

test('who waits for an image is told once it is there, or when the time is over', async () => {
  const store = new MetadataStore();
  const timers: (() => void)[] = [];
  const after = (_: number, call: () => void) => {
    timers.push(call);
    return { cancel: () => undefined };
  };
  const there = store.waitFor((image) => image.controllerId === 4, 1000, after);
  const never = store.waitFor((image) => image.controllerId === 5, 1000, after);
  store.publish({ controllerId: 4, brokers, partitions: [] });
  timers[1]?.();
  expect([await there, await never]).toEqual([true, false]);
});
