import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { type Property, parseBrokerSettings, sentenceOf } from '../settings/index.ts';

/** An override from a file waits so long for the file to have something in it. */
const overrideWaitMs = 120_000;
const overridePollMs = 200;

type Options = { readonly override: readonly string[]; readonly healthPort?: string };

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** `hikube-kafka broker server.properties`: one broker, wherever Apache's `kafka-server-start` would do. */
export async function run(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const command = new Command('hikube-kafka broker')
    .description("runs one Kafka broker from Apache Kafka's own configuration file")
    .argument('<server.properties>', 'the configuration file')
    .option(
      '--override <key=value>',
      'a property that is stronger than the file; key=@FILE takes the content of a file and waits until it has some (repeatable)',
      collect,
      [],
    )
    .option('--health-port <port>', 'serves /healthz, /readyz and /metrics on this port')
    .action(async (path: string, options: Options) => {
      exitCode = await runBroker(path, options);
    });
  await command.parseAsync([...args], { from: 'user' });
  return exitCode;
}

async function runBroker(path: string, options: Options): Promise<number> {
  const { createLogger, nodeDisk, nodeNetwork, runUntilStopped, serveHealth, systemClock, systemRandom } = await import(
    '../platform/index.ts'
  );
  const logger = createLogger('broker');
  const text = await readFile(path, 'utf8').catch((error: Error) => error);
  if (text instanceof Error) {
    logger.error({ path, problem: text.message }, 'cannot read the configuration file');
    return 1;
  }
  const overrides = await overridesOf(options.override);
  if (typeof overrides === 'string') {
    logger.error({ problem: overrides }, 'an override cannot be used');
    return 1;
  }
  const { settings, problems } = parseBrokerSettings(text, overrides);
  for (const problem of problems) {
    if (problem.severity === 'error')
      logger.error({ file: path, line: problem.line, key: problem.key }, sentenceOf(path, problem));
    else logger.warn({ file: path, line: problem.line, key: problem.key }, sentenceOf(path, problem));
  }
  if (settings === undefined) return 1;
  const { Broker } = await import('../broker/index.ts');
  const broker = new Broker(settings, {
    disk: nodeDisk,
    network: nodeNetwork(),
    clock: systemClock,
    random: systemRandom(),
    logger,
  });
  const health =
    options.healthPort === undefined
      ? undefined
      : await serveHealth(
          { host: '', port: Number(options.healthPort) },
          { notReadyBecause: () => broker.notReadyBecause(), metrics: () => broker.metrics() },
        );
  const ended = Promise.withResolvers<number>();
  void broker.failure.then((problem) => {
    logger.error({ problem }, 'the broker cannot go on');
    ended.resolve(1);
  });
  void broker.start().then(
    (problem) => {
      if (problem === undefined) return;
      logger.error({ problem }, 'the broker cannot start');
      ended.resolve(1);
    },
    (error: unknown) => {
      logger.error({ err: error }, 'the broker could not start');
      ended.resolve(1);
    },
  );
  const code = await runUntilStopped(logger, () => broker.stop(), ended.promise);
  await health?.close();
  return code;
}

/** @returns the properties, or what is wrong with an override */
async function overridesOf(texts: readonly string[]): Promise<readonly Property[] | string> {
  const overrides: Property[] = [];
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals <= 0) return `--override ${text} is not of the form key=value`;
    const key = text.slice(0, equals).trim();
    let value = text.slice(equals + 1);
    if (value.startsWith('@')) {
      const content = await contentOf(value.slice(1));
      if (content === undefined)
        return `--override ${text}: the file was not there, or empty, for ${overrideWaitMs / 1000} s`;
      value = content;
    }
    overrides.push({ key, value: value.trim() });
  }
  return overrides;
}

async function contentOf(path: string): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs <= overrideWaitMs; waitedMs += overridePollMs) {
    const content = await readFile(path, 'utf8').catch(() => '');
    if (content.trim() !== '') return content;
    await new Promise((resolve) => setTimeout(resolve, overridePollMs));
  }
  return undefined;
}
