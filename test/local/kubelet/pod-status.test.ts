import { expect, test } from 'vitest';
import type { EndpointSlice, Pod, Service } from '../../../src/kube/index.ts';
import { endpointSlicesFor } from '../../../src/local/endpoint-slices.ts';
import type { ContainerRecord, Terminated } from '../../../src/local/kubelet/container-runner-driver.ts';
import { hostsLines } from '../../../src/local/kubelet/hosts.ts';
import { podStatusOf } from '../../../src/local/kubelet/pod-status.ts';
import { afterExit, type CrashHistory, noCrashes } from '../../../src/local/kubelet/restart-backoff.ts';
import { waitReason } from '../../../src/local/readiness.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');
const ended = (exitCode: number): Terminated => ({
  kind: 'terminated',
  exitCode,
  signal: undefined,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  startedAtMs: nowMs,
  finishedAtMs: nowMs,
});
const record = (given: Partial<ContainerRecord>): ContainerRecord => ({
  name: 'main',
  image: 'a',
  state: { kind: 'running', startedAtMs: nowMs },
  lastState: undefined,
  restartCount: 0,
  started: true,
  ready: true,
  ...given,
});
const podWith = (spec: object = {}, status: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-0', namespace: 'default', uid: 'u', generation: 1 },
  spec: { containers: [{ name: 'main' }], ...spec },
  status,
});
const statusOf = (pod: Pod, containers: readonly ContainerRecord[], initContainers: readonly ContainerRecord[] = []) =>
  podStatusOf(
    pod,
    { containers, initContainers, podAddress: '127.20.1.1', hostAddress: '127.20.0.11', startedAtMs: nowMs },
    nowMs,
  );
const readyOf = (status: ReturnType<typeof statusOf>) => status.conditions?.find(({ type }) => type === 'Ready');

test('a pod is Pending, Running and Ready, or at its end, as its containers are', () => {
  const waiting = record({ state: { kind: 'waiting', reason: 'ContainerCreating' }, started: false, ready: false });
  expect(statusOf(podWith(), [waiting]).phase).toBe('Pending');
  expect(readyOf(statusOf(podWith(), [waiting]))).toMatchObject({ status: 'False', reason: 'ContainersNotReady' });
  expect(statusOf(podWith(), [record({})])).toMatchObject({
    phase: 'Running',
    podIP: '127.20.1.1',
    hostIP: '127.20.0.11',
  });
  expect(readyOf(statusOf(podWith(), [record({})]))?.status).toBe('True');
  const crashed = record({ state: ended(1), lastState: ended(1), ready: false });
  expect(statusOf(podWith(), [crashed]).phase).toBe('Running');
  expect(statusOf(podWith({ restartPolicy: 'Never' }), [crashed]).phase).toBe('Failed');
  expect(statusOf(podWith({ restartPolicy: 'OnFailure' }), [record({ state: ended(0), ready: false })]).phase).toBe(
    'Succeeded',
  );
});

test('a pod is not Running before its init containers have succeeded', () => {
  const waiting = record({ state: { kind: 'waiting', reason: 'PodInitializing' }, started: false, ready: false });
  expect(statusOf(podWith(), [waiting], [record({ name: 'init' })]).phase).toBe('Pending');
  expect(
    statusOf(podWith({ restartPolicy: 'Never' }), [waiting], [record({ name: 'init', state: ended(2) })]).phase,
  ).toBe('Failed');
});

test('a readiness gate that is not met keeps the pod from being Ready', () => {
  const gated = { readinessGates: [{ conditionType: 'example.com/ready' }] };
  expect(readyOf(statusOf(podWith(gated), [record({})]))).toMatchObject({
    status: 'False',
    reason: 'ReadinessGatesNotReady',
  });
  const met = podWith(gated, { conditions: [{ type: 'example.com/ready', status: 'True' }] });
  const status = statusOf(met, [record({})]);
  expect(readyOf(status)?.status).toBe('True');
  expect(status.conditions?.some(({ type }) => type === 'example.com/ready')).toBe(true);
});

