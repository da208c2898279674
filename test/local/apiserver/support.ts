import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { Clock, Logger } from '../../../src/base/index.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../../../src/local/apiserver/index.ts';

export const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every: (periodMs, call) => {
    const timer = setInterval(call, periodMs).unref();
    return { cancel: () => clearInterval(timer) };
  },
};

/** Says nothing, but keeps what a test may want to see. */
export function quietLogger(problems: unknown[] = []): Logger {
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (keys) => problems.push(keys),
    child: () => logger,
  };
  return logger;
}

export function temporaryFolder(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'apiserver-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: Body };
// Answers are looked into freely by tests.
// biome-ignore lint/suspicious/noExplicitAny: a test names the fields that it expects
export type Body = any;

/** A small client: JSON requests with the credentials of a kubeconfig. */
export class Client {
  readonly #options: RequestOptions;
  readonly url: string;

  constructor(kubeconfig: string) {
    const config = load(kubeconfig) as {
      clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
      users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
    };
    const { cluster } = config.clusters[0] as (typeof config.clusters)[0];
    const { user } = config.users[0] as (typeof config.users)[0];
    const decoded = (text: string): string => Buffer.from(text, 'base64').toString();
    this.url = cluster.server;
    this.#options = {
      ca: decoded(cluster['certificate-authority-data']),
      cert: decoded(user['client-certificate-data']),
      key: decoded(user['client-key-data']),
      agent: new Agent({ keepAlive: true, maxSockets: 16 }),
    };
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const bytes =
      body === undefined
        ? undefined
        : Buffer.from(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    const length: Record<string, string> = bytes === undefined ? {} : { 'Content-Length': String(bytes.length) };
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.url}${path}`,
        {
          ...this.#options,
          method,
          headers: { 'User-Agent': 'test/1', 'Content-Type': 'application/json', ...length, ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson = String(response.headers['content-type']).includes('json');
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: isJson ? JSON.parse(text) : text,
            });
          });
        },
      );
      sent.on('error', reject);
      sent.end(bytes);
    });
  }

  get = (path: string, headers?: Record<string, string>): Promise<Answer> => this.call('GET', path, undefined, headers);
  post = (path: string, body: unknown): Promise<Answer> => this.call('POST', path, body);
  put = (path: string, body: unknown): Promise<Answer> => this.call('PUT', path, body);
  remove = (path: string, body?: unknown): Promise<Answer> => this.call('DELETE', path, body);
  merge = (path: string, body: unknown): Promise<Answer> =>
    this.call('PATCH', path, body, { 'Content-Type': 'application/merge-patch+json' });
  strategic = (path: string, body: unknown): Promise<Answer> =>
    this.call('PATCH', path, body, { 'Content-Type': 'application/strategic-merge-patch+json' });
  json = (path: string, body: unknown): Promise<Answer> =>
    this.call('PATCH', path, body, { 'Content-Type': 'application/json-patch+json' });
  apply = (path: string, manager: string, body: unknown, force = false): Promise<Answer> =>
    this.call('PATCH', `${path}${path.includes('?') ? '&' : '?'}fieldManager=${manager}&force=${force}`, body, {
      'Content-Type': 'application/apply-patch+yaml',
    });

  /** Opens a watch; events gather until it is closed. */
  watch(path: string, headers: Record<string, string> = {}): Watch {
    const events: { type: string; object: Body }[] = [];
    let waiting: (() => void)[] = [];
    const wake = (): void => {
      for (const call of waiting) call();
      waiting = [];
    };
    let ended = false;
    const sent = request(`${this.url}${path}`, { ...this.#options, agent: false, headers }, (response) => {
      let rest = '';
      response.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() as string;
        for (const line of lines) events.push(JSON.parse(line));
        wake();
      });
      response.on('close', () => {
        ended = true;
        wake();
      });
      response.on('error', () => {});
    });
    sent.on('error', () => {});
    sent.end();
    const deadline = Date.now() + 10_000;
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`no such event within 10 s; got ${JSON.stringify(events)}`);
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          setTimeout(resolve, 100).unref();
        });
      }
    };
    return { events, until, ended: () => ended, close: () => sent.destroy() };
  }
}

export type Watch = {
  readonly events: { type: string; object: Body }[];
  until(condition: () => boolean): Promise<void>;
  ended(): boolean;
  close(): void;
};

export type Running = {
  readonly server: ApiServer;
  readonly client: Client;
  readonly problems: unknown[];
  stop(): Promise<void>;
};

export async function startedServer(folder: string, more: Partial<ApiServerOptions> = {}): Promise<Running> {
  const problems: unknown[] = [];
  const started = await startApiServer({ folder, port: 0, clock, logger: quietLogger(problems), ...more });
  if (!started.ok) throw new Error(started.problem.message);
  const client = new Client(started.value.kubeconfig);
  return { server: started.value, client, problems, stop: () => started.value.stop() };
}

/** Tries until it holds, for at most five seconds. */
export async function eventually(check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error('it did not come to hold within five seconds');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
