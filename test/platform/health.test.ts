import { expect, test } from 'vitest';
import { serveHealth } from '../../src/platform/index.ts';

test('the endpoint says ready or why not, and renders metrics as Prometheus reads them', async () => {
  let waiting: string | undefined = 'the log is being recovered';
  const server = await serveHealth(
    { host: '127.0.0.1', port: 0 },
    {
      notReadyBecause: () => waiting,
      metrics: () => [
        { name: 'records_total', help: 'Records.', kind: 'counter', samples: [{ labels: { topic: 'a' }, value: 3 }] },
      ],
    },
  );
  const at = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.address.port}${path}`);
  expect((await at('/healthz')).status).toBe(200);
  const notReady = await at('/readyz');
  expect(notReady.status).toBe(503);
  expect(await notReady.text()).toContain('the log is being recovered');
  waiting = undefined;
  expect((await at('/readyz')).status).toBe(200);
  const metrics = await (await at('/metrics')).text();
  expect(metrics).toContain('records_total{topic="a"} 3');
  expect(metrics).toContain('process_resident_memory_bytes');
  expect((await at('/nothing')).status).toBe(404);
  await server.close();
});
