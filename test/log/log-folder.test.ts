import { expect, test } from 'vitest';
import { defaultLogConfig, LogFolder } from '../../src/log/index.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { appended, batchOf, depsOn, type TestDeps } from './suite.ts';

function open(deps: TestDeps): LogFolder {
  const opened = LogFolder.open('/logs', deps, () => defaultLogConfig);
  if (!opened.ok) throw new Error(opened.problem);
  return opened.value;
}

const text = (disk: MemoryDisk, name: string): string | undefined => disk.files.get(`/logs/${name}`)?.toString();
const topicId = 'rXhzGLmbTVGb3WDAhqvkZA';

test('an orderly stop leaves the files that Apache Kafka leaves, and the next start trusts them', async () => {
  const disk = new MemoryDisk();
  const deps = depsOn(disk);
  const folder = open(deps);
  folder.writeMeta({ version: 0, brokerId: 3, clusterId: 'abc==' });
  const made = folder.create('orders', 0, defaultLogConfig, topicId);
  if (!made.ok) throw new Error('not made');
  appended(made.value, batchOf({ records: 4 }), 2);
  deps.endTurn();
  await folder.close(77, () => 4);
  expect(disk.list('/logs')).toEqual([
    '.kafka_cleanshutdown',
    '.lock',
    'log-start-offset-checkpoint',
    'meta.properties',
    'orders-0',
    'recovery-point-offset-checkpoint',
    'replication-offset-checkpoint',
  ]);
  expect(disk.list('/logs/orders-0')).toEqual([
    '00000000000000000000.index',
    '00000000000000000000.log',
    '00000000000000000000.timeindex',
    '00000000000000000004.snapshot',
    'leader-epoch-checkpoint',
    'partition.metadata',
  ]);
  expect(text(disk, '.kafka_cleanshutdown')).toBe('{"version":0,"brokerEpoch":77}');
  expect(text(disk, 'recovery-point-offset-checkpoint')).toBe('0\n1\norders 0 4\n');
  expect(text(disk, 'log-start-offset-checkpoint')).toBe('0\n0\n');
  expect(text(disk, 'orders-0/partition.metadata')).toBe(`version: 0\ntopic_id: ${topicId}`);
  expect(text(disk, 'orders-0/leader-epoch-checkpoint')).toBe('0\n1\n2 0\n');

  const again = open(depsOn(disk));
  expect(again.wasClean).toBe(true);
  expect(again.meta).toEqual({ version: 0, brokerId: 3, clusterId: 'abc==' });
  expect(again.get('orders', 0)?.logEndOffset).toBe(4);
  expect(again.topicIdOf('orders', 0)).toBe(topicId);
  // The mark is for one start: a crash from here on must recover.
  expect(text(disk, '.kafka_cleanshutdown')).toBeUndefined();
  expect(open(depsOn(disk)).wasClean).toBe(false);
});

test('a deleted partition can be made again at once, and its old folder goes later', () => {
  const disk = new MemoryDisk();
  const deps = depsOn(disk);
  const folder = open(deps);
  const first = folder.create('orders', 0, defaultLogConfig, topicId);
  if (!first.ok) throw new Error('not made');
  appended(first.value, batchOf());
  deps.endTurn();
  folder.delete('orders', 0, 60_000);
  const second = folder.create('orders', 0, defaultLogConfig, undefined);
  expect(second).toMatchObject({ ok: true });
  expect(folder.get('orders', 0)?.logEndOffset).toBe(0);
  expect(disk.list('/logs').filter((name) => name.endsWith('-delete'))).toHaveLength(1);
  folder.eraseLeftovers(deps.clock.monotonicMs() + 60_000);
  expect(disk.list('/logs').filter((name) => name.endsWith('-delete'))).toHaveLength(0);
});

test('a partition that cannot be loaded is offline, the others are served', () => {
  const disk = new MemoryDisk();
  const deps = depsOn(disk);
  const folder = open(deps);
  for (const partition of [0, 1]) {
    const made = folder.create('orders', partition, defaultLogConfig, undefined);
    if (!made.ok) throw new Error('not made');
    appended(made.value, batchOf());
  }
  deps.endTurn();
  disk.replace('/logs/recovery-point-offset-checkpoint', '0\n2\norders 0 1\norders 1 1\n');
  disk.files.set('/logs/orders-0/00000000000000000000.log', Buffer.alloc(100));
  const again = open(depsOn(disk));
  expect([...again.offline.keys()]).toEqual(['orders-0']);
  expect(again.get('orders', 1)?.logEndOffset).toBe(1);
  expect(again.create('orders', 0, defaultLogConfig, undefined)).toMatchObject({ ok: false });
});

test('a folder in which another process works is refused, one whose process is gone is taken', () => {
  const disk = new MemoryDisk();
  const stat = (pid: number, start: number): string => `${pid} (node (x) y) S 1 ${'0 '.repeat(17)}${start} 0 0\n`;
  disk.files.set('/proc/self/stat', Buffer.from(stat(7, 111)));
  disk.files.set('/logs/.lock', Buffer.from('42 333'));
  disk.files.set('/proc/42/stat', Buffer.from(stat(42, 333)));
  const refused = LogFolder.open('/logs', depsOn(disk), () => defaultLogConfig);
  expect(refused).toMatchObject({ ok: false, problem: expect.stringMatching(/in use by process 42/) });
  // Another process has the number now.
  disk.files.set('/proc/42/stat', Buffer.from(stat(42, 999)));
  open(depsOn(disk));
  expect(text(disk, '.lock')).toBe('7 111');
});
