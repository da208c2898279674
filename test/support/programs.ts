import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { classPathOf } from './originals.ts';

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

/** Runs a program to its end. @throws when it cannot be started or takes too long */
export async function run(
  command: string,
  args: readonly string[],
  { input = '', timeoutMs = 120_000 }: { readonly input?: string | Buffer; readonly timeoutMs?: number } = {},
): Promise<Ended> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    reject(
      new Error(`${command} ${args.slice(0, 6).join(' ')} did not end in ${timeoutMs} ms: ${text(err).slice(-2000)}`),
    );
  }, timeoutMs);
  child.once('error', reject);
  child.once('close', resolve);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  try {
    return { code: await promise, out: text(out), err: text(err) };
  } finally {
    clearTimeout(timer);
  }
}

/** One of Apache Kafka's own tools, by its main class. */
export function apacheTool(
  mainClass: string,
  args: readonly string[],
  options: Parameters<typeof run>[2] & { readonly original?: 'kafka-3.9' | 'kafka-4' } = {},
): Promise<Ended> {
  return run('java', ['-Xmx256m', '-cp', classPathOf(options.original ?? 'kafka-3.9'), mainClass, ...args], options);
}

/** A Python with these packages from PyPI, in a folder of its own that is made once a machine. */
export function pythonWith(...requirements: readonly string[]): string {
  const folder = join(homedir(), '.cache', 'hikube-kafka', `python-${requirements.join('-').replace(/[^\w.-]/g, '-')}`);
  const python = join(folder, 'bin', 'python');
  const done = join(folder, 'done');
  if (existsSync(done)) return python;
  for (const [command, args] of [
    ['python3', ['-m', 'venv', folder]],
    [python, ['-m', 'pip', 'install', '--quiet', ...requirements]],
    ['touch', [done]],
  ] as const) {
    const ended = spawnSync(command, args, { encoding: 'utf8' });
    if (ended.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ended.error?.message ?? ended.stderr}`);
  }
  return python;
}
