/** `npm run chaos -- power-cuts [--servers 1,3] [--cuts 20] [--seed 1] [--mutants] [--record]`: see `power-cuts/campaign.ts`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareMutant } from './mutant.ts';
import { type PowerCutResult, runPowerCuts } from './power-cuts/campaign.ts';
import { cutsPerMutant, forgetful } from './power-cuts/mutants.ts';
import { missingForPowerCuts } from './power-cuts/volume.ts';

export const summary = 'nothing acknowledged is lost when the power of one, some or all servers goes';

type Hunt = { readonly mutant: string; readonly cuts: number; readonly cutsWithLoss: number };

function record(results: readonly PowerCutResult[], mutants: readonly Hunt[]): void {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim();
  const lost = results.reduce((sum, each) => sum + each.lost.length, 0);
  const campaign = { campaign: 'power cuts', commit, recordedAt: new Date().toISOString(), lost, results, mutants };
  writeFileSync(resolve(import.meta.dirname, '../campaigns/power-cuts.json'), `${JSON.stringify(campaign, null, 2)}\n`);
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      servers: { type: 'string', default: '1,3' },
      cuts: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      mutants: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
    },
  });
  const missing = missingForPowerCuts();
  if (missing.length > 0) {
    for (const sentence of missing) console.error(sentence);
    process.exitCode = 1;
    return;
  }
  const [cuts, seed] = [Number(values.cuts), Number(values.seed)];
  const results: PowerCutResult[] = [];
  const hunts: Hunt[] = [];
  for (const servers of [1, 3] as const) {
    if (!values.servers.split(',').includes(`${servers}`)) continue;
    const onCut = (done: number): void => {
      if (done % 50 === 0) console.log(`${servers} servers: ${done} of ${cuts} cuts`);
    };
    const result = await runPowerCuts({ servers, cuts, seed, onCut });
    console.log(JSON.stringify(result));
    results.push(result);
    if (values.record) record(results, hunts);
  }
  for (const bug of values.mutants ? forgetful : []) {
    const { main, remove } = prepareMutant(bug);
    let cut = 0;
    let withLoss = 0;
    // Each on fresh volumes: after a loss nothing more can be expected of what is left.
    for (; cut < cutsPerMutant; cut++) {
      const { cutsWithLoss } = await runPowerCuts({
        servers: bug.servers,
        cuts: 1,
        seed: seed + cut,
        everybody: true,
        main,
      });
      withLoss += Math.min(1, cutsWithLoss);
    }
    remove();
    hunts.push({ mutant: bug.name, cuts: cut, cutsWithLoss: withLoss });
    if (values.record) record(results, hunts);
    console.log(`${bug.name}: ${withLoss} of ${cut} cuts lost something`);
  }
  const lost = results.flatMap((result) => result.lost);
  console.log(`${results.reduce((sum, each) => sum + each.cuts, 0)} cuts, ${lost.length} losses`);
  if (lost.length > 0 || hunts.some(({ cutsWithLoss }) => cutsWithLoss === 0)) process.exitCode = 1;
}
