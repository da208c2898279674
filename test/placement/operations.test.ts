import { expect, test } from 'vitest';
import {
  type BrokerState,
  type ClusterState,
  defaultOptions,
  modelAfter,
  modelOf,
  type Operation,
  type Plan,
  type PlanOptions,
  planDocument,
  planOperation,
  reassignmentJson,
  remainingOf,
  riskOf,
  rollbackJson,
  targetOf,
  verify,
} from '../../src/placement/index.ts';

const GB = 1e9;

/** `zones` names the zone of each broker; every partition weighs 1 GB unless said. */
function cluster(
  zones: readonly string[],
  partitions: readonly (readonly number[])[],
  {
    sizes = [],
    brokers = {},
    minInSync = 1,
    capacity = 1000 * GB,
  }: {
    sizes?: readonly number[];
    brokers?: Readonly<Record<number, Partial<BrokerState>>>;
    minInSync?: number;
    capacity?: number;
  } = {},
): ClusterState {
  return {
    version: 1,
    brokers: zones.map((zone, id) => ({ id, zone, capacity: { diskBytes: capacity }, ...brokers[id] })),
    topics: [
      {
        name: 't',
        minInSyncReplicas: minInSync,
        partitions: partitions.map((replicas, id) => ({ id, replicas, sizeBytes: (sizes[id] ?? 1) * GB })),
      },
    ],
  };
}

function plan(state: ClusterState, operation: Operation, options: Partial<PlanOptions> = {}): Plan {
  const result = planOperation(modelOf(state), operation, { ...defaultOptions, ...options });
  if (!result.ok) throw new Error(`${result.problem.field}: ${result.problem.message}`);
  const { model, target, schedule } = result.value;
  const claim = { model, target, rows: schedule.rows, first: schedule.first };
  expect(verify(claim, result.value.options).filter(({ kind }) => kind === 'introduced')).toEqual([]);
  return result.value;
}

const held = ({ model, target }: Plan): number[][] =>
  Array.from(model.topicOf, (_, row) =>
    Array.from(target.subarray(row * model.width, (row + 1) * model.width))
      .filter((broker) => broker !== -1)
      .map((broker) => model.brokerIds[broker]!),
  );
const countOn = (made: Plan, id: number): number => held(made).filter((ids) => ids.includes(id)).length;
const repeat = <Value>(count: number, of: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, at) => of(at));

test('a removed broker loses everything, only its bytes are copied, and zones stay covered', () => {
  const state = cluster(
    ['a', 'a', 'b', 'b'],
    repeat(12, (at) => [at % 2, 2 + (at % 2)]),
  );
  const made = plan(state, { kind: 'remove', brokers: [1] });
  expect(countOn(made, 1)).toBe(0);
  expect(countOn(made, 0)).toBe(12);
  expect(made.cost.bytes).toBe(6 * GB);
  expect(made.bounds.bytes).toBe(6 * GB);
});

test('an added broker gets its share and nothing moves between the others', () => {
  const state = cluster(
    ['a', 'a', 'a'],
    repeat(30, (at) => [at % 2]),
  );
  const made = plan(state, { kind: 'add', brokers: [2] });
  expect(countOn(made, 2)).toBeGreaterThanOrEqual(9);
  expect(made.cost.bytes).toBe(countOn(made, 2) * GB);
});

test('a replaced broker hands its replicas to its successor in the same columns', () => {
  const state = cluster(
    ['a', 'b', 'b'],
    repeat(6, (at) => (at % 2 === 0 ? [0, 1] : [1, 0])),
  );
  const made = plan(state, { kind: 'replace', broker: 1, by: 2 });
  expect(held(made)).toEqual(repeat(6, (at) => (at % 2 === 0 ? [0, 2] : [2, 0])));
});

