import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import type { Logger } from '../../../src/base/index.ts';
import { nodeDisk, nodeNetwork, systemClock, systemRandom } from '../../../src/platform/index.ts';
import { parseEnsembleSettings } from '../../../src/settings/index.ts';
import { answerWord, type RunningServer, serverSettings, startStandalone } from '../../../src/zookeeper/index.ts';
import { freePort } from '../ports.ts';
import { ended, fourLetterWord } from './apache-server.ts';

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

export const platform = {
  clock: systemClock,
  network: nodeNetwork(),
  disk: nodeDisk,
  random: systemRandom(),
  logger: silentLogger,
};

export type OwnServer = RunningServer & { readonly port: number; readonly folder: string };

/** A server of ours in this process, on an empty folder or on one that is there (which then stays). */
export async function startOwn(
  options: { folder?: string; port?: number; settings?: readonly string[] } = {},
): Promise<OwnServer> {
  const own = options.folder === undefined;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'own-zookeeper-'));
  const text = configuration(folder, options.port ?? 0, options.settings);
  const { settings, problems } = parseEnsembleSettings(text);
  if (settings === undefined) throw new Error(problems.map(({ message }) => message).join('; '));
  const started = await startStandalone(serverSettings(settings, 0), platform, (error) => {
    throw error;
  });
  if (!started.ok) throw new Error(started.problem);
  const { server, stop } = started.value;
  server.setWords(answerWord(server, serverSettings(settings, 0).words));
  return {
    server,
    port: server.clientAddress!.port,
    folder,
    async stop() {
      await stop();
      if (own) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, port: number, settings: readonly string[] = []): string {
  return [
    'tickTime=2000',
    `dataDir=${join(folder, 'data')}`,
    `clientPort=${port}`,
    'clientPortAddress=127.0.0.1',
    'admin.enableServer=false',
    'maxClientCnxns=0',
    '4lw.commands.whitelist=*',
    'extendedTypesEnabled=true',
    ...settings,
    '',
  ].join('\n');
}

export type OwnProcess = {
  readonly port: number;
  readonly folder: string;
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
};

/** A server of ours as a process of its own, as an operator starts it. */
export async function spawnOwn(options: {
  folder: string;
  port?: number;
  settings?: readonly string[];
}): Promise<OwnProcess> {
  const { folder } = options;
  const port = options.port ?? (await freePort());
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'zoo.cfg');
  writeFileSync(file, configuration(folder, port, options.settings));
  const main = resolvePath(import.meta.dirname, '../../../src/main.ts');
  const child = spawn(process.execPath, [main, 'zookeeper', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  await answering(port, child);
  return { port, folder, pid: child.pid!, kill: (signal) => ended(child, signal) };
}

async function answering(port: number, child: ChildProcess): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-5_000);
    });
  for (let attempt = 0; attempt < 400; attempt++) {
    if (child.exitCode !== null) throw new Error(`the server has ended: ${output}`);
    if ((await fourLetterWord(port, 'srvr').catch(() => '')).includes('Mode:')) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`no answer from port ${port}: ${output}`);
}
