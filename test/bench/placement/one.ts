/**
 * One step of one row in a process of its own, so that its memory and its compiled code are its own:
 * `one.ts prepare ROW FILE` writes the cluster at the start, `one.ts measure ROW FILE` prints a `Measured` as JSON.
 * What is missing on this machine ends with code 3 and its reason on standard error.
 */
import type { Model } from '../../../src/placement/model.ts';
import { compileAtOnceOnOneCore } from '../../../src/platform/one-core.ts';
import { readInstance, writeInstance } from './instance-file.ts';
import { MissingOriginal } from './originals.ts';
import { rows } from './rows.ts';

// As `hikube-kafka plan` does.
compileAtOnceOnOneCore();
const [step, name, file] = process.argv.slice(2);
const row = rows[name!]!;
try {
  if (step === 'prepare') writeInstance(file!, row.prepare());
  else process.stdout.write(JSON.stringify(await row.measure(readInstance(file!) as Model)));
} catch (error) {
  if (!(error instanceof MissingOriginal)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 3;
}
