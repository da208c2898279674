import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Node, PersistentVolume, Pod } from '../../../src/kube/index.ts';
import { budgetNumbers } from '../../../src/local/controllers/disruption-budgets.ts';
import { directPodOf } from '../../../src/local/controllers/load-balancers.ts';
import { chooseNode } from '../../../src/local/controllers/scheduler/choose-node.ts';

const zone = 'topology.kubernetes.io/zone';
const nodeOf = (name: string, options: { ready?: boolean; spec?: Node['spec']; cpu?: string } = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { [zone]: `zone-${name.at(-1)}`, 'kubernetes.io/hostname': name } },
  ...(options.spec === undefined ? {} : { spec: options.spec }),
  status: {
    conditions: [{ type: 'Ready', status: options.ready === false ? 'False' : 'True' }],
    allocatable: { cpu: options.cpu ?? '4', memory: '8Gi', pods: '110' },
  },
});
const three = ['node-a', 'node-b', 'node-c'].map((name) => nodeOf(name));
const podOf = (name: string, node?: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: name, labels: { app: 'web' } },
  spec: { containers: [{ name: 'main' }], ...(node === undefined ? {} : { nodeName: node }), ...spec },
});
const selector = { matchLabels: { app: 'web' } };
const spread = (whenUnsatisfiable: string): Partial<NonNullable<Pod['spec']>> => ({
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable, labelSelector: selector }],
});
const choose = (
  pod: Pod,
  pods: readonly Pod[] = [],
  nodes: readonly Node[] = three,
  volumes: readonly PersistentVolume[] = [],
) => chooseNode(pod, { nodes, pods, volumes });

test('pods that must spread over zones never differ by more than the skew', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), (count) => {
      const placed: Pod[] = [];
      for (let index = 0; index < count; index++) {
        const choice = choose(podOf(`web-${index}`, undefined, spread('DoNotSchedule')), placed);
        if (choice.kind === 'none') return false;
        placed.push(podOf(`web-${index}`, choice.node));
      }
      const counts = three.map((node) => placed.filter((pod) => pod.spec?.nodeName === node.metadata.name).length);
      return Math.max(...counts) - Math.min(...counts) <= 1;
    }),
  );
});

test('a zone that is down makes a hard spread wait and a soft one go on', () => {
  const nodes = [nodeOf('node-a', { ready: false }), nodeOf('node-b'), nodeOf('node-c')];
  const placed = [podOf('web-0', 'node-b'), podOf('web-1', 'node-c')];
  expect(choose(podOf('web-2', undefined, spread('DoNotSchedule')), placed, nodes)).toEqual({
    kind: 'none',
    message:
      "0/3 nodes are available: 1 node(s) were not ready, 2 node(s) didn't match pod topology spread constraints.",
  });
  expect(choose(podOf('web-2', undefined, spread('ScheduleAnyway')), placed, nodes)).toEqual({
    kind: 'chosen',
    node: 'node-b',
  });
});

test('cordoned, tainted and full nodes are left out', () => {
  const nodes = [
    nodeOf('node-a', { spec: { unschedulable: true } }),
    nodeOf('node-b', { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } }),
    nodeOf('node-c', { cpu: '1' }),
  ];
  const hungry = { containers: [{ name: 'main', resources: { requests: { cpu: '2' } } }] };
  expect(choose(podOf('web-0', undefined, hungry), [], nodes)).toEqual({
    kind: 'none',
    message:
      '0/3 nodes are available: 1 node(s) were unschedulable, 1 node(s) had untolerated taint {dedicated: db}, 1 Insufficient cpu.',
  });
  const tolerant = { ...hungry, tolerations: [{ key: 'dedicated', operator: 'Exists' }] };
  expect(choose(podOf('web-0', undefined, tolerant), [], nodes)).toEqual({ kind: 'chosen', node: 'node-b' });
});

test('anti-affinity holds both ways', () => {
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: selector };
  const alone = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
  expect(choose(podOf('web-1', undefined, alone), [podOf('web-0', 'node-a')])).toEqual({
    kind: 'chosen',
    node: 'node-b',
  });
  expect(
    choose(podOf('web-1'), [podOf('web-0', 'node-a', alone), podOf('x', 'node-b', alone), podOf('y', 'node-c', alone)])
      .kind,
  ).toBe('none');
});

test('a volume of one node keeps its pod there', () => {
  const volume: PersistentVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'v' },
    spec: {
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-c'] }] },
          ],
        },
      },
    },
  };
  expect(choose(podOf('web-0'), [], three, [volume])).toEqual({ kind: 'chosen', node: 'node-c' });
});

test('a budget spares as many pods as it says, of those that there should be', () => {
  expect(budgetNumbers({ maxUnavailable: 1 }, 3, 3)).toMatchObject({ desiredHealthy: 2, disruptionsAllowed: 1 });
  expect(budgetNumbers({ maxUnavailable: 1 }, 3, 2)).toMatchObject({ disruptionsAllowed: 0 });
  expect(budgetNumbers({ minAvailable: '50%' }, 3, 3)).toMatchObject({ desiredHealthy: 2, disruptionsAllowed: 1 });
  expect(budgetNumbers({ minAvailable: 0 }, 3, 1)).toMatchObject({ disruptionsAllowed: 1 });
  expect(budgetNumbers({ maxUnavailable: 1 }, 0, 0)).toMatchObject({ disruptionsAllowed: 0 });
});

test("a load balancer gets a pod's own address only if nothing has to be changed on the way", () => {
  const service = (spec: object) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's', namespace: 'default' },
    spec,
  });
  const selectsPod = { selector: { 'statefulset.kubernetes.io/pod-name': 'web-0' } };
  expect(directPodOf(service({ ...selectsPod, ports: [{ port: 9094 }] }))).toBe('default/web-0');
  expect(directPodOf(service({ ...selectsPod, ports: [{ port: 9094, targetPort: 9094 }] }))).toBe('default/web-0');
  expect(directPodOf(service({ ...selectsPod, ports: [{ port: 9094, targetPort: 9092 }] }))).toBeUndefined();
  expect(directPodOf(service({ selector: { app: 'web' }, ports: [{ port: 9094 }] }))).toBeUndefined();
});