test('a broker that is away is left alone until the time-out, and replaced after it', () => {
  const away = (awayForMs: number) =>
    cluster(
      ['a', 'b', 'c', 'c'],
      repeat(6, () => [0, 1, 2]),
      { brokers: { 2: { state: 'away', awayForMs } } },
    );
  expect(plan(away(14 * 60_000), { kind: 'repair' }).cost.partitions).toBe(0);
  const made = plan(away(15 * 60_000), { kind: 'repair' });
  expect(countOn(made, 2)).toBe(0);
  expect(countOn(made, 3)).toBe(6);
});

test('a lost zone is evacuated where other zones have room for a copy, and waited for where they have not', () => {
  const four = cluster(
    ['a', 'b', 'c', 'd'],
    repeat(8, (at) => [at % 4, (at + 1) % 4, (at + 2) % 4]),
  );
  const evacuated = plan(four, { kind: 'zoneLost', zone: 'd' });
  expect(countOn(evacuated, 3)).toBe(0);
  const three = cluster(
    ['a', 'b', 'c', 'c'],
    repeat(8, () => [0, 1, 2]),
    { minInSync: 2 },
  );
  const waiting = plan(three, { kind: 'zoneLost', zone: 'b' });
  expect(waiting.cost.bytes).toBe(0);
  expect(waiting.problems).toMatchObject([{ goal: 'H4', reason: expect.stringContaining('one more broker') }]);
  const told = plan(three, { kind: 'zoneLost', zone: 'b' }, { sameZoneAllowed: true });
  expect(countOn(told, 3)).toBe(8);
});

test('a zone that comes back empty gets its share again', () => {
  const state = cluster(
    ['a', 'b', 'c'],
    repeat(30, (at) => (at % 2 === 0 ? [0, 1] : [1, 0])),
  );
  const made = plan(state, { kind: 'zoneBack', zone: 'c' });
  expect(countOn(made, 2)).toBeGreaterThanOrEqual(18);
});

test('a relabelled zone moves only the partitions that the label makes uneven', () => {
  const state = cluster(
    ['a', 'b', 'a', 'b'],
    [
      [0, 1],
      [2, 3],
      [0, 3],
    ],
  );
  const made = plan(state, { kind: 'zoneRelabel', brokers: [{ id: 3, zone: 'a' }] });
  expect(held(made)[0]).toEqual([0, 1]);
  expect(made.cost.copies).toBe(2);
  for (const ids of held(made)) expect(ids).toContain(1);
});

test('a higher replication factor copies exactly what is added, a lower one copies nothing', () => {
  const state = cluster(
    ['a', 'b', 'c'],
    repeat(9, (at) => [at % 3, (at + 1) % 3]),
  );
  const more = plan(state, { kind: 'replicationFactor', factor: 3 });
  expect(more.cost.bytes).toBe(9 * GB);
  held(more).forEach((ids, at) => {
    expect(ids.slice(0, 2).sort()).toEqual([at % 3, (at + 1) % 3].sort());
  });
  const fewer = plan(state, { kind: 'replicationFactor', factor: 1 });
  expect(fewer.cost.bytes).toBe(0);
  for (const id of [0, 1, 2]) expect(countOn(fewer, id)).toBe(3);
});

test('leaders are evened at no bytes', () => {
  const state = cluster(
    ['a', 'b', 'c'],
    repeat(12, () => [0, 1, 2]),
  );
  const made = plan(state, { kind: 'rebalance', leadersOnly: true });
  expect(made.cost.bytes).toBe(0);
  for (const id of [0, 1, 2]) {
    const leading = held(made).filter(([leader]) => leader === id).length;
    expect(leading).toBeGreaterThanOrEqual(3);
    expect(leading).toBeLessThanOrEqual(5);
  }
});

