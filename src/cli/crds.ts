import { Command } from 'commander';
import { definitionsText } from './generated-files.ts';

/** `hikube-kafka crds`: the CustomResourceDefinitions, e.g. for `| kubectl apply --server-side -f -`. */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('hikube-kafka crds')
    .description(
      'Prints the CustomResourceDefinitions of KafkaCluster, KafkaTopic and ZooKeeper as YAML.\n' +
        'Install them with: hikube-kafka crds | kubectl apply --server-side -f -',
    )
    .action(() => {
      process.stdout.write(definitionsText());
    });
  await program.parseAsync([...args], { from: 'user' });
  return 0;
}