test("a condition's time changes only with its status", () => {
  const before = { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2025-06-01T00:00:00Z' }] };
  expect(readyOf(statusOf(podWith({}, before), [record({})]))?.lastTransitionTime).toBe('2025-06-01T00:00:00Z');
  expect(readyOf(statusOf(podWith({}, before), [record({ ready: false })]))?.lastTransitionTime).toBe(
    '2026-01-01T00:00:00Z',
  );
});

test('a restarted container shows how its last run ended', () => {
  const [shown] = statusOf(podWith(), [record({ restartCount: 2, lastState: ended(137) })]).containerStatuses ?? [];
  expect(shown).toMatchObject({
    restartCount: 2,
    state: { running: {} },
    lastState: { terminated: { exitCode: 137, reason: 'Error' } },
  });
});

test('the first restart is at once, then delays grow to five minutes; a long run or an outside kill begins anew', () => {
  const delays: number[] = [];
  let history: CrashHistory = noCrashes;
  for (let exit = 0; exit < 8; exit++) {
    const after = afterExit(history, { ranMs: 100, wasKilled: false });
    history = after.history;
    delays.push(after.delayMs / 1000);
  }
  expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  expect(afterExit(history, { ranMs: 60_000, wasKilled: false }).delayMs).toBe(0);
  expect(afterExit(history, { ranMs: 100, wasKilled: true }).delayMs).toBe(0);
});

const runningPod = (name: string, ready: boolean): Pod => ({
  ...podWith({
    hostname: name,
    subdomain: 'nodes',
    nodeName: 'node-a',
    containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 8080 }] }],
  }),
  metadata: { name, namespace: 'default', uid: name, labels: { app: 'web' } },
  status: {
    phase: 'Running',
    podIP: `127.20.1.${name.at(-1)}`,
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
});
const service = (name: string, spec: NonNullable<Service['spec']>, namespace = 'default'): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, uid: name },
  spec,
});

test('endpoints follow readiness, named ports and publishNotReadyAddresses', () => {
  const pods = [runningPod('web-1', true), runningPod('web-2', false)];
  const nodes = new Map();
  const readyOfSlice = (slices: EndpointSlice[]) => slices[0]?.endpoints?.map(({ conditions }) => conditions?.ready);
  const plain = endpointSlicesFor(
    service('web', { ports: [{ name: 'http', port: 80, targetPort: 'http' }] }),
    pods,
    nodes,
  );
  expect(readyOfSlice(plain)).toEqual([true, false]);
  expect(plain[0]?.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
  const all = service('nodes', { clusterIP: 'None', publishNotReadyAddresses: true, ports: [{ port: 8080 }] });
  expect(readyOfSlice(endpointSlicesFor(all, pods, nodes))).toEqual([true, true]);
  expect(endpointSlicesFor(all, [], nodes)).toHaveLength(1);
});

test('names lead to cluster addresses, to ready pods of headless Services, and bare names to one namespace only', () => {
  const nodes = service('nodes', { clusterIP: 'None', ports: [{ port: 8080 }] });
  const lines = hostsLines({
    services: [
      nodes,
      service('web', { clusterIP: '127.20.128.1' }),
      service('web', { clusterIP: '127.20.128.2' }, 'other'),
    ],
    slicesOf: (key) =>
      key === 'default/nodes'
        ? endpointSlicesFor(nodes, [runningPod('web-1', true), runningPod('web-2', false)], new Map())
        : [],
    serviceAddress: ({ spec }) => spec?.clusterIP,
    clusterDomain: 'cluster.local',
  });
  const addressesOf = (name: string) => lines.filter(({ names }) => names.includes(name)).map(({ address }) => address);
  expect(addressesOf('web')).toEqual(['127.20.128.1']);
  expect(addressesOf('web.other.svc')).toEqual(['127.20.128.2']);
  expect(addressesOf('web.default.svc.cluster.local')).toEqual(['127.20.128.1']);
  expect(addressesOf('nodes.default.svc')).toEqual(['127.20.1.1']);
  expect(addressesOf('web-1.nodes.default.svc.cluster.local')).toEqual(['127.20.1.1']);
  expect(addressesOf('web-2.nodes.default.svc')).toEqual([]);
});

test('what a resource waits for is told in its own words, and Ready counts for its present generation only', () => {
  const resource = (generation: number, status: object) => ({
    apiVersion: 'a/v1',
    kind: 'A',
    metadata: { name: 'a', generation },
    status,
  });
  expect(waitReason(undefined)).toBe('not there yet');
  expect(waitReason(resource(1, {}))).toContain('not looked at it');
  const waiting = {
    conditions: [{ type: 'Ready', status: 'False', reason: 'WaitingForPods', message: '0 of 3' }],
    observedGeneration: 2,
  };
  expect(waitReason(resource(2, waiting))).toBe('WaitingForPods: 0 of 3');
  const ready = { conditions: [{ type: 'Ready', status: 'True' }], observedGeneration: 2 };
  expect(waitReason(resource(2, ready))).toBeUndefined();
  expect(waitReason(resource(3, ready))).toContain('last change');
});
