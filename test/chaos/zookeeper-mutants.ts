/**
 * `npm run chaos -- zookeeper-mutants [--seconds 25] [--runs 4] [--seed 1] [--only TEXT] [--record]`: puts bugs into
 * copies of the server, one at a time, and runs the chaos campaign on each until it finds something.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareMutant } from './mutant.ts';
import { runChaos } from './zookeeper/campaign.ts';
import { mutants } from './zookeeper/mutants.ts';

export const summary = 'whether the campaign zookeeper finds bugs that are put into the server';

type Hunt = {
  readonly mutant: string;
  readonly runs: number;
  readonly seed: number | undefined;
  readonly seen: string | undefined;
};

const file = resolve(import.meta.dirname, '../campaigns/chaos-zookeeper-mutants.json');

/** What was hunted before and not now stays. */
function record(hunted: readonly Hunt[], seconds: number): void {
  const before: readonly Hunt[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).hunts : [];
  const hunts = mutants.flatMap(({ name }) => {
    const hunt = [...hunted, ...before].find((each) => each.mutant === name);
    return hunt === undefined ? [] : [hunt];
  });
  const found = hunts.filter(({ seed }) => seed !== undefined).length;
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim();
  const recordedAt = new Date().toISOString();
  const campaign = { campaign: 'chaos zookeeper mutants', commit, recordedAt, seconds, found, of: hunts.length, hunts };
  writeFileSync(file, `${JSON.stringify(campaign, null, 2)}\n`);
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '25' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      parallel: { type: 'string', default: '1' },
      record: { type: 'boolean', default: false },
    },
  });
  const [runsMax, seconds, firstSeed] = [values.runs, values.seconds, values.seed].map(Number) as [
    number,
    number,
    number,
  ];
  const waiting = mutants.filter(({ name }) => name.includes(values.only));
  const hunts: Hunt[] = [];
  const lane = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const { main, remove } = prepareMutant(bug);
      let hunt: Hunt = { mutant: bug.name, runs: runsMax, seed: undefined, seen: undefined };
      for (let at = 0; at < runsMax && hunt.seed === undefined; at++) {
        const seed = firstSeed + at;
        const { violations, folder } = await runChaos({ seed, seconds, servers: at % 2 === 0 ? 3 : 5, main });
        if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
        if (violations.length > 0) hunt = { mutant: bug.name, runs: at + 1, seed, seen: violations[0]?.slice(0, 300) };
      }
      remove();
      hunts.push(hunt);
      console.log(
        `${hunt.mutant.padEnd(70)} ${hunt.seen === undefined ? 'NOT FOUND' : `seed ${hunt.seed}: ${hunt.seen}`}`,
      );
    }
  };
  await Promise.all(Array.from({ length: Number(values.parallel) }, lane));
  const found = hunts.filter(({ seed }) => seed !== undefined).length;
  console.log(`found ${found} of ${hunts.length} mutants`);
  if (values.record) record(hunts, seconds);
  if (found < hunts.length) process.exitCode = 1;
}
