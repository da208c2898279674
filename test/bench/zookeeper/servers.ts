import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { classPathOf } from '../../support/originals.ts';
import { freePort } from '../../support/ports.ts';
import { ended, fourLetterWord } from '../../support/zookeeper/apache-server.ts';

/** `ours`: the bundle that the image carries. `source`: the same from `src/`, as a checkout runs. */
export type Kind = 'ours' | 'source' | 'apache';

/** How long an event loop stood still: by the clock, and by the processor time of its own thread. */
export type Stop = { readonly clockMs: number; readonly processorMs: number };

/** A server or an ensemble, as processes of this machine. */
export type Servers = {
  readonly kind: Kind;
  readonly ports: readonly number[];
  readonly folder: string;
  /** From the first process until every server answers `srvr` with a mode. */
  readonly startMs: number;
  pid(index: number): number;
  /** The longest stop of a server's event loop since the last call; undefined for Apache's, which has none. */
  longestStop(index: number): Promise<Stop | undefined>;
  /** SIGKILL, and waits for the end. */
  kill(index: number): Promise<void>;
  /** Starts it again on its folder. */
  restart(index: number): Promise<number>;
  stop(): Promise<void>;
};

export type StartOptions = {
  readonly settings?: readonly string[];
  /** Watches its event loop, for `longestStop`; costs a little. */
  readonly probe?: boolean;
};

const root = resolve(import.meta.dirname, '../../..');
const bundleFolder = join(root, 'node_modules', '.cache', 'hikube-kafka-bench');
const HEAP = '-Xmx1000m';
const probeFile = join(import.meta.dirname, 'loop-probe.ts');
let bundled = false;

/** Bundles as `npm run build` does, once a process. What only other roles need may be missing. */
async function bundle(): Promise<void> {
  if (bundled) return;
  rmSync(bundleFolder, { recursive: true, force: true });
  await build({
    entryPoints: [join(root, 'src/main.ts')],
    outdir: bundleFolder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    packages: 'bundle',
    external: ['@node-rs/crc32', 'pino', 'pino-pretty', '@peculiar/x509', 'reflect-metadata', '@marcbachmann/cel-js'],
    banner: {
      js: "import { createRequire as _createRequire } from 'node:module'; const require = _createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  bundled = true;
}

/** Both log warnings only; Apache's library would otherwise write every debug line. */
const logback = `<configuration><appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%m%n</pattern></encoder></appender><root level="WARN"><appender-ref ref="OUT"/></root></configuration>`;

export async function start(kind: Kind, count: number, options: StartOptions = {}): Promise<Servers> {
  if (kind === 'ours') await bundle();
  const folder = mkdtempSync(join(tmpdir(), `bench-${kind}-`));
  const logFile = join(folder, 'logback.xml');
  writeFileSync(logFile, logback);
  const ports: number[] = [];
  const lines: string[] = [];
  for (let id = 1; id <= count; id++) {
    ports.push(await freePort());
    lines.push(`server.${id}=127.0.0.1:${await freePort()}:${await freePort()}:participant`);
  }
  const launch = (index: number): ChildProcess => {
    const data = join(folder, `${index + 1}`);
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'myid'), `${index + 1}`);
    const file = join(data, 'zoo.cfg');
    const common = ['tickTime=2000', 'initLimit=10', 'syncLimit=5', `dataDir=${data}`, `clientPort=${ports[index]}`];
    const quiet = ['admin.enableServer=false', 'maxClientCnxns=0', '4lw.commands.whitelist=*'];
    const own = [...common, ...quiet, ...(count > 1 ? lines : []), ...(options.settings ?? []), ''];
    writeFileSync(file, own.join('\n'));
    if (kind === 'apache') {
      const classPath = classPathOf('zookeeper-3.9');
      const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
      const java = [HEAP, `-Dlogback.configurationFile=${logFile}`, '-cp', classPath, main, file];
      return spawn('java', java, { stdio: 'ignore' });
    }
    const main = kind === 'ours' ? join(bundleFolder, 'main.js') : join(root, 'src/main.ts');
    const probe = options.probe === true ? ['--import', probeFile] : [];
    return spawn(process.execPath, [...probe, main, 'zookeeper', file], {
      stdio: ['ignore', 'ignore', 'inherit', ...(options.probe === true ? (['ipc'] as const) : [])],
      env: { ...process.env, HIKUBE_LOG_LEVEL: 'warn', NODE_ENV: 'production' },
    });
  };
  const began = performance.now();
  const children = ports.map((_, index) => launch(index));
  for (const port of ports) await mode(port);
  const startMs = performance.now() - began;
  return {
    kind,
    ports,
    folder,
    startMs,
    pid: (index) => children[index]!.pid!,
    longestStop(index) {
      const child = children[index]!;
      if (!child.connected) return Promise.resolve(undefined);
      return new Promise((answer) => {
        child.once('message', (longest) => answer(longest as Stop));
        child.send('longest');
      });
    },
    kill: (index) => ended(children[index]!, 'SIGKILL'),
    async restart(index) {
      const againMs = performance.now();
      children[index] = launch(index);
      await mode(ports[index]!);
      return performance.now() - againMs;
    },
    async stop() {
      await Promise.all(children.map((child) => ended(child, 'SIGKILL')));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const PATIENCE_MS = 300;

/** Waits until a server serves. */
export async function mode(port: number): Promise<string> {
  for (let attempt = 0; attempt < 6_000; attempt++) {
    // Apache's server may take a connection while it starts and never answer on it.
    const late = new Promise<string>((resolve) => setTimeout(resolve, PATIENCE_MS, ''));
    const text = await Promise.race([fourLetterWord(port, 'srvr').catch(() => ''), late]);
    const found = /Mode: (\w+)/.exec(text)?.[1];
    if (found !== undefined) return found;
    await sleep(10);
  }
  throw new Error(`port ${port} does not serve`);
}

export const rssMb = (servers: Servers, index = 0): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${servers.pid(index)}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** Ticks of a hundredth of a second, as `/proc` counts them on Linux. */
const TICK_MS = 10;

/** Processor time that all servers have used, in milliseconds: unlike wall time it does not depend on who else runs. */
export function cpuMs(servers: Servers): number {
  return servers.ports.reduce((sum, _, index) => {
    const [, rest = ''] = readFileSync(`/proc/${servers.pid(index)}/stat`, 'utf8').split(') ');
    const [user = 0, system = 0] = rest.split(' ').slice(11, 13).map(Number);
    return sum + (user + system) * TICK_MS;
  }, 0);
}

export const sleep = (ms: number): Promise<void> => new Promise((wait) => setTimeout(wait, ms));

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function commit(): string {
  try {
    const head = execFileSync('git', ['-C', root, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
    const changed = execFileSync('git', ['-C', root, 'status', '--porcelain', 'src'], { encoding: 'utf8' }) !== '';
    return changed ? `${head} with changes` : head;
  } catch {
    return 'unknown';
  }
}
