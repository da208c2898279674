import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import type { Network } from '../../src/base/index.ts';
import {
  createKubeClient,
  type KubeClient,
  type KubeObject,
  loadClusterAccess,
  resourceType,
} from '../../src/kube/index.ts';
import { applyObjects, installDefinitions, readManifest } from '../../src/local/index.ts';
import { nodeNetwork } from '../../src/platform/index.ts';
import { realDeps } from '../support/deps.ts';
import { main, processesOf, runLocal } from '../support/local-run.ts';

const root = resolve(import.meta.dirname, '../..');
export const quickStartFile = join(root, 'manifests', 'quick-start.yaml');

export type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
};
export type Resource = KubeObject & {
  readonly spec?: Record<string, unknown>;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly bootstrap?: string;
    readonly conditions?: readonly Condition[];
  };
};
const ours = (kind: string, plural: string) =>
  resourceType<Resource>({ apiVersion: 'kafka.hikube.cloud/v1alpha1', kind, plural, namespaced: true });
export const kafkaClusters = ours('KafkaCluster', 'kafkaclusters');
export const kafkaTopics = ours('KafkaTopic', 'kafkatopics');
export const zooKeepers = ours('ZooKeeper', 'zookeepers');

export interface Cluster {
  readonly client: KubeClient;
  /** Whether the API server is the one that KUBECONFIG named. */
  readonly isReal: boolean;
  apply(file: string): Promise<void>;
  /** Pids by pod name, and `operator`. */
  processes(): Map<string, number>;
  /** SIGKILL to the operator; it is started again. Answers when another one runs. */
  killOperator(): Promise<void>;
  kafka(bootstrap: string): Kafka;
  /** Connects as a pod would: by the names of Services and pods. */
  readonly network: Network;
  stop(): Promise<void>;
}

/**
 * The product on an API server: nodes whose pods are processes of this machine, and an operator process that is started
 * again whenever it ends. With the local API server all of it is one `hikube-kafka local`.
 */
export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-'));
  const given = process.env.KUBECONFIG;
  const isReal = given !== undefined && given !== '';
  const local = runLocal(folder, isReal ? ['--kubeconfig', given] : ['--no-quick-start']);
  const { kubeconfig } = await local.ready;
  const access = await loadClusterAccess({ file: kubeconfig });
  if (!access.ok) throw new Error(access.problem);
  const client = createKubeClient(access.value, realDeps);
  const operator = isReal ? keepOperator(folder, kubeconfig) : undefined;
  if (isReal) {
    const installed = await installDefinitions(client, join(root, 'crds'));
    if (!installed.ok) throw new Error(installed.problem);
  }
  const operatorPid = (): number | undefined => operator?.pid() ?? processesOf(folder).get('operator');
  return {
    client,
    isReal,
    network: nodeNetwork({ HIKUBE_HOSTS_FILE: join(folder, 'hosts') }),
    async apply(file) {
      const read = readManifest(file);
      if (!read.ok) throw new Error(read.problem);
      const applied = await applyObjects(client, read.value);
      if (!applied.ok) throw new Error(applied.problem);
    },
    processes() {
      const byName = new Map<string, number>();
      for (const [what, pid] of processesOf(folder)) byName.set(what.split('/')[1] ?? what, pid);
      return byName;
    },
    async killOperator() {
      const before = operatorPid();
      if (before !== undefined) process.kill(before, 'SIGKILL');
      while (operatorPid() === undefined || operatorPid() === before)
        await new Promise((again) => setTimeout(again, 20));
    },
    kafka: (bootstrap) =>
      new Kafka({ brokers: [bootstrap], clientId: 'e2e', logLevel: logLevel.NOTHING, retry: { retries: 12 } }),
    async stop() {
      await operator?.stop();
      client.close();
      local.process.kill('SIGTERM');
      await local.exitCode;
      if (process.env.E2E_KEEP === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function keepOperator(folder: string, kubeconfig: string): { pid(): number | undefined; stop(): Promise<void> } {
  let child: ChildProcess | undefined;
  let stopped = false;
  const log = createWriteStream(join(folder, 'operator.log'), { flags: 'a' });
  const network = readFileSync(join(folder, 'network'), 'utf8').trim();
  const start = (): void => {
    child = spawn(process.execPath, [main, 'operator'], {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        KUBECONFIG: kubeconfig,
        HIKUBE_HOSTS_FILE: join(folder, 'hosts'),
        HIKUBE_OPERATOR_IDENTITY: 'e2e-operator',
        HIKUBE_POD_ADDRESS: `127.${network}.0.2`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('exit', () => {
      if (!stopped) start();
    });
  };
  start();
  return {
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    async stop() {
      stopped = true;
      const running = child;
      if (running === undefined || running.exitCode !== null) return;
      const ended = new Promise((done) => running.once('exit', done));
      running.kill('SIGTERM');
      await ended;
    },
  };
}

export const conditionOf = (object: Resource | undefined, type: string): Condition | undefined =>
  object?.status?.conditions?.find((condition) => condition.type === type);
