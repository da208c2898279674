/** `npm run chaos -- corruption [--mutations 10000] [--seed 1] [--record]`: see `corruption/volumes.ts`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { spoilAndRead } from './corruption/campaign.ts';

export const summary = 'a ZooKeeper server never starts from logs or snapshots that are silently corrupt';

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      mutations: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      record: { type: 'boolean', default: false },
    },
  });
  const [mutations, seed] = [Number(values.mutations), Number(values.seed)];
  const results = [];
  for (const volume of ['alone', 'ensemble'] as const) {
    const result = await spoilAndRead({ volume, mutations, seed });
    console.log(
      JSON.stringify({ ...result, corrupt: result.corrupt.slice(0, 5), corruptCount: result.corrupt.length }),
    );
    results.push(result);
  }
  const corrupt = results.reduce((sum, each) => sum + each.corrupt.length, 0);
  if (values.record) {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname })
      .toString()
      .trim();
    const campaign = {
      campaign: 'zookeeper corruption',
      commit,
      recordedAt: new Date().toISOString(),
      corrupt,
      results,
    };
    const file = resolve(import.meta.dirname, '../campaigns/zookeeper-corruption.json');
    writeFileSync(file, `${JSON.stringify(campaign, null, 2)}\n`);
  }
  if (corrupt > 0) process.exitCode = 1;
}