test('one topic is spread to within one replica, one zone is evened without touching others', () => {
  const state = cluster(
    ['a', 'a', 'b', 'b'],
    repeat(10, () => [0, 2]),
  );
  const topic = plan(state, { kind: 'rebalance', topic: 't' });
  expect([0, 1, 2, 3].map((id) => countOn(topic, id))).toEqual([5, 5, 5, 5]);
  const zone = plan(state, { kind: 'rebalance', zone: 'b' });
  expect(countOn(zone, 0)).toBe(10);
  expect(countOn(zone, 3)).toBeGreaterThanOrEqual(4);
});

test('a full disk is relieved within the budget of bytes and nothing else moves', () => {
  const state = cluster(
    ['a', 'a'],
    repeat(95, () => [0]),
    { capacity: 100 * GB },
  );
  const made = plan(state, { kind: 'relieve', use: 0.8 });
  expect(made.cost.bytes).toBe(15 * GB);
  const bounded = plan(state, { kind: 'relieve', use: 0.8 }, { maxBytes: 5 * GB });
  expect(bounded.cost.bytes).toBe(5 * GB);
});

test('a removed disk hands its replicas to the other disks of the broker', () => {
  const disks = [
    { path: '/a', sizeBytes: 100 * GB },
    { path: '/b', sizeBytes: 100 * GB },
  ];
  const base = cluster(
    ['a'],
    repeat(4, () => [0]),
    { brokers: { 0: { capacity: {}, disks } } },
  );
  const state = {
    ...base,
    topics: base.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((partition) => ({ ...partition, disks: [partition.id < 3 ? '/a' : '/b'] })),
    })),
  };
  const made = plan(state, { kind: 'removeDisks', broker: 0, paths: ['/a'] });
  expect(made.cost.bytes).toBe(0);
  expect(made.diskMoves.map(({ from, to }) => [from, to])).toEqual(repeat(3, () => ['/a', '/b']));
  expect(reassignmentJson(made).partitions[0]).toMatchObject({ replicas: [0], log_dirs: ['/b'] });
});

test('replicas move from one broker to another as told, and what cannot is said', () => {
  const state = cluster(
    ['a', 'a', 'b'],
    [
      [0, 2],
      [0, 1],
    ],
  );
  const made = plan(state, { kind: 'move', from: 0, to: 1 });
  expect(held(made)[0]).toEqual([1, 2]);
  expect(made.problems).toHaveLength(1);
});

test('copysets keep each broker to a few peers and make two deaths harmless more often', () => {
  const zones = repeat(30, (at) => `z${at % 3}`);
  const state = cluster(
    zones,
    repeat(600, (at) => [at % 30, (at + 1 + 3 * (at % 7)) % 30, (at + 2 + 3 * (at % 5)) % 30]),
    { minInSync: 2 },
  );
  const made = plan(state, { kind: 'copysets' }, { scatterWidth: 4 });
  const before = riskOf(made.model, made.model.replicas);
  const after = riskOf(made.model, made.target);
  expect(after.scatter.most).toBeLessThanOrEqual(4);
  expect(after.twoDeathsUnderMinInSync).toBeLessThan(before.twoDeathsUnderMinInSync / 3);
});

test('too little room is said with the broker that would help', () => {
  const state = cluster(
    ['lucerne', 'lucerne', 'geneva'],
    repeat(8, () => [0, 2]),
    { capacity: 10 * GB, brokers: { 1: { capacity: { diskBytes: 3 * GB } } } },
  );
  const made = plan(state, { kind: 'remove', brokers: [0] });
  expect(made.problems[0]).toMatchObject({
    goal: 'H6',
    remedy: expect.stringMatching(/add 1 broker in zone lucerne with .* GiB/),
  });
});

test('a broker, topic or zone that is not there is refused with the field named', () => {
  const model = modelOf(cluster(['a'], [[0]]));
  const refused = (operation: Operation) => planOperation(model, operation, defaultOptions);
  expect(refused({ kind: 'remove', brokers: [7] })).toMatchObject({ ok: false, problem: { field: 'brokers' } });
  expect(refused({ kind: 'remove', brokers: [0] })).toMatchObject({ ok: false, problem: { field: 'brokers' } });
  expect(refused({ kind: 'rebalance', topic: 'x' })).toMatchObject({ ok: false, problem: { field: 'topic' } });
  expect(refused({ kind: 'zoneLost', zone: 'x' })).toMatchObject({ ok: false, problem: { field: 'zone' } });
  expect(refused({ kind: 'replicationFactor', factor: 2 })).toMatchObject({ ok: false, problem: { field: 'factor' } });
});

