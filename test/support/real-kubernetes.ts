import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const rig = resolve(import.meta.dirname, '../../../shared/kube');

export type RunningKubernetes = { readonly kubeconfig: string; stop(): Promise<void> };

/**
 * A real control plane (etcd, API server, controllers, scheduler) of its own, or the one whose kubeconfig stands in
 * `REAL_KUBECONFIG`. Fails where there is none to be had: conformance is not skipped.
 */
export async function startRealKubernetes(): Promise<RunningKubernetes> {
  const given = process.env.REAL_KUBECONFIG;
  if (given !== undefined && given !== '') return { kubeconfig: given, stop: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'real-kubernetes-'));
  const port = 20_000 + (process.pid % 8_000) * 5;
  const { stdout } = await run(join(rig, 'up'), [folder], { env: { ...process.env, RIG_PORT: String(port) } });
  return {
    kubeconfig: stdout.trim(),
    async stop() {
      await run(join(rig, 'down'), [folder, '--wipe']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
