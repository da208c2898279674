import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BrokerId, brokerId } from '../../src/base/index.ts';
import { type CandidateBroker, type PlacedTopic, placeNewTopics } from '../../src/placement/index.ts';
import { zoneSpread } from '../../src/placement/zone-spread.ts';

const brokers = (racks: readonly (string | undefined)[], counts: readonly number[] = []): CandidateBroker[] =>
  racks.map((rack, index) => ({
    id: brokerId(index),
    rack,
    state: 'active',
    replicaCount: counts[index] ?? 0,
    leaderCount: 0,
  }));

function placed(result: ReturnType<typeof placeNewTopics>): readonly PlacedTopic[] {
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
}

const countOf = (lists: readonly (readonly BrokerId[])[], id: number) =>
  lists.filter((replicas) => replicas.includes(brokerId(id))).length;

test('a topic over three zones has one replica of each partition in each zone and an equal share on each broker', () => {
  const [topic] = placed(
    placeNewTopics(brokers(['a', 'a', 'b', 'b', 'c', 'c']), [{ name: 't', partitionCount: 12, replicationFactor: 3 }]),
  );
  for (const replicas of topic!.replicas) {
    expect(new Set(replicas.map((id) => Math.floor(id / 2))).size).toBe(3);
  }
  for (let id = 0; id < 6; id++) {
    expect(countOf(topic!.replicas, id)).toBe(6);
    expect(topic!.replicas.filter(([leader]) => leader === id)).toHaveLength(2);
  }
});

test('a topic created one partition at a time goes to the emptiest broker of each zone', () => {
  const [topic] = placed(
    placeNewTopics(brokers(['a', 'a', 'b', 'b'], [5, 2, 7, 9]), [
      { name: 't', partitionCount: 1, replicationFactor: 2 },
    ]),
  );
  expect([...topic!.replicas[0]!].sort()).toEqual([1, 2]);
});

test('new partitions of a topic go where the topic has none yet', () => {
  const [topic] = placed(
    placeNewTopics(brokers([undefined, undefined, undefined]), [
      {
        name: 't',
        partitionCount: 1,
        replicationFactor: 2,
        existing: [
          [brokerId(0), brokerId(1)],
          [brokerId(0), brokerId(1)],
        ],
      },
    ]),
  );
  expect(topic!.replicas[0]).toContain(2);
});

test('draining, cordoned, dead and away brokers receive nothing', () => {
  const states = ['draining', 'cordoned', 'dead', 'away', 'active', 'active'] as const;
  const candidates = states.map((state, index) => ({
    id: brokerId(index),
    state,
    replicaCount: 0,
    leaderCount: 0,
  }));
  const [topic] = placed(placeNewTopics(candidates, [{ name: 't', partitionCount: 5, replicationFactor: 2 }]));
  for (const replicas of topic!.replicas) expect([...replicas].sort()).toEqual([4, 5]);
  const refused = placeNewTopics(candidates, [{ name: 't', partitionCount: 1, replicationFactor: 3 }]);
  expect(refused).toMatchObject({ ok: false, problem: { kind: 'tooFewBrokers', topic: 't' } });
});

test('a broker at its limit of replicas is passed over, and all at their limit is refused', () => {
  const candidates = brokers(['a', 'a', 'b']).map((broker) => ({ ...broker, maxReplicas: 2 }));
  const topic = placed(placeNewTopics(candidates, [{ name: 't', partitionCount: 2, replicationFactor: 2 }]))[0]!;
  expect(countOf(topic.replicas, 2)).toBe(2);
  const more = placeNewTopics(candidates, [{ name: 't', partitionCount: 4, replicationFactor: 2 }]);
  expect(more).toMatchObject({ ok: false, problem: { kind: 'replicaLimitReached' } });
});

test('a zone with one broker holds one replica, and the others share the rest evenly', () => {
  expect([...zoneSpread([5, 5, 1], 5).most]).toEqual([2, 2, 1]);
  expect([...zoneSpread([5, 5, 1], 5).least]).toEqual([2, 2, 1]);
  expect([...zoneSpread([5, 5, 1], 4).least]).toEqual([1, 1, 1]);
  expect([...zoneSpread([3, 3], 3).most]).toEqual([2, 2]);
  expect([...zoneSpread([3, 3, 3, 3], 3).least]).toEqual([0, 0, 0, 0]);
  expect(zoneSpread([1, 1], 3).places).toBe(2);
});

test('any cluster and topic: distinct brokers, zones as even as they can be, at most one apart inside a zone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(50), { minLength: 12, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 40 }),
      (racks, counts, factor, partitionCount) => {
        fc.pre(factor <= racks.length);
        const candidates = brokers(racks, counts);
        const topics = [{ name: 't', partitionCount, replicationFactor: factor }];
        const first = placed(placeNewTopics(candidates, topics));
        expect(placed(placeNewTopics([...candidates].reverse(), topics))).toEqual(first);
        const names = [...new Set(racks)].sort();
        const spread = zoneSpread(
          names.map((name) => racks.filter((rack) => rack === name).length),
          factor,
        );
        for (const replicas of first[0]!.replicas) {
          expect(new Set(replicas).size).toBe(factor);
          names.forEach((name, zone) => {
            const held = replicas.filter((id) => racks[id] === name).length;
            expect(held).toBeGreaterThanOrEqual(spread.least[zone]!);
            expect(held).toBeLessThanOrEqual(spread.most[zone]!);
          });
        }
        for (const name of names) {
          const held = racks.flatMap((rack, id) => (rack === name ? [countOf(first[0]!.replicas, id)] : []));
          expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
        }
      },
    ),
    { numRuns: 300 },
  );
});
