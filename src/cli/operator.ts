import { hostname } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };

type Options = {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly leaderElection: boolean;
  readonly leaderElectionNamespace?: string;
  readonly image: string;
  readonly apacheImage: string;
  readonly healthHost: string;
  readonly healthPort: number;
  readonly logLevel?: string;
};

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) {
    throw new InvalidArgumentError('a port is a whole number from 0 to 65535');
  }
  return value;
}

/** `hikube-kafka operator`: the process that makes clusters, ensembles and topics what their resources ask for. */
export async function run(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('hikube-kafka operator')
    .description('Makes KafkaCluster, ZooKeeper and KafkaTopic resources real, and reports in their status.')
    .option('--kubeconfig <file>', 'how to reach the API server; by default KUBECONFIG, then the pod it runs in')
    .option('--context <name>', 'which context of the kubeconfig; by default its current one')
    .option('--namespace <name>', 'watch this namespace only; by default all')
    .option('--no-leader-election', 'act at once, for local runs where there is no other operator')
    .option('--leader-election-namespace <name>', 'where the Lease is; by default the own namespace')
    .option(
      '--image <name>',
      'the image of embedded brokers and ZooKeeper servers',
      process.env.HIKUBE_IMAGE ?? `hikube-kafka:${packageJson.version}`,
    )
    .option(
      '--apache-image <name>',
      'the image of Apache Kafka brokers',
      process.env.HIKUBE_APACHE_IMAGE ?? 'apache/kafka:3.9.1',
    )
    .option('--health-host <address>', 'where /healthz, /readyz and /metrics are served', '0.0.0.0')
    .option('--health-port <port>', 'and on which port; 0 asks the system for a free one', port, 9404)
    .option('--log-level <level>', 'debug, info, warn or error; by default info')
    .action(async (options: Options) => {
      exitCode = await start(options);
    });
  await program.parseAsync([...args], { from: 'user' });
  return exitCode;
}

async function start(options: Options): Promise<number> {
  const [{ createKubeClient, loadClusterAccess }, { startOperator }, platform] = await Promise.all([
    import('../kube/index.ts'),
    import('../operator/index.ts'),
    import('../platform/index.ts'),
  ]);
  const logger = platform.createLogger('operator', options.logLevel === undefined ? {} : { level: options.logLevel });
  const access = await loadClusterAccess({ file: options.kubeconfig, context: options.context });
  if (!access.ok) {
    process.stderr.write(`hikube-kafka operator: ${access.problem}\n`);
    return 1;
  }
  const random = platform.systemRandom();
  const deps = { clock: platform.systemClock, random, logger };
  const client = createKubeClient(access.value, deps);
  // Who starts one operator at a time may say that it is always the same one: then it need not wait for its own lease to run out.
  const identity = process.env.HIKUBE_OPERATOR_IDENTITY ?? `${hostname()}-${random.nextUint32().toString(36)}`;
  const operator = startOperator(
    {
      images: { embedded: options.image, apache: options.apacheImage },
      namespace: options.namespace,
      identity,
      election: options.leaderElection
        ? { namespace: options.leaderElectionNamespace ?? process.env.POD_NAMESPACE ?? access.value.namespace }
        : undefined,
    },
    { ...deps, client, network: platform.nodeNetwork() },
  );
  const health = await platform.serveHealth(
    { host: options.healthHost, port: options.healthPort },
    { notReadyBecause: () => operator.notReadyBecause(), metrics: () => operator.metrics() },
  );
  logger.info({ server: access.value.server, health: health.address, identity }, 'operator started');
  return platform.runUntilStopped(logger, async () => {
    await operator.stop();
    await health.close();
    client.close();
  });
}
