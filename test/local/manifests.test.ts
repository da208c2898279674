import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { success } from '../../src/base/index.ts';
import { createKubeClient, type KubeClient } from '../../src/kube/index.ts';
import { applyObjects, installDefinitions, readManifest } from '../../src/local/index.ts';
import { realDeps } from '../support/deps.ts';
import { startLocalApiServer } from '../support/local-api-server.ts';

const root = resolve(import.meta.dirname, '../..');

test('definitions count as installed when the API server lists their kinds, which may be after it established them', async () => {
  const server = await startLocalApiServer();
  const client = createKubeClient(server.access, realDeps);
  try {
    // As kube-apiserver just after its start: established, and for some moments not listed.
    let unlisted = 6;
    const late: KubeClient = {
      ...client,
      async raw(request) {
        const answer = await client.raw(request);
        if (!answer.ok || unlisted-- <= 0) return answer;
        const list = JSON.parse(answer.value) as { resources: { kind: string }[] };
        return success(
          JSON.stringify({ ...list, resources: list.resources.filter(({ kind }) => kind !== 'ZooKeeper') }),
        );
      },
    };
    const installed = await installDefinitions(late, join(root, 'crds'));
    expect(installed).toMatchObject({ ok: true });
    expect(installed.ok && installed.value.map(({ kind }) => kind)).toContain('ZooKeeper');
    const read = readManifest(join(root, 'manifests', 'quick-start.yaml'));
    if (!read.ok) throw new Error(read.problem);
    const applied = await applyObjects(late, read.value);
    expect(applied.ok || applied.problem).toBe(true);
  } finally {
    client.close();
    await server.stop();
  }
});
