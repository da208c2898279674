/**
 * The command line: one subcommand a role. A role's module is loaded only when it runs, so that a broker's start
 * does not pay for the Kubernetes client, nor the operator's for the log.
 */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };

type Role = {
  readonly summary: string;
  /** Takes the arguments after the role's name; answers the process's exit code when the role has ended. */
  readonly load: () => Promise<{ run(args: readonly string[]): Promise<number> }>;
};

const roles: Record<string, Role> = {
  broker: { summary: 'runs one Kafka broker', load: () => import('./broker.ts') },
  operator: {
    summary: 'makes KafkaCluster, ZooKeeper and KafkaTopic resources real',
    load: () => import('./operator.ts'),
  },
  plan: { summary: 'plans where partitions live, and carries it out', load: () => import('./plan.ts') },
  local: { summary: 'runs it all on this machine, with a small Kubernetes', load: () => import('./local.ts') },
  validate: { summary: 'checks resource files without a cluster', load: () => import('./validate.ts') },
  crds: { summary: 'prints the CustomResourceDefinitions', load: () => import('./crds.ts') },
  zookeeper: {
    summary: 'a server of the ZooKeeper protocol, configured by zoo.cfg',
    load: () => import('./zookeeper.ts'),
  },
};

/** @param argv  as `process.argv`: node, script, arguments */
export async function run(argv: readonly string[]): Promise<void> {
  const program = new Command('hikube-kafka').description(packageJson.description).version(packageJson.version);
  for (const [name, role] of Object.entries(roles)) {
    // `--help` and all options belong to the role's own command, which its module defines.
    program
      .command(name)
      .description(role.summary)
      .helpOption(false)
      .allowUnknownOption()
      .argument('[arguments...]')
      .action(async () => {
        const module = await role.load();
        process.exitCode = await module.run(argv.slice(argv.indexOf(name) + 1));
      });
  }
  await program.parseAsync([...argv]);
}
