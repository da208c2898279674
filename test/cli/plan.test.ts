import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/plan.ts';
import type { ClusterState } from '../../src/placement/index.ts';
import { parseReassignment } from '../../src/placement/json/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'hikube-plan-'));
afterAll(() => rmSync(folder, { recursive: true }));
const main = resolve(import.meta.dirname, '../../src/main.ts');

const cluster: ClusterState = {
  version: 1,
  brokers: ['lucerne', 'geneva', 'zurich', 'zurich'].map((zone, id) => ({ id, zone, capacity: { diskBytes: 1e12 } })),
  topics: [
    {
      name: 'orders',
      minInSyncReplicas: 2,
      partitions: Array.from({ length: 6 }, (_, id) => ({ id, replicas: [0, 1, 2], sizeBytes: 1e10 })),
    },
  ],
};
const file = join(folder, 'cluster.json');
writeFileSync(file, JSON.stringify(cluster));

function plan(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'plan', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('a plan for a person shows costs, goals, bars by zone and broker, and the risk', () => {
  const { status, stdout } = plan('rebalance', '--cluster', file);
  expect(status).toBe(0);
  for (const part of ['Changes', 'H3', 'zone spread', '█', 'lucerne', 'two brokers die', 'x the least possible']) {
    expect(stdout).toContain(part);
  }
});

test('the same plan comes as JSON and in the form of kafka-reassign-partitions, and verify passes it', () => {
  const json = JSON.parse(plan('remove', '--brokers', '2', '--cluster', file, '--output', 'json').stdout);
  expect(json).toMatchObject({
    version: 1,
    operation: { kind: 'remove' },
    cost: { bytes: 6e10 },
    bounds: { bytes: 6e10 },
  });
  const kafka = plan('remove', '--brokers', '2', '--cluster', file, '--output', 'kafka').stdout;
  expect(parseReassignment(kafka)).toMatchObject({ ok: true, value: { partitions: { length: 6 } } });
  const path = join(folder, 'reassignment.json');
  writeFileSync(path, kafka);
  expect(plan('verify', '--cluster', file, '--reassignment', path)).toMatchObject({ status: 0 });
  writeFileSync(
    path,
    JSON.stringify({ version: 1, partitions: [{ topic: 'orders', partition: 0, replicas: [0, 2, 3] }] }),
  );
  const broken = plan('verify', '--cluster', file, '--reassignment', path);
  expect(broken.status).toBe(2);
  expect(broken.stdout).toContain('H3');
});

test('wrong or impossible input names its field and ends with code 2', async () => {
  const wrong: [string[], string][] = [
    [['remove', '--brokers', '9', '--cluster', file], '--brokers'],
    [['remove', '--brokers', '1', '--disks', '/x', '--cluster', file], '--disks'],
    [['zone', '--lost', 'bern', '--cluster', file], '--lost'],
    [['zone', '--relabel', '9=bern', '--cluster', file], '--relabel'],
    [['replace', '--broker', '1', '--by', '1', '--topics', 'orders', '--cluster', file], '--by'],
    [['rebalance', '--copysets', '--cluster', file], '--scatter-width'],
    [['add', '--brokers', 'x', '--cluster', file], '--brokers'],
    [['rf', '--factor', '9', '--cluster', file], '--factor'],
    [['rebalance', '--band', 'wide', '--cluster', file], '--band'],
    [['rebalance', '--cluster', join(folder, 'none.json')], '--cluster'],
    [['rebalance'], '--cluster'],
    [['rebalance', '--cluster', file, '--execute'], '--execute'],
    [['rebalance', '--cluster', file, '--approve', 'abc'], '--approve'],
    [['zone', '--cluster', file], '--lost'],
    [['remove', '--cluster', file], '--brokers'],
    [['rebalance', '--cluster', file, '--throttle', 'slow'], '--throttle'],
    [['rebalance', '--bootstrap', 'nowhere', '--cluster', file], '--cluster'],
    [['rebalance', '--bootstrap', 'nowhere'], '--bootstrap'],
    [['resume', '--bootstrap', '127.0.0.1:1'], '--state'],
    [['rebalance', '--cluster', file, '--earlier', join(folder, 'none.json')], '--earlier'],
  ];
  for (const [args, field] of wrong) {
    // In this process: a new one for each would take most of the time of all tests.
    let stderr = '';
    const written = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      stderr += String(text);
      return true;
    });
    const shown = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const code = await run(args);
    written.mockRestore();
    shown.mockRestore();
    // On a busy machine a line before it says what takes long.
    const said = stderr.trim().split('\n').at(-1)!;
    expect([args, said.split(':')[0], code]).toEqual([args, field, 2]);
  }
});

