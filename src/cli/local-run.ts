import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { failure, type Logger, type Result, success } from '../base/index.ts';
import { type KubeObject, keyText, loadClusterAccess, parseKubeconfig, type ResourceType } from '../kube/index.ts';
import {
  type AppliedObject,
  applyObjects,
  claimNetwork,
  installDefinitions,
  instanceVariable,
  type LocalNodes,
  type LoopbackNetwork,
  lockInstance,
  openProcessRegistry,
  type PodLogRequest,
  readManifest,
  type SupervisedProcess,
  startApiServer,
  startLocalNodes,
  startSupervised,
  waitUntilReady,
} from '../local/index.ts';
import { systemClock, systemRandom } from '../platform/index.ts';
import type { Reporter } from './local-report.ts';

export type LocalSettings = {
  /** Absolute. */
  readonly folder: string;
  readonly fresh: boolean;
  readonly port: number;
  readonly quickStart: boolean;
  /** Files to apply, absolute. */
  readonly files: readonly string[];
  readonly output: 'text' | 'json';
  /** Of another API server: then only nodes are started. */
  readonly kubeconfig: string | undefined;
  /** To go without loopback addresses other than 127.0.0.1, as it does by itself where there are none. */
  readonly singleAddress: boolean;
};

const nodeCount = 3;
/** Listened on by pods, each on its own address; another program that listens on all addresses would be in their way. */
const podPorts = [2181, 9091, 9092, 9094, 9404];
const podGraceMs = 8_000;
const operatorGraceMs = 5_000;
const remindMs = 5_000;
/** A terminal's Ctrl-C reaches us directly and again through npm: a second signal counts only after this time. */
const repeatedSignalMs = 1_500;

type Stop = () => Promise<void>;

/** Runs until a signal, or a start that fails; answers the exit code. Whatever was started is stopped, in reverse order. */
export async function runLocal(settings: LocalSettings, report: Reporter, logger: Logger): Promise<number> {
  const stops: Stop[] = [];
  const abort = new AbortController();
  const registryFolder = join(settings.folder, 'processes');
  const signalled = waitForSignal(abort, registryFolder, report);
  const keepAlive = setInterval(() => {}, 1 << 30);
  const started = start(settings, report, logger, stops, abort.signal).catch((error: unknown) => {
    logger.error({ err: error }, 'the start failed');
    return failure(error instanceof Error ? error.message : String(error));
  });
  const first = await Promise.race([started, signalled]);
  let exitCode = 0;
  if (first !== 'signalled') {
    if (first.ok) await signalled;
    else if (!abort.signal.aborted) {
      report.problem(first.problem);
      exitCode = 1;
    }
  }
  abort.abort();
  // A start that was cut short ends soon by itself, and may have started more by then.
  await started;
  for (const stop of stops.reverse()) {
    try {
      await stop();
    } catch (error) {
      logger.error({ err: error }, 'could not stop in order');
      exitCode = 1;
    }
  }
  if (first === 'signalled' || exitCode === 0) report.step('stopped');
  clearInterval(keepAlive);
  return exitCode;
}

