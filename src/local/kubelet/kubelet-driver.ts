import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { failure, type Result, success } from '../../base/index.ts';
import { keyOf, type Node, type Pod } from '../../kube/index.ts';
import type { AddressBook } from '../address-book.ts';
import { isOver, isTerminating } from '../pod-state.ts';
import { type LogOptions, readLog } from './container-log.ts';
import type { RegisteredNode } from './node-driver.ts';
import { createPodWorker, type PodWorker, type PodWorkerDeps } from './pod-worker-driver.ts';

export type PodLogRequest = LogOptions & {
  readonly namespace: string;
  readonly pod: string;
  /** May be left out if the pod has one container. */
  readonly container?: string | undefined;
  readonly previous?: boolean | undefined;
};

export type RunningContainer = {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly pid: number;
  /** As started, paths real. */
  readonly args: readonly string[];
};

export type StopOptions = {
  readonly graceMs: number;
  /** What others need while they stop has a higher rank. */
  readonly rankOf?: (pod: Pod) => number;
  readonly onGroup?: (pods: readonly string[]) => void;
};

export interface Kubelet {
  /** The processes that run now. */
  running(): RunningContainer[];
  /** The log of a container, or a sentence why there is none. The stream ends when `signal` is aborted. */
  podLogs(request: PodLogRequest, signal: AbortSignal): Result<AsyncGenerator<Buffer>, string>;
  /** Ends all pods, those of the lowest rank first, those of one rank together. */
  stop(options: StopOptions): Promise<void>;
}

