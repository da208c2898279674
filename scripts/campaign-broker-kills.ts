/**
 * `npm run campaign:broker-kills [-- KILLS [SEED]]`: kills a broker again and again while producers write, and writes what
 * was found to `test/campaigns/broker-kills.json`. The short form is in `npm test`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { killLoop } from '../test/support/broker/kill-loop.ts';

const kills = Number(process.argv[2] ?? 100);
const seed = Number(process.argv[3] ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'broker-kills-'));
try {
  const { restartMs, ...result } = await killLoop({ folder, kills, seed, aliveMs: 400 });
  const at = (share: number): number | undefined =>
    restartMs[Math.min(restartMs.length - 1, Math.floor(restartMs.length * share))];
  const summary = { ...result, restartMs: { median: at(0.5), p99: at(0.99), max: restartMs.at(-1) } };
  const file = resolve(import.meta.dirname, '../test/campaigns/broker-kills.json');
  writeFileSync(file, `${JSON.stringify({ date: new Date().toISOString().slice(0, 10), ...summary }, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  process.exitCode = result.lost + result.duplicated + result.outOfOrder === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
