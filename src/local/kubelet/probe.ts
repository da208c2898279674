import { spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Address } from '../../base/index.ts';
import type { Container } from './environment.ts';
import { signalGroup } from './process-registry.ts';

export type ProbeSpec = NonNullable<Container['livenessProbe']>;
type Handler = Pick<ProbeSpec, 'exec' | 'httpGet' | 'tcpSocket'> & {
  readonly sleep?: { readonly seconds: number } | undefined;
};

/** Where and how a container is asked. */
export type ProbeTarget = {
  /** Where a port of the pod is bound. */
  readonly served: (port: number) => Address;
  readonly container: Container;
  /** Starts a command as if in the container. */
  readonly command: (argv: readonly string[]) => {
    readonly command: string;
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly folder: string;
  };
};

const outputLimitBytes = 4 * 1024;

/** Runs one probe or lifecycle handler. Answers undefined when it succeeded, else what went wrong, as `kubectl describe` shows it. */
export async function runHandler(
  handler: Handler,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<string | undefined> {
  if (handler.httpGet !== undefined) return httpGet(handler.httpGet, target, timeoutMs);
  if (handler.tcpSocket !== undefined) {
    const port = portNumber(handler.tcpSocket.port, target.container);
    return port === undefined
      ? `there is no port ${handler.tcpSocket.port}`
      : tcpConnect(asked(handler.tcpSocket.host, port, target), timeoutMs);
  }
  if (handler.exec !== undefined) return execute(handler.exec.command ?? [], target, timeoutMs);
  if (handler.sleep !== undefined) {
    const { seconds } = handler.sleep;
    await new Promise((resolve) => setTimeout(resolve, Math.min(timeoutMs, seconds * 1000)));
    return undefined;
  }
  return 'a handler of this kind is not known here (exec, httpGet and tcpSocket are)';
}

const asked = (host: string | undefined, port: number, target: ProbeTarget): Address =>
  host === undefined ? target.served(port) : { host, port };

function portNumber(port: string | number, container: Container): number | undefined {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  return container.ports?.find(({ name }) => name === port)?.containerPort;
}

function httpGet(
  spec: NonNullable<Handler['httpGet']>,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<string | undefined> {
  const port = portNumber(spec.port, target.container);
  if (port === undefined) return Promise.resolve(`there is no port ${spec.port}`);
  const secure = spec.scheme === 'HTTPS';
  const address = asked(spec.host, port, target);
  const url = `${secure ? 'https' : 'http'}://${address.host}:${address.port}${spec.path ?? '/'}`;
  return new Promise((resolve) => {
    const options = {
      agent: false as const,
      timeout: timeoutMs,
      headers: {
        'user-agent': 'kube-probe/hikube',
        ...Object.fromEntries((spec.httpHeaders ?? []).map(({ name, value }) => [name, value])),
      },
      ...(secure ? { rejectUnauthorized: false } : {}),
    };
    const request = (secure ? httpsRequest : httpRequest)(url, options, (answer) => {
      const status = answer.statusCode ?? 0;
      let body = '';
      answer.on('data', (chunk: Buffer) => {
        if (body.length < 200) body += chunk.toString('utf8');
      });
      answer.on('error', () => {});
      answer.on('end', () => {
        const isGood = status >= 200 && status < 400;
        const said = body.trim().slice(0, 200);
        resolve(isGood ? undefined : `HTTP probe failed with statuscode: ${status}${said === '' ? '' : ` (${said})`}`);
      });
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    request.on('error', (error) => resolve(`Get "${url}": ${error.message}`));
    request.on('close', () => clearTimeout(timer));
    request.end();
  });
}

function tcpConnect({ host, port }: Address, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (problem: string | undefined): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(timeoutMs, () => end(`dial tcp ${host}:${port}: no answer within ${timeoutMs / 1000} s`));
    socket.once('connect', () => end(undefined));
    socket.once('error', (error) => end(`dial tcp ${host}:${port}: ${error.message}`));
  });
}

function execute(argv: readonly string[], target: ProbeTarget, timeoutMs: number): Promise<string | undefined> {
  const { command, args, environment, folder } = target.command(argv);
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: folder,
      env: environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        if (output.length < outputLimitBytes) output += chunk.toString('utf8');
      });
    }
    const timer = setTimeout(() => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      resolve(`command "${argv.join(' ')}" timed out`);
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(
        code === 0 ? undefined : `command "${argv.join(' ')}" exited with ${code}: ${output.trim().slice(0, 1024)}`,
      );
    });
  });
}
