import { expect, test } from 'vitest';
import type { ClusterState } from '../../../src/placement/index.ts';
import { clusterLines, parseCluster, parseClusterLines, parsePlan } from '../../../src/placement/json/index.ts';

const state: ClusterState = {
  version: 1,
  brokers: [{ id: 0, zone: 'a' }],
  topics: [{ name: 't', partitions: [{ id: 0, replicas: [0], sizeBytes: 5 }] }],
};

test('a cluster goes out as lines and comes back the same, as one text or read piece by piece', async () => {
  const lines = [...clusterLines(state)];
  expect(parseCluster(JSON.stringify(state))).toEqual({ ok: true, value: state });
  expect(parseCluster(lines.join('\n'))).toEqual({ ok: true, value: state });
  async function* pieces() {
    yield* lines;
  }
  expect(await parseClusterLines(pieces())).toEqual({ ok: true, value: state });
});

test('every wrong field is named by its path', () => {
  const wrong: [unknown, string][] = [
    [{ ...state, version: 2 }, 'version'],
    [{ ...state, brokers: [] }, 'brokers'],
    [{ ...state, brokers: [{ id: 0 }, { id: 0 }] }, 'brokers[1].id'],
    [{ ...state, brokers: [{ id: -1 }] }, 'brokers[0].id'],
    [{ ...state, brokers: [{ id: 0, capacity: { diskBytes: -1 } }] }, 'brokers[0].capacity.diskBytes'],
    [
      { ...state, topics: [{ name: 't', partitions: [{ id: 0, replicas: [7] }] }] },
      'topics[0].partitions[0].replicas[0]',
    ],
    [
      { ...state, topics: [{ name: 't', partitions: [{ id: 0, replicas: [0, 0] }] }] },
      'topics[0].partitions[0].replicas[1]',
    ],
    [{ ...state, topics: [state.topics[0], state.topics[0]] }, 'topics[1].name'],
    [
      { ...state, topics: [{ name: 't', partitions: [{ id: 0, replicas: [0], sizeBytes: 'x' }] }] },
      'topics[0].partitions[0].sizeBytes',
    ],
  ];
  for (const [document, field] of wrong) {
    expect(parseCluster(JSON.stringify(document))).toMatchObject({ ok: false, problem: { field } });
  }
  expect(parseCluster('{')).toMatchObject({ ok: false, problem: { field: '(document)' } });
  expect(parsePlan('{"version":1}')).toMatchObject({ ok: false });
});
