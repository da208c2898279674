import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { nodeDisk } from '../../src/platform/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'hikube-disk-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('more buffers than one system call takes are all written, in order', async () => {
  const buffers = Array.from({ length: 3000 }, (_, index) => Buffer.from([index & 255, index >> 8]));
  const file = nodeDisk.open(join(folder, 'many'), 'create');
  file.writeSync(buffers, 0);
  await file.write(buffers, file.sizeBytes);
  await file.sync();
  expect(file.sizeBytes).toBe(12_000);
  const back = Buffer.alloc(12_010);
  expect(await file.read(back, 0)).toBe(12_000);
  const once = Buffer.concat(buffers);
  expect(back.subarray(0, 12_000).equals(Buffer.concat([once, once]))).toBe(true);
  file.close();
});

test('create refuses a file that is there, update one that is not', () => {
  nodeDisk.replace(join(folder, 'there'), 'x');
  expect(() => nodeDisk.open(join(folder, 'there'), 'create')).toThrow(/EEXIST/);
  expect(() => nodeDisk.open(join(folder, 'absent'), 'update')).toThrow(/ENOENT/);
  expect(nodeDisk.read(join(folder, 'absent'))).toBeUndefined();
  expect(nodeDisk.list(join(folder, 'absent'))).toEqual([]);
});
