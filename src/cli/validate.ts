import { readFileSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { type FileProblem, problemsOfText } from './validate/resource-file.ts';

/** `hikube-kafka validate FILE...`: what is wrong with resources, before a cluster sees them. */
export async function run(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('hikube-kafka validate')
    .description(
      'Checks files of KafkaCluster, KafkaTopic and ZooKeeper resources without a cluster.\n' +
        'Prints one line a problem, with file, line and field; ends with 1 if there is an error.',
    )
    .argument('<file...>', 'YAML or JSON files; - reads standard input')
    .action((files: readonly string[]) => {
      exitCode = validateFiles(files);
    });
  await program.parseAsync([...args], { from: 'user' });
  return exitCode;
}

function validateFiles(files: readonly string[]): number {
  let errors = 0;
  let checked = 0;
  for (const file of files) {
    const text = readText(file);
    if (typeof text !== 'string') {
      process.stderr.write(`${file}: error: ${text.message}\n`);
      errors++;
      continue;
    }
    const { problems, resources } = problemsOfText(text);
    checked += resources;
    for (const problem of problems) process.stdout.write(`${lineOf(file, problem)}\n`);
    errors += problems.filter(({ severity }) => severity === 'error').length;
  }
  process.stdout.write(`${checked} resources checked, ${errors} ${errors === 1 ? 'error' : 'errors'}\n`);
  return errors === 0 ? 0 : 1;
}

const lineOf = (file: string, { line, resource, severity, message }: FileProblem): string =>
  `${file === '-' ? 'standard input' : file}:${line}: ${severity}: ${resource === undefined ? '' : `${resource}: `}${message}`;

function readText(file: string): string | Error {
  try {
    if (file !== '-' && statSync(file).isDirectory()) return new Error('is a folder; name the files in it');
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    return error as Error;
  }
}
