import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { classPathOf } from '../originals.ts';
import { freePort } from '../ports.ts';

export type ApacheServer = {
  readonly port: number;
  readonly folder: string;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
};

/** Starts Apache ZooKeeper alone, on an empty folder or on one that is there (which then stays). */
export async function startApache(
  options: { folder?: string; port?: number; settings?: readonly string[] } = {},
): Promise<ApacheServer> {
  const own = options.folder === undefined;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'apache-zookeeper-'));
  mkdirSync(join(folder, 'data'), { recursive: true });
  const port = options.port ?? (await freePort());
  const file = join(folder, 'apache.cfg');
  writeFileSync(
    file,
    [
      'tickTime=2000',
      `dataDir=${join(folder, 'data')}`,
      `clientPort=${port}`,
      'admin.enableServer=false',
      'maxClientCnxns=0',
      '4lw.commands.whitelist=*',
      ...(options.settings ?? []),
      '',
    ].join('\n'),
  );
  const child = spawn(
    'java',
    [
      '-Xmx512m',
      '-Dzookeeper.extendedTypesEnabled=true',
      '-cp',
      classPathOf('zookeeper-3.9'),
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      file,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-20_000);
    });
  await answering(port, child, () => output);
  return {
    port,
    folder,
    pid: child.pid!,
    async stop(signal = 'SIGTERM') {
      await ended(child, signal);
      if (own) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until `ruok` is answered. */
async function answering(port: number, child: ChildProcess, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`the server has ended: ${output()}`);
    if ((await fourLetterWord(port, 'srvr').catch(() => '')).includes('Mode:')) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no answer from port ${port}: ${output()}`);
}

const WORD_MS_MAX = 3_000;

export function fourLetterWord(port: number, word: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    let text = '';
    // Apache's server may take a connection while it starts and never answer on it.
    socket.setTimeout(WORD_MS_MAX, () => socket.destroy());
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

export function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
