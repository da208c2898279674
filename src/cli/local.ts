/**
 * `hikube-kafka local`: the whole product on one machine. It wires the local Kubernetes (`src/local`) to the real
 * platform, keeps an operator process running against it, applies the quick start and says when all is Ready.
 */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createLogger } from '../platform/index.ts';
import { createReporter } from './local-report.ts';
import { type LocalSettings, runLocal } from './local-run.ts';

const defaultPort = 7443;
const defaultFolder = '.hikube-kafka';

/** What happens by itself where no loopback address but 127.0.0.1 exists, to be tried elsewhere. */
const singleAddress = new Option('--single-address').default(false).hideHelp();

function commandLine(): Command {
  return new Command('hikube-kafka local')
    .description(
      'Runs a small Kubernetes on this machine (API server, controllers, three nodes in three zones whose pods are\n' +
        'processes), the operator, and the quick start: a ZooKeeper, a Kafka cluster with three brokers, and a topic.',
    )
    .addOption(
      new Option(
        '--data <folder>',
        'where everything is kept; the next start on it goes on with the same data',
      ).default(defaultFolder),
    )
    .option('--fresh', 'deletes the data folder first: all topics, volumes and resources in it are lost', false)
    .option(
      '--apply <file>',
      'applies this YAML file too, and waits for the resources in it (can be given several times)',
      (file: string, files: readonly string[]) => [...files, file],
      [] as readonly string[],
    )
    .option('--no-quick-start', 'does not apply manifests/quick-start.yaml; what an earlier start applied stays')
    .addOption(
      new Option(
        '--output <form>',
        'text for a person, or json: one line of JSON once all is Ready, progress on stderr',
      )
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--port <port>', 'port of the API server on 127.0.0.1; 0 takes a free one', portNumber, defaultPort)
    .option('--kubeconfig <file>', 'starts nodes only, for the API server that this kubeconfig names')
    .addOption(singleAddress)
    .addHelpText(
      'after',
      `
The line of JSON has: bootstrap (address for Kafka clients), kubeconfig (path), readySeconds, pids by role
(local and operator: one number each; zookeeper and broker: a list each).

Ctrl-C stops everything in order. Examples:
  hikube-kafka local --data /var/tmp/kafka --fresh
  hikube-kafka local --no-quick-start --apply my-cluster.yaml
  hikube-kafka local --output json`,
    );
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('It must be from 0 to 65535.');
  return port;
}

/** @returns the process's exit code: 0 after an orderly stop, 1 when it could not start or go on */
export async function run(args: readonly string[]): Promise<number> {
  const command = commandLine();
  await command.parseAsync([...args], { from: 'user' });
  const options = command.opts<{
    data: string;
    fresh: boolean;
    apply: readonly string[];
    quickStart: boolean;
    output: 'text' | 'json';
    port: number;
    kubeconfig?: string;
    singleAddress: boolean;
  }>();
  const settings: LocalSettings = {
    folder: resolve(options.data),
    fresh: options.fresh,
    port: options.port,
    quickStart: options.quickStart,
    files: options.apply.map((file) => resolve(file)),
    output: options.output,
    kubeconfig: options.kubeconfig === undefined ? undefined : resolve(options.kubeconfig),
    singleAddress: options.singleAddress,
  };
  const report = createReporter(settings.output);
  const logger = createLogger('local', { level: process.env.HIKUBE_LOG_LEVEL ?? 'error', out: 2 });
  return runLocal(settings, report, logger);
}
