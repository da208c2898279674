import { type Pod, timeText } from '../../kube/index.ts';
import type { ContainerRecord, ContainerState } from './container-runner-driver.ts';
import { isRestarted } from './restart-backoff.ts';

export type PodStatus = NonNullable<Pod['status']>;
type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number];
type Condition = NonNullable<PodStatus['conditions']>[number];

export type PodRecords = {
  readonly initContainers: readonly ContainerRecord[];
  readonly containers: readonly ContainerRecord[];
  readonly podAddress: string;
  readonly hostAddress: string;
  readonly startedAtMs: number;
};

/** A pod that ended for a reason of its own before or beside its containers, e.g. because it asks for what is not here. */
export type PodFailure = { readonly reason: string; readonly message: string };

/**
 * The status that a kubelet reports, pure: phase, conditions, container statuses as kubectl shows them. Conditions of
 * others (the scheduler's, readiness gates) are kept; a condition's time changes only with its status.
 */
export function podStatusOf(pod: Pod, records: PodRecords, nowMs: number, failed?: PodFailure): PodStatus {
  const initDone = records.initContainers.every(({ state }) => state.kind === 'terminated' && state.exitCode === 0);
  const phase = failed === undefined ? phaseOf(pod, records, initDone) : 'Failed';
  const unready = records.containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  const containersReady = unready.length === 0 && !isOver;
  const gates = (pod.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const closedGates = gates.filter(
    (type) => pod.status?.conditions?.find((condition) => condition.type === type)?.status !== 'True',
  );
  const notReady = isOver
    ? { reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed', message: '' }
    : unready.length > 0
      ? { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
      : { reason: 'ReadinessGatesNotReady', message: `readiness gates that are not met: [${closedGates.join(' ')}]` };
  const isPodReady = containersReady && closedGates.length === 0;
  const conditions = [
    condition('PodReadyToStartContainers', !isOver),
    condition('Initialized', initDone, { reason: 'ContainersNotInitialized', message: '' }),
    condition('Ready', isPodReady, notReady),
    condition('ContainersReady', containersReady, notReady),
    condition('PodScheduled', true),
  ].map((wanted) => withTime(wanted, pod, nowMs));
  const ours = new Set(conditions.map(({ type }) => type));
  return {
    phase,
    ...(failed === undefined ? {} : failed),
    conditions: [...(pod.status?.conditions ?? []).filter(({ type }) => !ours.has(type)), ...conditions],
    hostIP: records.hostAddress,
    hostIPs: [{ ip: records.hostAddress }],
    podIP: records.podAddress,
    podIPs: [{ ip: records.podAddress }],
    startTime: (pod.status?.startTime ?? timeText(records.startedAtMs)) as never,
    qosClass: pod.status?.qosClass ?? qosClassOf(pod),
    ...(records.initContainers.length === 0
      ? {}
      : { initContainerStatuses: records.initContainers.map((record) => containerStatus(pod, record)) }),
    containerStatuses: records.containers.map((record) => containerStatus(pod, record)),
  };
}

function phaseOf(pod: Pod, { initContainers, containers }: PodRecords, initDone: boolean): string {
  const policy = pod.spec?.restartPolicy;
  const isLastWord = ({ state }: ContainerRecord): boolean =>
    state.kind === 'terminated' && !isRestarted(policy, state.exitCode);
  if (initContainers.some((record) => isLastWord(record) && (record.state as { exitCode: number }).exitCode !== 0)) {
    return 'Failed';
  }
  const everStarted = containers.some(({ state, lastState }) => state.kind !== 'waiting' || lastState !== undefined);
  if (!initDone || !everStarted) return 'Pending';
  if (containers.every(isLastWord)) {
    return containers.every(({ state }) => state.kind === 'terminated' && state.exitCode === 0)
      ? 'Succeeded'
      : 'Failed';
  }
  return 'Running';
}

function condition(type: string, isTrue: boolean, otherwise?: { reason: string; message: string }): Condition {
  if (isTrue || otherwise === undefined) return { type, status: isTrue ? 'True' : 'False' };
  return {
    type,
    status: 'False',
    reason: otherwise.reason,
    ...(otherwise.message === '' ? {} : { message: otherwise.message }),
  };
}

function withTime(wanted: Condition, pod: Pod, nowMs: number): Condition {
  const before = pod.status?.conditions?.find(({ type }) => type === wanted.type);
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : undefined;
  return {
    ...wanted,
    observedGeneration: pod.metadata.generation,
    lastProbeTime: null as never,
    lastTransitionTime: lastTransitionTime ?? (timeText(nowMs) as never),
  };
}

function containerStatus(pod: Pod, record: ContainerRecord): ContainerStatus {
  const containerID = `process://${pod.metadata.uid}/${record.name}/${record.restartCount}`;
  return {
    name: record.name,
    image: record.image,
    imageID: record.image,
    ...(record.state.kind === 'waiting' && record.lastState === undefined ? { containerID: '' } : { containerID }),
    ready: record.ready,
    started: record.started,
    restartCount: record.restartCount,
    state: stateOf(record.state),
    // A restart makes the state before it the last one.
    lastState: record.lastState !== undefined && record.state !== record.lastState ? stateOf(record.lastState) : {},
  };
}

function stateOf(state: ContainerState): NonNullable<ContainerStatus['state']> {
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: state.reason, ...(state.message === undefined ? {} : { message: state.message }) } };
    case 'running':
      return { running: { startedAt: timeText(state.startedAtMs) as never } };
    case 'terminated':
      return {
        terminated: {
          exitCode: state.exitCode,
          reason: state.reason,
          startedAt: timeText(state.startedAtMs) as never,
          finishedAt: timeText(state.finishedAtMs) as never,
        },
      };
  }
}

function qosClassOf(pod: Pod): string {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const isAny = all.some(({ resources }) => Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0);
  if (!isAny) return 'BestEffort';
  const isGuaranteed = all.every(({ resources }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = resources?.limits?.[name];
      return limit !== undefined && (resources?.requests?.[name] ?? limit) === limit;
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