test('batches keep their limits, and a plan cut anywhere resumes without moving anything twice', () => {
  const state = cluster(
    ['a', 'a', 'b', 'b'],
    repeat(40, (at) => [at % 2, 2 + (at % 2)]),
  );
  const batch = { ...defaultOptions.batch, movesPerBroker: 3, partitions: 5 };
  const made = plan(state, { kind: 'remove', brokers: [1] }, { batch });
  const document = planDocument(made);
  for (const changes of document.batches) expect(changes.length).toBeLessThanOrEqual(5);
  const now = new Map(document.batches.flat().map(({ partition, from }) => [partition, from]));
  for (const { partition, to } of document.batches.slice(0, 2).flat()) now.set(partition, to);
  const rest = remainingOf(document, (_, partition) => now.get(partition));
  const moved = document.batches.slice(0, 2).flat().length;
  expect(rest).toMatchObject({ ok: true, value: { done: moved, left: document.batches.flat().length - moved } });
  const last = document.batches.flat().at(-1)!;
  // Kafka may give a partition whose move was cancelled its replicas back in another order.
  now.set(last.partition, last.from.toReversed());
  expect(remainingOf(document, (_, partition) => now.get(partition))).toEqual(rest);
  now.set(last.partition, [0, 1]);
  expect(remainingOf(document, (_, partition) => now.get(partition))).toMatchObject({ ok: false });
});

test('the reassignment form goes out and comes back, and the way back is the start', () => {
  const made = plan(
    cluster(
      ['a', 'a'],
      repeat(10, () => [0]),
    ),
    { kind: 'rebalance' },
  );
  const back = targetOf(made.model, reassignmentJson(made));
  expect(back.ok && [...back.value.target]).toEqual([...made.target]);
  const rolledBack = targetOf(modelAfter(made.model, made.target), rollbackJson(made));
  expect(rolledBack.ok && [...rolledBack.value.target]).toEqual([...made.model.replicas]);
});

test('the hash changes with the input, the operation and the options, and with nothing else', () => {
  const state = cluster(
    ['a', 'a'],
    repeat(10, () => [0]),
  );
  const hash = plan(state, { kind: 'rebalance' }).hash;
  expect(plan(structuredClone(state), { kind: 'rebalance' }).hash).toBe(hash);
  expect(plan(state, { kind: 'rebalance' }, { band: 0.06 }).hash).not.toBe(hash);
  expect(
    plan(
      cluster(
        ['a', 'a'],
        repeat(11, () => [0]),
      ),
      { kind: 'rebalance' },
    ).hash,
  ).not.toBe(hash);
});

test('the verifier finds what a wrong plan does', () => {
  const state = cluster(
    ['a', 'a', 'b'],
    repeat(2, () => [0, 2]),
    { minInSync: 2, capacity: 3 * GB },
  );
  const { model } = plan(state, { kind: 'place' });
  const wrong = (target: readonly number[]) =>
    verify(
      { model, target: Int32Array.from(target), rows: Int32Array.of(0, 1), first: Int32Array.of(0, 2) },
      defaultOptions,
    )
      .filter(({ kind }) => kind === 'introduced')
      .map(({ goal }) => goal);
  expect(wrong([0, 0, 1, 2])).toContain('H1');
  expect(wrong([0, 1, 1, 2])).toContain('H3');
  expect(wrong([0, -1, 1, 2])).toContain('H2');
  expect(wrong([0, 2, 1, 2])).toContain('S8');
});
