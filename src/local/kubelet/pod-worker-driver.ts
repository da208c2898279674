import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Address, Clock, Logger, Random } from '../../base/index.ts';
import {
  type EventRecorder,
  type KubeClient,
  keyOf,
  type Node,
  type Pod,
  pods as podType,
  serviceAccounts,
} from '../../kube/index.ts';
import type { ClusterView } from '../cluster-view.ts';
import { isTerminating } from '../pod-state.ts';
import { quantityValue } from '../quantity.ts';
import type { Launch } from './container-process.ts';
import { type ContainerRunner, createContainerRunner, type Terminated } from './container-runner-driver.ts';
import { type Container, containerEnvironment, expandVariables, type References } from './environment.ts';
import { type MountedPath, rewriteMountPaths } from './mount-paths.ts';
import { type PodFailure, podStatusOf } from './pod-status.ts';
import { instanceVariable, type ProcessRegistry } from './process-registry.ts';
import { heapLimitMiB, type OwnProgram, resolveCommand } from './program.ts';
import { type PodVolume, unsupportedSources, volumeFiles } from './volume-files.ts';
import { writeVolume } from './volume-store.ts';

export type PodWorkerDeps = {
  readonly client: KubeClient;
  readonly view: ClusterView;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly registry: ProcessRegistry;
  readonly program: OwnProgram;
  /** A folder for each pod is made in it. */
  readonly podsFolder: string;
  readonly hostsFile: string;
  /** Environment of every container, e.g. PATH. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  /** Told when a container of the pod writes, starts or ends. */
  readonly onLog: (podUid: string, container: string) => void;
};

export interface PodWorker {
  readonly pod: Pod;
  /** A newer state of the pod from the API server. */
  update(pod: Pod): void;
  /** ConfigMaps or Secrets changed: brings mounted files up to date. */
  refreshVolumes(): void;
  runner(container: string): ContainerRunner | undefined;
  /** The node stops: ends the containers and leaves the pod, which goes on at the next start. */
  shutDown(graceMs: number): Promise<void>;
  /** Resolves when the pod is gone from this node and from the API server. */
  readonly gone: Promise<void>;
}

const setUpRetryMs = 200;
const statusRetryMs = 500;
const tokenRefreshMs = 20 * 60_000;

const onlyAddress = '127.0.0.1';

/**
 * One pod on one node: volumes, init containers, containers, status, end.
 *
 * @param ports  what its ports are at 127.0.0.1; undefined: `podAddress` exists and they are bound there
 */