test('an earlier plan is carried on with, noise after it moves nothing, and one of another operation is refused', () => {
  const kept = join(folder, 'kept.json');
  const text = plan('rebalance', '--cluster', file, '--output', 'json').stdout;
  writeFileSync(kept, text);
  const { batches } = JSON.parse(text) as { batches: { partition: number; to: number[] }[][] };
  const changes = batches.flat();
  expect(changes.length).toBeGreaterThan(0);
  const after = (count: number, noise: number): string => {
    const [orders] = cluster.topics;
    const partitions = orders!.partitions.map((partition) => ({
      ...partition,
      replicas: changes.slice(0, count).find((change) => change.partition === partition.id)?.to ?? partition.replicas,
      sizeBytes: 1e10 * (partition.id % 2 === 0 ? 1 + noise : 1 - noise),
    }));
    const path = join(folder, 'after.json');
    writeFileSync(path, JSON.stringify({ ...cluster, topics: [{ ...orders, partitions }] }));
    return path;
  };
  const again = (path: string, ...args: string[]) =>
    plan('rebalance', '--cluster', path, '--earlier', kept, '--output', 'json', ...args);
  expect(JSON.parse(again(after(changes.length, 0.03)).stdout).batches).toEqual([]);
  const rest = JSON.parse(again(after(1, 0)).stdout).batches.flat() as typeof changes;
  expect(rest.map(({ partition, to }) => [partition, to]).sort()).toEqual(
    changes
      .slice(1)
      .map(({ partition, to }) => [partition, to])
      .sort(),
  );
  const other = plan('rebalance', '--leaders-only', '--cluster', file, '--earlier', kept);
  expect([other.status, other.stderr.split(':')[0]]).toEqual([2, '--earlier']);
});

test('what cannot be satisfied is said with the change that would help, and ends with code 2', () => {
  const { status, stderr } = plan('zone', '--lost', 'geneva', '--cluster', file);
  expect(status).toBe(2);
  expect(stderr).toContain('bring zone geneva back');
});

test('a new topic is spread over the zones', () => {
  const { stdout } = plan(
    'topic',
    '--name',
    'new',
    '--partitions',
    '2',
    '--factor',
    '3',
    '--cluster',
    file,
    '--output',
    'kafka',
  );
  for (const { replicas } of JSON.parse(stdout).partitions) {
    expect(replicas).toContain(0);
    expect(replicas).toContain(1);
  }
});

test('every command that the guide gives for a file works on the file that it gives', () => {
  const guide = readFileSync(resolve(import.meta.dirname, '../../docs/plan.md'), 'utf8');
  const example = join(folder, 'cluster.jsonl');
  writeFileSync(example, /```json\n([\s\S]*?)```/.exec(guide)![1]!);
  const commands = guide.match(/^hikube-kafka plan .* --cluster cluster\.jsonl/gm)!;
  expect(commands).toHaveLength(9);
  for (const command of commands) {
    const args = command.split(' ').slice(2, -1);
    const { status, stdout, stderr } = plan(...args, example);
    expect([command, status, stderr]).toEqual([command, 0, expect.any(String)]);
    expect(stdout).not.toBe('');
  }
});
