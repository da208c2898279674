import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from './ports.ts';

test('servers that are about to start get ports of their own, none of which the system gives to others', async () => {
  const ports = await Promise.all(Array.from({ length: 40 }, freePort));
  expect(new Set(ports).size).toBe(40);
  for (const port of ports) expect(port).toBeLessThan(32_768);
});

test('a port that somebody listens on is passed over', async () => {
  const taken = await freePort();
  const server = createServer().listen(taken, '127.0.0.1');
  await once(server, 'listening');
  const ports = new Set<number>();
  for (let round = 0; round < 150; round++) ports.add(await freePort());
  server.close();
  expect(ports).not.toContain(taken);
  expect(ports.size).toBeGreaterThan(50);
});
