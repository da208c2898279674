import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { killLoop } from '../support/broker/kill-loop.ts';

test('a broker that is killed again and again loses, doubles and reorders no acknowledged record', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kill-loop-'));
  try {
    const result = await killLoop({ folder, kills: 3, seed: 7, aliveMs: 300 });
    expect(result).toMatchObject({ kills: 3, lost: 0, duplicated: 0, outOfOrder: 0 });
    expect(result.stored).toBe(result.acknowledged);
    expect(result.acknowledged).toBeGreaterThan(50);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
