import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { spawnOwn } from '../support/zookeeper/own-server.ts';
import { WireClient } from '../support/zookeeper/wire-client.ts';

const ROUNDS = 5;

test('kill -9 at any time keeps every acknowledged znode', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zookeeper-kill-'));
  // Snapshots all the time, so that the kill meets them too.
  const settings = ['snapCount=200', 'autopurge.purgeInterval=1'];
  const acknowledged = new Map<string, string>();
  let port: number | undefined;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const server = await spawnOwn({ folder, settings, ...(port === undefined ? {} : { port }) });
      port = server.port;
      const client = new WireClient(server.port);
      await client.open();
      for (const [path, data] of acknowledged) {
        const reply = await client.call({ op: 'getData', path, watch: false });
        expect(reply?.body).toMatchObject({ kind: 'data', data: Buffer.from(data) });
      }
      const killed = new Promise<void>((resolve) => {
        setTimeout(() => void server.kill('SIGKILL').then(resolve), 100 + round * 80);
      });
      for (let index = 0; !client.closed; index++) {
        const path = `/r${round}-${index}`;
        const data = 'x'.repeat(index % 900);
        const asked = [0, 1, 2, 3].map((part) => ({
          path: `${path}-${part}`,
          reply: client.call({
            op: 'create',
            path: `${path}-${part}`,
            data: Buffer.from(data),
            acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
            flags: 0,
          }),
        }));
        for (const { path: created, reply } of asked) {
          if ((await reply)?.error === 0) acknowledged.set(created, data);
        }
      }
      await killed;
      client.destroy();
    }
    expect(acknowledged.size).toBeGreaterThan(ROUNDS * 20);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
