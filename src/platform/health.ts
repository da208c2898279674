import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address, Metric, MetricSource } from '../base/index.ts';
import { podListenAddress } from './pod-ports.ts';

export interface Health {
  /** Undefined while ready; otherwise what it waits for, as a sentence for a person. */
  notReadyBecause(): string | undefined;
  /** Undefined while the process can do its work; otherwise why it should be restarted. */
  brokenBecause?(): string | undefined;
  readonly metrics: MetricSource;
}

export interface HealthServer {
  readonly address: Address;
  close(): Promise<void>;
}

const requestTimeoutMs = 10_000;

/**
 * Serves `/healthz`, `/readyz` (503 and the reason while not) and `/metrics` (Prometheus text).
 *
 * @throws Node's error when the address is in use or may not be bound
 */
export function serveHealth(address: Address, health: Health): Promise<HealthServer> {
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(response, 405, 'only GET is answered here');
    if (path === '/healthz' || path === '/livez') return answerState(response, health.brokenBecause?.());
    if (path === '/readyz') return answerState(response, health.brokenBecause?.() ?? health.notReadyBecause());
    if (path === '/metrics') {
      render(health.metrics()).then(
        ({ text, contentType }) => answer(response, 200, text, contentType),
        (error: Error) => answer(response, 500, error.message),
      );
      return;
    }
    answer(response, 404, 'there are /healthz, /readyz and /metrics');
  });
  const { host, port } = podListenAddress(address, process.env);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      const bound = server.address() as AddressInfo;
      server.unref();
      resolve({
        address: { host: bound.address, port: bound.port },
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

function answerState(response: ServerResponse, problem: string | undefined): void {
  if (problem === undefined) answer(response, 200, 'ok');
  else answer(response, 503, problem);
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(text.endsWith('\n') ? text : `${text}\n`);
}

/** prom-client is loaded by the first scrape: a process that nobody scrapes does not pay its 22 MB. */
async function render(metrics: readonly Metric[]): Promise<{ text: string; contentType: string }> {
  const { default: prometheus } = await import('prom-client');
  const registry = new prometheus.Registry();
  for (const { name, help, kind, samples } of metrics) {
    const labelNames = Object.keys(samples[0]?.labels ?? {});
    const configuration = { name, help, labelNames, registers: [registry] };
    if (kind === 'counter') {
      const counter = new prometheus.Counter(configuration);
      for (const { labels, value } of samples) counter.inc({ ...labels }, value);
    } else {
      const gauge = new prometheus.Gauge(configuration);
      for (const { labels, value } of samples) gauge.set({ ...labels }, value);
    }
  }
  if (!processMetricsStarted) {
    processMetricsStarted = true;
    prometheus.collectDefaultMetrics();
  }
  const own = await registry.metrics();
  const process = await prometheus.register.metrics();
  return { text: `${own}${process}`, contentType: registry.contentType };
}

let processMetricsStarted = false;
