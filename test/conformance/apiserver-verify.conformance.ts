/**
 * The checks of an API server that `../shared/kube/verify-api` makes with kubectl, against the whole local
 * Kubernetes: some of them need controllers.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'apiserver-verify-'));
let local: ChildProcess;
let kubeconfig: string;

beforeAll(async () => {
  const args = [
    'src/main.ts',
    'local',
    '--data',
    join(folder, 'data'),
    '--port',
    '0',
    '--no-quick-start',
    '--output',
    'json',
  ];
  local = spawn(join(root, 'node_modules/.bin/node'), args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: local.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line')) as [string];
  kubeconfig = join(folder, 'kubeconfig');
  // The checks write to their kubeconfig.
  copyFileSync((JSON.parse(line) as { kubeconfig: string }).kubeconfig, kubeconfig);
});

afterAll(async () => {
  local.kill('SIGTERM');
  if (local.exitCode === null) await once(local, 'exit');
  rmSync(folder, { recursive: true, force: true });
});

/** Checks that do not pass, and why. */
const exceptions: Record<string, string> = {
  'token for a service account': 'there is one user, the administrator',
  'ValidatingAdmissionPolicy (CEL) is served': 'admission policies are not evaluated',
  "namespace with Pod Security 'restricted' refuses a root pod": 'pods are processes of the person who runs them',
};

test('26 of 29 checks pass; those that do not are the ones named', async () => {
  const script = resolve(root, '../shared/kube/verify-api');
  const checks = spawn(script, [kubeconfig], { env: { ...process.env, HOME: folder } });
  let text = '';
  checks.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  await once(checks, 'close');
  const failed = [...text.matchAll(/^FAIL {2} *(.*)$/gm)].map((match) => match[1] as string);
  expect(failed.sort(), text).toEqual(Object.keys(exceptions).sort());
  expect(text).toContain('26 passed, 3 failed');
});
