import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterAccess, parseKubeconfig } from '../../src/kube/index.ts';
import { startApiServer } from '../../src/local/index.ts';
import { realDeps } from './deps.ts';

/** Our own API server on a port and folder of its own. */
export async function startLocalApiServer(
  options: Pick<Parameters<typeof startApiServer>[0], 'podLogs' | 'serviceRange'> = {},
): Promise<{ readonly access: ClusterAccess; readonly folder: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'local-api-server-'));
  const server = await startApiServer({ folder, port: 0, clock: realDeps.clock, logger: realDeps.logger, ...options });
  if (!server.ok) throw new Error(server.problem.message);
  const access = await parseKubeconfig(server.value.kubeconfig);
  if (!access.ok) throw new Error(access.problem);
  return {
    access: access.value,
    folder,
    async stop() {
      await server.value.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