/** The pods of all simulated nodes of this process. */
export function startKubelet(
  nodes: readonly RegisteredNode[],
  options: Omit<PodWorkerDeps, 'onLog'> & {
    readonly addresses: AddressBook;
    readonly hostAddress: (node: Node) => string;
  },
): Kubelet {
  const { view, addresses, logger } = options;
  const workers = new Map<string, PodWorker>();
  const ownNodes = new Map(nodes.map((node) => [node.identity.name, node]));
  const logWaiters = new Map<string, (() => void)[]>();
  let stopping = false;
  mkdirSync(options.podsFolder, { recursive: true });

  function onLog(podUid: string, container: string): void {
    const id = `${podUid}/${container}`;
    const waiters = logWaiters.get(id);
    if (waiters === undefined) return;
    logWaiters.delete(id);
    for (const wake of waiters) wake();
  }

  /** Uids of pods that have ended here and are still to be seen in the watch. */
  const ended = new Set<string>();

  function look(pod: Pod): void {
    const node = ownNodes.get(pod.spec?.nodeName ?? '');
    if (node === undefined || stopping) return;
    const key = keyOf(pod);
    const existing = workers.get(key);
    if (existing !== undefined) {
      if (existing.pod.metadata.uid === pod.metadata.uid) existing.update(pod);
      // Another pod of the same name: it starts when the one before it is gone.
      return;
    }
    // The watch is behind our own deletion: what it still shows has ended.
    if (ended.has(pod.metadata.uid ?? '')) return;
    if (isOver(pod) && !isTerminating(pod)) return;
    const address = addresses.ofPod(key);
    if (!address.ok) {
      options.recorder.record(pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', note: address.problem });
      return;
    }
    for (const port of portsOfPod(pod)) {
      const served = addresses.served({ host: address.value, port });
      if (served.ok) continue;
      options.recorder.record(pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', note: served.problem });
      return;
    }
    const ports = addresses.portsOf(address.value);
    const worker = createPodWorker(pod, address.value, ports, node.node, options.hostAddress(node.node), {
      ...options,
      onLog,
    });
    workers.set(key, worker);
    void worker.gone.then(() => {
      workers.delete(key);
      const next = view.pods().get(key);
      if (next === undefined) return;
      if (next.metadata.uid === pod.metadata.uid) ended.add(next.metadata.uid ?? '');
      else look(next);
    });
  }

  view.pods().onChange(({ key, current, previous }) => {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) {
      ended.delete(previous.metadata.uid ?? '');
    }
    if (current !== undefined) look(current);
    const worker = workers.get(key);
    if (worker === undefined || worker.pod.metadata.uid === current?.metadata.uid) return;
    // The pod was taken out of the API server by force: what runs of it must end too.
    const gone = previous !== undefined && previous.metadata.uid === worker.pod.metadata.uid ? previous : worker.pod;
    worker.update({
      ...gone,
      metadata: { ...gone.metadata, deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: 0 },
    } as Pod);
  });
  const refresh = (change: {
    readonly current?: { readonly metadata: { readonly namespace?: string | undefined } } | undefined;
  }): void => {
    const namespace = change.current?.metadata.namespace;
    for (const worker of workers.values()) if (worker.pod.metadata.namespace === namespace) worker.refreshVolumes();
  };
  view.configMaps().onChange(refresh);
  view.secrets().onChange(refresh);

  removeOldFolders();
  /** Folders of pods that ended while nobody looked. */
  function removeOldFolders(): void {
    const present = new Set(
      view
        .pods()
        .list()
        .map(({ metadata }) => `${metadata.namespace}_${metadata.name}_${metadata.uid}`),
    );
    for (const name of readdirSync(options.podsFolder)) {
      if (!present.has(name)) rmSync(join(options.podsFolder, name), { recursive: true, force: true });
    }
  }

  return {
    running: () =>
      [...workers.values()].flatMap(({ pod, runner }) =>
        (pod.spec?.containers ?? []).flatMap(({ name }) => {
          const process = runner(name)?.running;
          const { namespace = '', name: podName } = pod.metadata;
          return process === undefined ? [] : [{ namespace, pod: podName, container: name, ...process }];
        }),
      ),
    podLogs(request, signal) {
      const worker = workers.get(`${request.namespace}/${request.pod}`);
      if (worker === undefined) return failure(`pod ${request.namespace}/${request.pod} does not run here`);
      const names = worker.pod.spec?.containers.map(({ name }) => name) ?? [];
      const name = request.container ?? (names.length === 1 ? names[0] : undefined);
      const runner = name === undefined ? undefined : worker.runner(name);
      if (name === undefined || runner === undefined) {
        return failure(`container ${name ?? 'name'} must be one of: ${names.join(', ')}`);
      }
      const path = runner.logPath({ previous: request.previous === true });
      if (request.previous === true && !existsSync(path)) {
        return failure(`previous terminated container "${name}" in pod "${request.pod}" not found`);
      }
      const id = `${worker.pod.metadata.uid}/${name}`;
      const source = {
        path,
        isOver: () =>
          request.previous === true ||
          runner.logPath({ previous: false }) !== path ||
          runner.record.state.kind === 'terminated',
        appended: () =>
          new Promise<void>((resolve) => {
            logWaiters.set(id, [...(logWaiters.get(id) ?? []), resolve]);
          }),
      };
      return success(readLog(source, request, signal));
    },
    async stop({ graceMs, rankOf = () => 0, onGroup }) {
      stopping = true;
      const ranks = new Set([...workers.values()].map(({ pod }) => rankOf(pod)));
      for (const rank of [...ranks].sort((a, b) => a - b)) {
        const group = [...workers.values()].filter(({ pod }) => rankOf(pod) === rank);
        onGroup?.(group.map(({ pod }) => pod.metadata.name));
        await Promise.all(group.map((worker) => worker.shutDown(graceMs)));
      }
      logger.debug({ pods: workers.size }, 'all pods have ended');
    },
  };
}

/** Those that others may ask for: what its containers declare and what they are probed at. */
function portsOfPod(pod: Pod): number[] {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => {
    const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
    const probed = probes.map((probe) => Number(probe?.httpGet?.port ?? probe?.tcpSocket?.port));
    return [...(container.ports ?? []).map(({ containerPort }) => containerPort), ...probed];
  });
  return [...new Set(ports.filter((port) => Number.isInteger(port) && port > 0))];
}