export function createPodWorker(
  first: Pod,
  podAddress: string,
  ports: ReadonlyMap<number, number> | undefined,
  node: Node,
  hostAddress: string,
  deps: PodWorkerDeps,
): PodWorker {
  const { client, view, recorder, clock, logger: parentLogger } = deps;
  const key = keyOf(first);
  const uid = first.metadata.uid ?? '';
  const namespace = first.metadata.namespace ?? '';
  const logger = parentLogger.child({ pod: key });
  const podFolder = join(deps.podsFolder, `${namespace}_${first.metadata.name}_${uid}`);
  const startedAtMs = clock.nowMs();
  const stopping = new AbortController();
  let pod = first;
  let failure: PodFailure | undefined;
  let serviceAccountToken: string | undefined;
  let isShuttingDown = false;

  const references = (): References => ({
    pod,
    podAddress,
    node,
    hostAddress,
    configMap: (name) => view.configMaps().get(`${namespace}/${name}`),
    secret: (name) => view.secrets().get(`${namespace}/${name}`),
    serviceAccountToken,
  });

  // As it is given by now; where pods have addresses of their own it is the port itself.
  const served = (port: number): Address => {
    const other = ports?.get(port);
    return other === undefined ? { host: podAddress, port } : { host: onlyAddress, port: other };
  };

  const initRunners = (first.spec?.initContainers ?? []).map((container) => runnerFor(container as Container, true));
  const runners = (first.spec?.containers ?? []).map((container) => runnerFor(container, false));

  function runnerFor(container: Container, isInit: boolean): ContainerRunner {
    const statuses = (isInit ? first.status?.initContainerStatuses : first.status?.containerStatuses) ?? [];
    const before = statuses.find(({ name }) => name === container.name);
    // A container that ran before this kubelet started has ended with its node.
    const isSecondLife =
      before !== undefined && (before.state?.running !== undefined || before.state?.terminated !== undefined);
    return createContainerRunner(
      {
        container,
        what: `${key}/${container.name}`,
        served,
        logFolder: join(podFolder, 'logs', container.name),
        restartPolicy: pod.spec?.restartPolicy,
        isInit,
        restartCount: (before?.restartCount ?? 0) + (isSecondLife && !isInit ? 1 : 0),
        lastState: isSecondLife ? lostRun(before) : undefined,
        prepare: () => prepare(container),
        onChange: () => {
          scheduleStatus();
          // Who follows the log must hear of its end too.
          deps.onLog(uid, container.name);
        },
        onEvent: ({ type, reason, note }) => {
          const fieldPath = `spec.${isInit ? 'initContainers' : 'containers'}{${container.name}}`;
          recorder.record({ ...pod, fieldPath }, { type, reason, note });
        },
        onLog: () => deps.onLog(uid, container.name),
      },
      { clock, registry: deps.registry },
    );
  }

  /** Where a container's mounts really are; each container has its own copy of what is made of objects. */
  function mountsOf(container: Container): { readonly mounts: MountedPath[]; readonly missing?: string } {
    const mounts: MountedPath[] = [];
    for (const mount of container.volumeMounts ?? []) {
      const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
      const folder = volume === undefined ? undefined : realFolder(volume, container);
      if (folder === undefined) return { mounts, missing: `volume "${mount.name}" is not there` };
      const subPath =
        mount.subPath ??
        (mount.subPathExpr === undefined ? undefined : expandVariables(mount.subPathExpr, subPathVariables(container)));
      mounts.push({ mountPath: mount.mountPath, realPath: subPath === undefined ? folder : join(folder, subPath) });
    }
    return { mounts };
  }

  function subPathVariables(container: Container): ReadonlyMap<string, string> {
    const variables = containerEnvironment(container, references());
    return variables.ok ? variables.value : new Map();
  }

  function realFolder(volume: PodVolume, container: Container): string | undefined {
    if (volume.hostPath !== undefined) return volume.hostPath.path;
    if (volume.emptyDir !== undefined) return join(podFolder, 'volumes', volume.name);
    if (volume.persistentVolumeClaim !== undefined) {
      const claim = view.claims().get(`${namespace}/${volume.persistentVolumeClaim.claimName}`);
      const bound = view.volumes().get(claim?.spec?.volumeName ?? '');
      return bound?.spec?.hostPath?.path ?? bound?.spec?.local?.path;
    }
    return join(podFolder, 'containers', container.name, volume.name);
  }

  /** Everything that must be there before the first container starts; a sentence if something is missing. */
  function setUpVolumes(): string | undefined {
    for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])] as Container[]) {
      const { mounts, missing } = mountsOf(container);
      if (missing !== undefined) return missing;
      for (const mount of container.volumeMounts ?? []) {
        const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name) as PodVolume;
        const folder = realFolder(volume, container) as string;
        const files = volumeFiles(volume, references(), mounts);
        if (!files.ok) return `MountVolume.SetUp failed for volume "${volume.name}" : ${files.problem}`;
        if (files.value !== undefined) writeVolume(folder, files.value);
        else if (volume.hostPath === undefined || volume.hostPath.type === 'DirectoryOrCreate')
          mkdirSync(folder, { recursive: true });
        if (mount.subPath !== undefined && files.value === undefined)
          mkdirSync(join(folder, mount.subPath), { recursive: true });
      }
    }
    return undefined;
  }

  async function prepare(container: Container): Promise<{ launch: Launch } | { reason: string; message: string }> {
    const own = containerEnvironment(container, references());
    if (!own.ok) return { reason: 'CreateContainerConfigError', message: own.problem };
    const { mounts, missing } = mountsOf(container);
    if (missing !== undefined) return { reason: 'CreateContainerConfigError', message: missing };
    const expand = (text: string): string => rewriteMountPaths(expandVariables(text, own.value), mounts);
    const resolved = resolveCommand(
      container.image,
      (container.command ?? []).map(expand),
      (container.args ?? []).map(expand),
      deps.program,
    );
    if (resolved.kind === 'none') return { reason: 'ErrImagePull', message: resolved.message };
    const folder = join(podFolder, 'work', container.name);
    mkdirSync(folder, { recursive: true });
    const environment: Record<string, string> = {
      ...deps.baseEnvironment,
      HOSTNAME: pod.spec?.hostname ?? pod.metadata.name,
      ...(resolved.kind === 'own' ? ownProgramEnvironment(container, deps.program) : {}),
      HIKUBE_HOSTS_FILE: deps.hostsFile,
      ...(ports === undefined
        ? { HIKUBE_POD_ADDRESS: podAddress }
        : {
            HIKUBE_POD_ADDRESS: onlyAddress,
            HIKUBE_POD_PORTS: [...ports].map(([port, other]) => `${port}=${other}`).join(','),
          }),
      [instanceVariable]: deps.registry.folder,
    };
    for (const [name, value] of own.value) environment[name] = rewriteMountPaths(value, mounts);
    const workingDir = container.workingDir === undefined ? folder : rewriteMountPaths(container.workingDir, mounts);
    const note = `Container image "${container.image}" stands for a program of this machine`;
    recorder.record(
      { ...pod, fieldPath: `spec.containers{${container.name}}` },
      { type: 'Normal', reason: 'Pulled', note },
    );
    recorder.record(
      { ...pod, fieldPath: `spec.containers{${container.name}}` },
      { type: 'Normal', reason: 'Created', note: `Created container: ${container.name}` },
    );
    return { launch: { command: resolved.command, args: resolved.args, environment, folder: workingDir } };
  }

  function unsupported(): string | undefined {
    for (const volume of pod.spec?.volumes ?? []) {
      const [source] = unsupportedSources(volume);
      if (source !== undefined)
        return `volume "${volume.name}": volumes of kind ${source} are not supported by this kubelet`;
    }
    const sidecar = pod.spec?.initContainers?.find(({ restartPolicy }) => restartPolicy === 'Always');
    if (sidecar !== undefined)
      return `init container "${sidecar.name}": restartPolicy Always is not supported by this kubelet`;
    return undefined;
  }

  // Status: written after changes settle for a turn of the loop, one write at a time, the last state always.
  let writing: Promise<void> | undefined;
  let isDirty = false;
  let lastWritten = '';
  function scheduleStatus(): void {
    isDirty = true;
    writing ??= writeStatuses();
  }
  async function writeStatuses(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (isDirty) {
      isDirty = false;
      const records = {
        initContainers: initRunners.map(({ record }) => record),
        containers: runners.map(({ record }) => record),
        podAddress,
        hostAddress,
        startedAtMs,
      };
      const status = podStatusOf(pod, records, clock.nowMs(), failure);
      const text = JSON.stringify(status);
      if (text === lastWritten) continue;
      const answer = await client.patchStatus(podType, pod.metadata, { metadata: { uid }, status });
      if (answer.ok) {
        lastWritten = text;
        // Later writes keep the transition times of this one.
        if (answer.value.metadata.uid === uid) pod = { ...pod, status: answer.value.status };
      } else if (['notFound', 'conflict', 'invalid'].includes(answer.problem.kind)) {
        // Another pod of the name by now: a real API server takes the other uid for an attempt to change it.
        break;
      } else {
        logger.warn({ problem: answer.problem }, 'cannot write the status; will try again');
        await new Promise<void>((resolve) => clock.after(statusRetryMs, resolve));
        isDirty = true;
      }
    }
    writing = undefined;
  }

  async function fetchToken(): Promise<void> {
    const name = pod.spec?.serviceAccountName ?? 'default';
    const answer = await client.createSubresource(serviceAccounts, { namespace, name }, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: [],
        expirationSeconds: 3607,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid },
      },
    });
    if (answer.ok) serviceAccountToken = (answer.value as { status?: { token?: string } }).status?.token;
    else logger.warn({ problem: answer.problem }, 'cannot get a token for the pod');
  }
  const needsToken = (first.spec?.volumes ?? []).some((volume) =>
    volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined),
  );
  const tokenTimer = needsToken
    ? clock.every(tokenRefreshMs, () => void fetchToken().then(() => refreshVolumes()))
    : undefined;

  function refreshVolumes(): void {
    // Before the first set-up there is nothing to refresh, after the end nothing to keep.
    if (!isSetUp || stopping.signal.aborted) return;
    const problem = setUpVolumes();
    if (problem !== undefined) logger.warn({ problem }, 'cannot bring volumes up to date');
  }

  let isSetUp = false;
  async function live(): Promise<void> {
    const refused = unsupported();
    if (refused !== undefined) {
      failure = { reason: 'Unsupported', message: refused };
      recorder.record(pod, { type: 'Warning', reason: 'Unsupported', note: refused });
      scheduleStatus();
      return;
    }
    scheduleStatus();
    let lastProblem: string | undefined;
    for (;;) {
      if (stopping.signal.aborted) return;
      if (needsToken && serviceAccountToken === undefined) await fetchToken();
      const problem = setUpVolumes();
      if (problem === undefined) break;
      if (problem !== lastProblem) recorder.record(pod, { type: 'Warning', reason: 'FailedMount', note: problem });
      lastProblem = problem;
      await new Promise<void>((resolve) => clock.after(setUpRetryMs, resolve));
    }
    isSetUp = true;
    for (const runner of initRunners) {
      await runner.run();
      const { state } = runner.record;
      if (stopping.signal.aborted || state.kind !== 'terminated' || state.exitCode !== 0) return;
    }
    await Promise.all(runners.map((runner) => runner.run()));
  }

  async function stopContainers(graceMs: number): Promise<void> {
    stopping.abort();
    await Promise.all([...initRunners, ...runners].map((runner) => runner.terminate(graceMs)));
    await living;
  }

  let deleting: Promise<void> | undefined;
  let markGone: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    markGone = resolve;
  });
  async function endPod(graceMs: number): Promise<void> {
    await stopContainers(graceMs);
    while (writing !== undefined) await writing;
    tokenTimer?.cancel();
    if (isShuttingDown) return;
    for (;;) {
      const answer = await client.delete(podType, pod.metadata, { gracePeriodSeconds: 0, preconditions: { uid } });
      const isGone = answer.ok || answer.problem.kind === 'notFound' || answer.problem.kind === 'conflict';
      if (isGone) break;
      logger.warn({ problem: answer.problem }, 'cannot report the end of the pod; will try again');
      await new Promise<void>((resolve) => clock.after(statusRetryMs, resolve));
    }
    rmSync(podFolder, { recursive: true, force: true });
    markGone();
  }

  const living = live().catch((error: unknown) => {
    logger.error({ err: error }, 'the pod cannot be run');
    failure = { reason: 'KubeletError', message: (error as Error).message };
    scheduleStatus();
  });
  if (isTerminating(first)) beginDeletion();

  function beginDeletion(): void {
    const graceSeconds = pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
    deleting ??= endPod(graceSeconds * 1000);
  }

  return {
    get pod() {
      return pod;
    },
    update(next) {
      const labelsBefore = JSON.stringify([pod.metadata.labels, pod.metadata.annotations]);
      pod = next;
      if (isTerminating(next) && !isShuttingDown) beginDeletion();
      else if (labelsBefore !== JSON.stringify([next.metadata.labels, next.metadata.annotations])) refreshVolumes();
      // Somebody else's write may have undone ours, e.g. a readiness gate that changed.
      if (deleting === undefined) scheduleStatus();
    },
    refreshVolumes,
    runner: (container) => [...initRunners, ...runners].find(({ record }) => record.name === container),
    async shutDown(graceMs) {
      isShuttingDown = true;
      await (deleting ?? endPod(graceMs));
    },
    gone,
  };
}

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** The run that the status of an earlier life of this node shows: it ended with the node, if not before. */
function lostRun({ state, lastState }: ContainerStatus): Terminated | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  if (state?.running === undefined && ended === undefined) return undefined;
  const startedAt = String(state?.running?.startedAt ?? ended?.startedAt ?? '');
  return {
    kind: 'terminated',
    exitCode: state?.running === undefined ? (ended?.exitCode ?? 0) : 137,
    signal: undefined,
    reason: state?.running === undefined && ended?.exitCode === 0 ? 'Completed' : 'Error',
    startedAtMs: Date.parse(startedAt) || 0,
    finishedAtMs: Date.parse(String(ended?.finishedAt ?? '')) || Date.parse(startedAt) || 0,
  };
}

function ownProgramEnvironment(container: Container, program: OwnProgram): Record<string, string> {
  const limit = quantityValue(container.resources?.limits?.memory);
  const options = [
    program.environment.NODE_OPTIONS,
    limit === undefined ? undefined : `--max-old-space-size=${heapLimitMiB(limit)}`,
  ].filter((option) => option !== undefined);
  return { ...program.environment, ...(options.length === 0 ? {} : { NODE_OPTIONS: options.join(' ') }) };
}
