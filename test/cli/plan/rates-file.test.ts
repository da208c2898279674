import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readRates, withRates } from '../../../src/cli/plan/rates-file.ts';
import type { ClusterState } from '../../../src/placement/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'hikube-rates-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'rates.json');

const cluster: ClusterState = {
  version: 1,
  brokers: [1, 2].map((id) => ({ id, capacity: { diskBytes: 100 } })),
  topics: [{ name: 'orders', partitions: [0, 1].map((id) => ({ id, replicas: [1, 2], inBytesPerSecond: 7 })) }],
};

async function merged(rates: unknown): Promise<ClusterState> {
  writeFileSync(path, JSON.stringify(rates));
  return withRates(cluster, await readRates(path), path);
}

test('capacities are added to those that were read, and a rate of a topic is shared by its partitions', async () => {
  const { brokers, topics } = await merged({
    brokers: [{ id: 2, node: 'n2', capacity: { inBytesPerSecond: 50 } }],
    topics: [{ name: 'orders', outBytesPerSecond: 30, partitions: [{ id: 1, outBytesPerSecond: 20 }] }],
  });
  expect(brokers).toEqual([
    { id: 1, capacity: { diskBytes: 100 } },
    { id: 2, node: 'n2', capacity: { diskBytes: 100, inBytesPerSecond: 50 } },
  ]);
  expect(topics[0]!.partitions).toEqual([
    { id: 0, replicas: [1, 2], inBytesPerSecond: 7, outBytesPerSecond: 15 },
    { id: 1, replicas: [1, 2], inBytesPerSecond: 7, outBytesPerSecond: 20 },
  ]);
});

test('what the cluster does not have, or is not a number, is refused with its place', async () => {
  const wrong: [unknown, string][] = [
    [{ brokers: [{ id: 3 }] }, 'brokers[0].id'],
    [{ topics: [{ name: 'orders' }, { name: 'none' }] }, 'topics[1].name'],
    [{ topics: [{ name: 'orders', partitions: [{ id: 5 }] }] }, 'topics[0].partitions[0].id'],
    [{ brokers: [{ id: 1, capacity: { diskBytes: '1 TB' } }] }, 'brokers[0].capacity.diskBytes'],
    [{ topics: [{ name: 'orders', outBytes: 1 }] }, 'topics[0]'],
  ];
  for (const [rates, field] of wrong) await expect(merged(rates)).rejects.toMatchObject({ field: `${path}: ${field}` });
  await expect(readRates(join(folder, 'none'))).rejects.toMatchObject({ field: '--rates' });
});
