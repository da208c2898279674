import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Logger, Result } from '../base/index.ts';
import { failure, success } from '../base/index.ts';
import {
  createLogger,
  heapLimitBytes,
  nodeDisk,
  nodeNetwork,
  runUntilStopped,
  serveHealth,
  systemClock,
  systemRandom,
} from '../platform/index.ts';
import {
  type EnsembleSettings,
  myIdOf,
  parseEnsembleSettings,
  renderProperties,
  sentenceOf,
} from '../settings/index.ts';
import {
  answerWord,
  metricsOf,
  type RunningServer,
  serveAdmin,
  serverSettings,
  startEnsemble,
  startStandalone,
} from '../zookeeper/index.ts';

type Options = {
  readonly healthPort: string | undefined;
  readonly ordinal: string | undefined;
  readonly override: readonly string[];
};

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** `hikube-kafka zookeeper zoo.cfg`: a server of ZooKeeper's protocol, configured by Apache's own file. */
export async function run(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const command = new Command('hikube-kafka zookeeper')
    .description('A server of the ZooKeeper protocol: alone, or one of an ensemble')
    .argument('<zoo.cfg>', "Apache ZooKeeper's own configuration file; myid and the dynamic file are found as there")
    .option('--health-port <port>', 'serve /healthz, /readyz and /metrics here')
    .option(
      '--ordinal <index>',
      'a missing myid is written as this number plus one: the index of a pod of a StatefulSet',
    )
    .option(
      '--override <key=value>',
      'a property that is stronger than the file; key=@FILE takes the content of a file, e.g. a secret (repeatable)',
      collect,
      [],
    )
    .action(async (file: string, options: Options) => {
      exitCode = await serve(file, options);
    });
  const { backupCommands } = await import('./zookeeper-backup.ts');
  for (const part of backupCommands((code) => {
    exitCode = code;
  })) {
    command.addCommand(part);
  }
  await command.parseAsync([...args], { from: 'user' });
  return exitCode;
}

async function serve(file: string, options: Options): Promise<number> {
  const logger = createLogger('zookeeper');
  const settings = readSettings(file, options.override, logger);
  if (!settings.ok) {
    for (const sentence of settings.problem) logger.error({ file }, sentence);
    return 2;
  }
  const serverId = readMyId(settings.value, options.ordinal);
  if (!serverId.ok) {
    logger.error({ file }, serverId.problem);
    return 2;
  }
  const own = serverSettings(settings.value, serverId.value, heapLimitBytes());
  const deps = { clock: systemClock, network: nodeNetwork(), disk: nodeDisk, random: systemRandom(), logger };
  const started = await startServer(own, settings.value, deps, (err) => {
    // What is on the device is unknown now. Answer nobody any more: end, and start again from it.
    logger.error({ err }, 'the transaction log cannot be written');
    process.exit(1);
  });
  if (!started.ok) {
    logger.error({}, started.problem);
    return 1;
  }
  const { server, stop } = started.value;
  server.setWords(answerWord(server, own.words));
  const closers: (() => Promise<void>)[] = [];
  const health = {
    notReadyBecause: () => (server.orderer.serves ? undefined : 'not in touch with a quorum, or behind it'),
    metrics: () => metricsOf(server),
  };
  try {
    if (options.healthPort !== undefined) {
      const served = await serveHealth({ host: '0.0.0.0', port: Number(options.healthPort) }, health);
      closers.push(() => served.close());
    }
    if (own.metrics !== undefined) {
      const served = await serveHealth(own.metrics, health);
      closers.push(() => served.close());
    }
  } catch (error) {
    logger.error({}, `cannot serve health and metrics: ${(error as Error).message}`);
    await stop();
    return 1;
  }
  if (own.admin !== undefined) {
    const admin = await serveAdmin(own.admin, server);
    // As in the original: the server works without its admin port.
    if (admin.ok) closers.push(() => admin.value.close());
    else logger.warn({}, admin.problem);
  }
  const address = server.clientAddress;
  logger.info({ host: address?.host, port: address?.port, mode: server.orderer.mode }, 'serving clients');
  return runUntilStopped(logger, async () => {
    for (const close of closers) await close();
    await stop();
  });
}

function startServer(
  own: ReturnType<typeof serverSettings>,
  settings: EnsembleSettings,
  deps: Parameters<typeof startStandalone>[1],
  onFailure: (error: Error) => void,
): Promise<Result<RunningServer, string>> {
  if (!isEnsemble(settings)) return startStandalone(own, deps, onFailure);
  const options = {
    servers: settings.servers,
    configVersion: settings.configVersion.toString(16),
    reconfigEnabled: settings.get('reconfigEnabled'),
  };
  return startEnsemble(own, options, deps, onFailure);
}

/** One server is an ensemble too if the file says so: then it can grow. */
const isEnsemble = (settings: EnsembleSettings): boolean =>
  settings.servers.length > 1 || (settings.servers.length === 1 && !settings.get('standaloneEnabled'));

function readSettings(file: string, overrides: readonly string[], logger: Logger): Result<EnsembleSettings, string[]> {
  const text = readText(file);
  if (text === undefined) return failure([`${file} cannot be read: give the path of a zoo.cfg`]);
  const lines: string[] = [];
  for (const override of overrides) {
    const [key = '', value] = override.split(/=(.*)/s);
    if (key === '' || value === undefined) return failure([`--override ${override} is not of the form key=value`]);
    const content = value.startsWith('@') ? readText(value.slice(1)) : value;
    if (content === undefined) return failure([`--override ${override}: the file cannot be read`]);
    lines.push(renderProperties({ [key]: content.trim() }));
  }
  // Of two lines with one key the last counts.
  const { settings, problems } = parseEnsembleSettings([text, ...lines].join('\n'), readText);
  for (const problem of problems) {
    if (problem.severity === 'warning') logger.warn({}, sentenceOf(file, problem));
  }
  if (settings !== undefined) return success(settings);
  return failure(problems.filter(({ severity }) => severity === 'error').map((problem) => sentenceOf(file, problem)));
}

/** @returns 0 for a server alone that has no `myid` */
function readMyId(settings: EnsembleSettings, ordinal: string | undefined): Result<number, string> {
  const path = `${settings.dataDir}/myid`;
  if (ordinal !== undefined && readText(path) === undefined) {
    if (!/^\d+$/.test(ordinal)) return failure(`--ordinal must be a whole number from 0, not "${ordinal}"`);
    try {
      nodeDisk.makeFolder(settings.dataDir);
      nodeDisk.replace(path, `${Number(ordinal) + 1}\n`);
    } catch (error) {
      return failure(`${path} cannot be written: ${(error as Error).message}`);
    }
  }
  const text = readText(path);
  const ensemble = isEnsemble(settings);
  if (text === undefined) {
    return ensemble
      ? failure(`${path} is missing: it holds the number of this server, one of ${idsOf(settings)}`)
      : success(0);
  }
  const id = myIdOf(text);
  if (typeof id === 'string') return failure(`${path} ${id}`);
  if (ensemble && !settings.servers.some((server) => server.id === id)) {
    return failure(`${path} holds ${id}, which is none of the servers: ${idsOf(settings)}`);
  }
  return success(id);
}

const idsOf = ({ servers }: EnsembleSettings): string => servers.map(({ id }) => `server.${id}`).join(', ');

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