function waitForSignal(abort: AbortController, registryFolder: string, report: Reporter): Promise<'signalled'> {
  return new Promise((done) => {
    let firstMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = performance.now();
      if (firstMs === undefined) {
        firstMs = nowMs;
        report.step(`${signal}: stopping (once more to stop at once)`);
        abort.abort();
        done('signalled');
      } else if (nowMs - firstMs > repeatedSignalMs) {
        openProcessRegistry(registryFolder, silent).killAll();
        process.exit(130);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

async function start(
  settings: LocalSettings,
  report: Reporter,
  logger: Logger,
  stops: Stop[],
  signal: AbortSignal,
): Promise<Result<void, string>> {
  const { folder } = settings;
  const clock = systemClock;
  const random = systemRandom();
  const startedMs = clock.monotonicMs();
  const isNew = !existsSync(folder) || settings.fresh;

  // Read first: a file with a mistake should cost nothing.
  const files = [...(settings.quickStart ? [join(findData('manifests'), 'quick-start.yaml')] : []), ...settings.files];
  const objects: KubeObject[] = [];
  for (const file of settings.kubeconfig === undefined ? files : []) {
    const read = readManifest(file);
    if (!read.ok) return read;
    objects.push(...read.value);
  }

  const lock = lockInstance(folder);
  if (!lock.ok) return failure(lock.problem.message);
  stops.push(async () => lock.value());
  if (settings.fresh) {
    const cleared = await clear(folder, logger);
    if (!cleared.ok) return cleared;
  }
  const registry = openProcessRegistry(join(folder, 'processes'), logger);
  const leftovers = await registry.endLeftovers();
  if (leftovers > 0) report.step(`ended ${leftovers} processes that an earlier run left`);
  const claimed = await claimNetwork(folder, settings);
  if (!claimed.ok) return claimed;
  const network = claimed.value;
  stops.push(() => network.release());
  const busy = network.freePorts === undefined ? await busyPort(network) : undefined;
  if (busy !== undefined) return failure(busy);
  report.step(`data folder ${folder}${isNew ? ' (new)' : ''}`);
  if (network.freePorts !== undefined) report.step('pods share the address 127.0.0.1, each with ports of its own');

  let nodes: LocalNodes | undefined;
  const kubeconfigFile = settings.kubeconfig ?? join(folder, 'kubeconfig');
  let access: Awaited<ReturnType<typeof loadClusterAccess>>;
  if (settings.kubeconfig === undefined) {
    const server = await startApiServer({
      folder: join(folder, 'kubernetes'),
      port: settings.port,
      clock,
      logger,
      serviceRange: network.serviceRange,
      podLogs: (request, out) => podLogs(nodes, request, out),
    });
    if (!server.ok) {
      const hint = server.problem.kind === 'port-in-use' ? ' Choose it with --port.' : '';
      return failure(`${server.problem.message}${hint}`);
    }
    stops.push(() => server.value.stop());
    writeFileSync(`${kubeconfigFile}.new`, server.value.kubeconfig, { mode: 0o600 });
    renameSync(`${kubeconfigFile}.new`, kubeconfigFile);
    report.step(`API server at ${server.value.url}`);
    access = await parseKubeconfig(server.value.kubeconfig);
  } else {
    access = await loadClusterAccess({ file: kubeconfigFile });
  }
  if (!access.ok) return access;
  if (signal.aborted) return failure('stopped');

  const hostsFile = join(folder, 'hosts');
  const environment = {
    ...baseEnvironment(),
    NODE_COMPILE_CACHE: compileCacheFolder(folder),
    [instanceVariable]: registry.folder,
  };
  const main = resolve(process.argv[1] ?? '');
  const program = {
    name: 'hikube-kafka',
    argv: [process.execPath, main],
    environment: { NODE_COMPILE_CACHE: compileCacheFolder(folder) },
  } as const;

  stops.push(async () => {
    await nodes?.stop({
      graceMs: podGraceMs,
      // Brokers say goodbye to ZooKeeper, so it goes last.
      rankOf: (pod) => (pod.metadata.labels?.['app.kubernetes.io/name'] === 'zookeeper' ? 1 : 0),
      onGroup: (pods) => report.step(`stopping ${[...pods].sort().join(', ')}`),
    });
  });
  // The operator's start costs CPU, not the API server's time: begin it while the nodes register.
  let operator: SupervisedProcess | undefined;
  if (settings.kubeconfig === undefined) {
    operator = startSupervised(
      {
        what: 'operator',
        command: process.execPath,
        args: [main, 'operator'],
        environment: {
          ...environment,
          KUBECONFIG: kubeconfigFile,
          HIKUBE_HOSTS_FILE: hostsFile,
          // One at a time, kept by us: after a crash it goes on leading at once.
          HIKUBE_OPERATOR_IDENTITY: 'local-operator',
          // Its health endpoint is on an address of this instance's own, so that instances do not meet there.
          HIKUBE_POD_ADDRESS: network.operatorAddress,
          ...(network.freePorts === undefined ? {} : { HIKUBE_POD_PORTS: '' }),
        },
        logFile: join(folder, 'operator.log'),
        onStart: (pid) => report.step(`operator started (process ${pid}, log ${join(folder, 'operator.log')})`),
        onExit: (how) => report.step(`the operator ended (${how}); starting it again`),
      },
      { clock, registry },
    );
    const running = operator;
    stops.push(async () => {
      report.step('stopping the operator');
      await running.stop(operatorGraceMs);
    });
  }
  const startedNodes = await startLocalNodes({
    access: access.value,
    folder,
    network,
    registry,
    program,
    baseEnvironment: baseEnvironment(),
    nodeCount,
    controllers: settings.kubeconfig === undefined ? 'all' : 'load-balancers',
    clock,
    random,
    logger,
    signal,
  });
  nodes = startedNodes;
  report.step(`${nodeCount} nodes in ${nodeCount} zones are Ready`);

  const deps = { client: startedNodes.client, clock, random, logger };
  let applied: readonly AppliedObject[] = [];
  if (settings.kubeconfig === undefined) {
    const kinds = await installDefinitions(startedNodes.client, findData('crds'));
    if (!kinds.ok) return kinds;
    report.step(`installed ${kinds.value.map(({ kind }) => kind).join(', ')}`);
    const answer = await applyObjects(startedNodes.client, objects);
    if (!answer.ok) return answer;
    applied = answer.value;
    for (const file of files) report.step(`applied ${file}`);
    // With nothing to apply, it is what an earlier start applied that has to be Ready again.
    if (files.length === 0) applied = await existingResources(startedNodes, kinds.value);
    const ours = applied.filter(({ type }) => kinds.value.some(({ kind }) => kind === type.kind));
    await waitUntilReady(
      ours,
      {
        onProgress: (progress) =>
          report.step(
            progress.kind === 'ready'
              ? `${progress.object} is Ready`
              : `waiting for ${progress.object}${progress.forMs < 1_000 ? '' : ` (${Math.round(progress.forMs / 1000)} s)`}: ${shortened(progress.what)}`,
          ),
        alsoNeeded: (object) => podsNotRunning(startedNodes, object),
        remindMs,
        signal,
      },
      deps,
    );
    if (signal.aborted) return failure('stopped');
  }

  const bootstrap = await reachableBootstrap(startedNodes, applied, signal);
  if (signal.aborted) return failure('stopped');
  const topic = applied.find(({ type }) => type.kind === 'KafkaTopic')?.key.name;
  report.ready({
    bootstrap,
    kubeconfig: kubeconfigFile,
    readySeconds: Math.round((clock.monotonicMs() - startedMs) / 100) / 10,
    topic,
    folder,
    pids: pidsByRole(startedNodes, operator),
  });
  return success(undefined);
}

async function existingResources({ client }: LocalNodes, types: readonly ResourceType[]): Promise<AppliedObject[]> {
  const found: AppliedObject[] = [];
  for (const type of types) {
    const answer = await client.list(type);
    for (const { metadata } of answer.ok ? answer.value.items : []) {
      found.push({ type, key: { name: metadata.name, namespace: metadata.namespace } });
    }
  }
  return found;
}

/** Deletes what an instance keeps in its folder, and refuses a folder that is not one of ours. */
async function clear(folder: string, logger: Logger): Promise<Result<void, string>> {
  const names = readdirSync(folder).filter((name) => name !== 'lock');
  if (names.length > 0 && !names.includes('network') && !names.includes('processes')) {
    return failure(
      `${folder} does not look like a data folder of hikube-kafka, so --fresh does not delete it: choose another one with --data`,
    );
  }
  await openProcessRegistry(join(folder, 'processes'), logger).endLeftovers();
  for (const name of names) rmSync(join(folder, name), { recursive: true, force: true });
  return success(undefined);
}

/** A sentence if another program listens on all addresses at a port that pods need. */
async function busyPort(network: LoopbackNetwork): Promise<string | undefined> {
  for (const port of podPorts) {
    const code = await new Promise<string | undefined>((done) => {
      const server = createServer();
      server.once('error', (error: NodeJS.ErrnoException) => done(error.code));
      server.listen({ host: network.nodeAddress(1), port }, () => server.close(() => done(undefined)));
    });
    if (code === 'EADDRINUSE') {
      return `port ${port} is in use on all addresses of this machine (another Kafka or ZooKeeper?), and pods need it: stop that program, or let it listen on 127.0.0.1 only`;
    }
  }
  return undefined;
}

async function podLogs(
  nodes: LocalNodes | undefined,
  request: Omit<PodLogRequest, 'sinceMs'> & { readonly sinceSeconds?: number },
  out: NodeJS.WritableStream & { readonly destroyed?: boolean },
): Promise<undefined | { status: number; message: string }> {
  if (nodes === undefined) return { status: 500, message: 'the nodes are starting' };
  const abort = new AbortController();
  out.on('close', () => abort.abort());
  const sinceMs = request.sinceSeconds === undefined ? undefined : Date.now() - request.sinceSeconds * 1000;
  const log = nodes.kubelet.podLogs({ ...request, sinceMs }, abort.signal);
  if (!log.ok) return { status: 400, message: log.problem };
  for await (const chunk of log.value) {
    if (abort.signal.aborted) break;
    if (!out.write(chunk)) {
      await new Promise<void>((done) => {
        out.once('drain', done);
        abort.signal.addEventListener('abort', () => done(), { once: true });
      });
    }
  }
  return undefined;
}

const shownLength = 100;
const shortened = (text: string): string =>
  text.length <= shownLength ? text : `${text.slice(0, shownLength - 3)}...`;

const componentOf: Readonly<Record<string, string>> = { KafkaCluster: 'kafka', ZooKeeper: 'zookeeper' };

/** Conditions may stand from an earlier run until the operator has looked: the object's pods must be Ready in this one. */
function podsNotRunning({ view }: LocalNodes, { type, key }: AppliedObject): string | undefined {
  const component = componentOf[type.kind];
  const waiting = view
    .pods()
    .list()
    .filter(({ metadata: { labels = {} } }) => {
      const isOfObject =
        labels['app.kubernetes.io/name'] === component && labels['app.kubernetes.io/instance'] === key.name;
      return component === undefined || isOfObject;
    })
    .filter((pod) => pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.status !== 'True')
    .map(({ metadata }) => metadata.name);
  return waiting.length === 0 ? undefined : `Starting: ${waiting.sort().join(', ')}`;
}

type ClusterWithBootstrap = KubeObject & { readonly status?: { readonly bootstrap?: string } };

/** The first cluster's address for clients, once a connection to it is accepted. */
async function reachableBootstrap(
  { client }: LocalNodes,
  applied: readonly AppliedObject[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const cluster = applied.find(({ type }) => type.kind === 'KafkaCluster');
  if (cluster === undefined) return undefined;
  const answer = await client.get(cluster.type as ResourceType<ClusterWithBootstrap>, cluster.key);
  const bootstrap = answer.ok ? answer.value.status?.bootstrap : undefined;
  const match = /^(127\.[\d.]+):(\d+)$/.exec(bootstrap ?? '');
  if (match === null) return bootstrap;
  while (!signal.aborted) {
    const accepted = await new Promise<boolean>((done) => {
      const socket = connect({ host: match[1] as string, port: Number(match[2]) });
      socket.once('connect', () => done(true));
      socket.once('error', () => done(false));
      socket.once('connect', () => socket.destroy());
    });
    if (accepted) break;
    await new Promise((again) => setTimeout(again, 50));
  }
  return bootstrap;
}

function pidsByRole(nodes: LocalNodes, operator: SupervisedProcess | undefined): Record<string, number | number[]> {
  const byRole: Record<string, number | number[]> = { local: process.pid };
  if (operator?.pid !== undefined) byRole.operator = operator.pid;
  for (const role of ['zookeeper', 'broker']) {
    const ofRole = nodes.kubelet.running().filter(({ args }) => args[1] === role);
    byRole[role] = ofRole
      .sort((a, b) => (keyText({ name: a.pod }) < keyText({ name: b.pod }) ? -1 : 1))
      .map(({ pid }) => pid);
  }
  return byRole;
}

/** What every process gets of our own environment: enough to find programs and a home, nothing that steers Node or Kafka. */
function baseEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'HIKUBE_LOG_LEVEL'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

/** Compiled code is kept with the installed packages, so that a fresh data folder starts as fast as an old one. */
function compileCacheFolder(folder: string): string {
  const packages = join(dirname(findData('crds')), 'node_modules');
  const shared = join(packages, '.cache', 'hikube-kafka');
  try {
    if (existsSync(packages)) {
      mkdirSync(shared, { recursive: true });
      return shared;
    }
  } catch {
    // Installed where we may not write: the data folder does.
  }
  return join(folder, 'compile-cache');
}

/** `crds/` and `manifests/` lie beside the program's folder in a checkout, and in it when it is built. */
function findData(name: string): string {
  const program = dirname(resolve(process.argv[1] ?? '.'));
  const candidates = [join(program, name), join(program, '..', name)];
  return candidates.find((path) => existsSync(path)) ?? (candidates[1] as string);
}
