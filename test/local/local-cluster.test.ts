import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type ConfigMap,
  configMaps,
  type KubeObject,
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  type ResourceType,
  type Service,
  type StatefulSet,
  services,
  statefulSets,
} from '../../src/kube/index.ts';
import {
  claimNetwork,
  type LocalNodes,
  type LoopbackNetwork,
  openProcessRegistry,
  startLocalNodes,
} from '../../src/local/index.ts';
import { processStart } from '../../src/local/kubelet/process-registry.ts';
import { hostsFileOf } from '../../src/platform/index.ts';
import { until } from '../kube/suite.ts';
import { realDeps } from '../support/deps.ts';
import { startLocalApiServer } from '../support/local-api-server.ts';

const namespace = 'default';
const folder = mkdtempSync(join(tmpdir(), 'local-cluster-'));
let network: LoopbackNetwork;
let server: Awaited<ReturnType<typeof startLocalApiServer>>;
let nodes: LocalNodes;

async function startNodes(): Promise<LocalNodes> {
  return startLocalNodes({
    access: server.access,
    folder,
    network,
    registry: openProcessRegistry(join(folder, 'processes'), realDeps.logger),
    program: { name: 'hikube-kafka', argv: [process.execPath, 'no-such-program'], environment: {} },
    baseEnvironment: { PATH: process.env.PATH ?? '' },
    nodeCount: 3,
    controllers: 'all',
    signal: new AbortController().signal,
    ...realDeps,
  });
}

beforeAll(async () => {
  const claimed = await claimNetwork(folder);
  if (!claimed.ok) throw new Error(claimed.problem);
  network = claimed.value;
  server = await startLocalApiServer({ serviceRange: network.serviceRange });
  nodes = await startNodes();
  await create(configMaps, programConfig);
  await create(
    services,
    service('web-nodes', { clusterIP: 'None', publishNotReadyAddresses: true, ports: [{ name: 'http', port: 29417 }] }),
  );
  await create(services, service('web', { ports: [{ name: 'http', port: 29418, targetPort: 'http' }] }));
  await create(
    services,
    service('web-all', { type: 'LoadBalancer', ports: [{ name: 'http', port: 29419, targetPort: 29417 }] }),
  );
  await create(
    services,
    service('web-first', {
      type: 'LoadBalancer',
      selector: { 'statefulset.kubernetes.io/pod-name': 'web-0' },
      ports: [{ name: 'http', port: 29417 }],
    }),
  );
  await create(podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  await create(statefulSets, webSet);
  await until('three pods are ready', () => readyPods().length === 3);
});

afterAll(async () => {
  await nodes.stop({ graceMs: 2_000 });
  await server.stop();
  await network.release();
  rmSync(folder, { recursive: true, force: true });
});

async function create<Kind extends KubeObject>(type: ResourceType<Kind>, object: Kind): Promise<void> {
  const answer = await nodes.client.create(type, object);
  if (!answer.ok) throw new Error(answer.problem.message);
}

const readyPods = (): Pod[] =>
  nodes.view
    .pods()
    .list()
    .filter((pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'));

const podNamed = (name: string): Pod => nodes.view.pods().get(`${namespace}/${name}`) as Pod;
const pidOf = (name: string): number => nodes.kubelet.running().find(({ pod }) => pod === name)?.pid as number;

function service(name: string, spec: NonNullable<Service['spec']>): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: 'web' }, ...spec },
  };
}

/** A small HTTP server: it answers with what it was given, and counts its starts in its volume. */
const programConfig: ConfigMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'program', namespace },
  data: {
    'server.cjs': `
      const fs = require('node:fs');
      const [, , data, text] = process.argv;
      fs.appendFileSync(data + '/starts', 'x');
      const server = require('node:http').createServer((request, response) => {
        if (request.url === '/end') process.exit(3);
        response.end(JSON.stringify({ who: process.env.WHO, index: process.env.INDEX, starts: fs.readFileSync(data + '/starts', 'utf8').length, text: fs.readFileSync(text, 'utf8') }));
      });
      server.listen(29417, process.env.HIKUBE_POD_ADDRESS, () => console.log('listening as ' + process.env.WHO));
      process.on('SIGTERM', () => { console.log('told to stop'); process.exit(0); });`,
    text: 'volume at /data',
  },
};

const webSet: StatefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'web', namespace },
  spec: {
    replicas: 3,
    serviceName: 'web-nodes',
    podManagementPolicy: 'Parallel',
    updateStrategy: { type: 'OnDelete' },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Delete' },
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 3,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'topology.kubernetes.io/zone',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: { app: 'web' } },
          },
        ],
        initContainers: [
          {
            name: 'first',
            image: 'any',
            command: ['sh', '-c', 'echo made by $(WHO) > /data/init'],
            env: [{ name: 'WHO', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
        containers: [
          {
            name: 'web',
            image: 'any',
            command: [process.execPath, '/etc/web/server.cjs'],
            args: ['/data', '/etc/web/text'],
            env: [
              { name: 'WHO', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              {
                name: 'INDEX',
                valueFrom: { fieldRef: { fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" } },
              },
            ],
            ports: [{ name: 'http', containerPort: 29417 }],
            readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
            volumeMounts: [
              { name: 'program', mountPath: '/etc/web' },
              { name: 'data', mountPath: '/data' },
            ],
          },
        ],
        volumes: [{ name: 'program', configMap: { name: 'program' } }],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ],
  },
};

type Said = { who: string; index: string; starts: number; text: string };

function ask(host: string, port: number, path = '/'): Promise<Said> {
  return new Promise((resolve, reject) => {
    const request = httpGet({ host, port, path, agent: false, timeout: 2_000 }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8');
      });
      answer.on('end', () => resolve(JSON.parse(body) as Said));
    });
    request.on('error', reject);
  });
}

test('pods of a set are spread over the zones, with addresses, indexes and revisions of their own', async () => {
  const all = readyPods();
  expect(new Set(all.map((pod) => pod.spec?.nodeName))).toEqual(new Set(['node-a', 'node-b', 'node-c']));
  expect(new Set(all.map((pod) => pod.metadata.labels?.['topology.kubernetes.io/zone'])).size).toBe(3);
  expect(new Set(all.map((pod) => pod.status?.podIP)).size).toBe(3);
  const readyReplicas = () => nodes.view.statefulSets().get(`${namespace}/web`)?.status?.readyReplicas;
  await until('the set counts three ready pods', () => readyReplicas() === 3);
  const set = nodes.view.statefulSets().get(`${namespace}/web`);
  expect(set?.status).toMatchObject({ replicas: 3, readyReplicas: 3, updatedReplicas: 3, observedGeneration: 1 });
  expect(podNamed('web-1').metadata.labels).toMatchObject({
    'apps.kubernetes.io/pod-index': '1',
    'statefulset.kubernetes.io/pod-name': 'web-1',
    'controller-revision-hash': set?.status?.updateRevision,
  });
});

test('a container has its own environment, arguments and configuration, with real paths', async () => {
  const said = await ask(podNamed('web-1').status?.podIP as string, 29417);
  const claim = nodes.view.claims().get(`${namespace}/data-web-1`) as PersistentVolumeClaim;
  const volume = nodes.view.volumes().get(claim.spec?.volumeName as string);
  expect(claim.status?.phase).toBe('Bound');
  expect(said).toMatchObject({ who: 'web-1', index: '1', text: `volume at ${volume?.spec?.hostPath?.path}` });
  expect(readFileSync(join(volume?.spec?.hostPath?.path as string, 'init'), 'utf8')).toBe('made by web-1\n');
});

test('names lead to pods and Services, and Services to ready pods in turn', async () => {
  const hosts = hostsFileOf(nodes.hostsFile);
  await until('the names are there', () => hosts.addressesOf('web-nodes.default.svc').length === 3);
  expect(hosts.addressesOf('web-2.web-nodes.default.svc.cluster.local')).toEqual([podNamed('web-2').status?.podIP]);
  const [clusterAddress] = hosts.addressesOf('web.default.svc');
  const answered = new Set<string>();
  for (let count = 0; count < 6; count++) answered.add((await ask(clusterAddress as string, 29418)).who);
  expect(answered).toEqual(new Set(['web-0', 'web-1', 'web-2']));
});

test('a load balancer has an address, and one for a single pod is that pod without a forwarder between', async () => {
  const address = (name: string) =>
    nodes.view.services().get(`${namespace}/${name}`)?.status?.loadBalancer?.ingress?.[0]?.ip as string;
  await until('addresses are given', () => address('web-all') !== undefined && address('web-first') !== undefined);
  expect((await ask(address('web-all'), 29419)).who).toMatch(/^web-\d$/);
  expect(address('web-first')).toBe(podNamed('web-0').status?.podIP);
});

test('a killed process is started again at once, and again, with its volume and address', async () => {
  const address = podNamed('web-0').status?.podIP as string;
  for (let kill = 1; kill <= 3; kill++) {
    const before = await ask(address, 29417);
    const pid = pidOf('web-0');
    process.kill(pid, 'SIGKILL');
    await until('another process runs', () => pidOf('web-0') !== undefined && pidOf('web-0') !== pid, 3_000);
    await until(
      'it is ready',
      () => readyPods().length === 3 && podNamed('web-0').status?.containerStatuses?.[0]?.restartCount === kill,
    );
    expect((await ask(address, 29417)).starts).toBe(before.starts + 1);
  }
  expect(podNamed('web-0').status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
});

test('the log is kept by run and follows what is written', async () => {
  const read = async (options: { previous?: boolean; follow?: boolean }): Promise<string> => {
    const log = nodes.kubelet.podLogs({ namespace, pod: 'web-0', ...options }, new AbortController().signal);
    if (!log.ok) throw new Error(log.problem);
    let text = '';
    for await (const chunk of log.value) text += chunk.toString('utf8');
    return text;
  };
  expect(await read({})).toBe('listening as web-0\n');
  expect(await read({ previous: true })).toBe('listening as web-0\n');
  const following = read({ follow: true });
  await nodes.client.delete(pods, { namespace, name: 'web-0' });
  expect(await following).toBe('listening as web-0\ntold to stop\n');
  await until('the pod is back', () => readyPods().length === 3);
});

test('a changed ConfigMap reaches the mounted files', async () => {
  const changed = await nodes.client.mergePatch(
    configMaps,
    { namespace, name: 'program' },
    { data: { text: 'new at /data/x' } },
  );
  expect(changed.ok).toBe(true);
  const address = podNamed('web-2').status?.podIP as string;
  await until('the file is new', async () => (await ask(address, 29417)).text.startsWith('new at '));
});

test('a claim grows, and scaling down removes the pod and (as its policy says) its claim, volume and folder', async () => {
  const key = { namespace, name: 'data-web-2' };
  await nodes.client.mergePatch(persistentVolumeClaims, key, { spec: { resources: { requests: { storage: '2Gi' } } } });
  await until(
    'the claim has grown',
    () => nodes.view.claims().get(`${namespace}/data-web-2`)?.status?.capacity?.storage === '2Gi',
  );
  const volume = nodes.view.claims().get(`${namespace}/data-web-2`)?.spec?.volumeName as string;
  await nodes.client.mergePatch(statefulSets, { namespace, name: 'web' }, { spec: { replicas: 2 } });
  await until('the pod is gone', () => podNamed('web-2') === undefined);
  await until('the claim is gone', () => nodes.view.claims().get(`${namespace}/data-web-2`) === undefined);
  await until('the volume is gone', async () => !(await nodes.client.get(persistentVolumes, { name: volume })).ok);
  expect(nodes.view.claims().get(`${namespace}/data-web-1`)).toBeDefined();
});

test('a budget counts what the set should have, and admits an eviction only while it can be spared', async () => {
  await until('the budget is counted', () => {
    const status = nodes.view.budgets().get(`${namespace}/web`)?.status;
    return status?.expectedPods === 2 && status.disruptionsAllowed === 1;
  });
  expect(await nodes.client.evict({ namespace, name: 'web-1' })).toMatchObject({ ok: true });
  expect(await nodes.client.evict({ namespace, name: 'web-0' })).toMatchObject({
    problem: { kind: 'tooManyRequests' },
  });
  await until('both are ready', () => readyPods().length === 2);
});

test('a crash loop is shown as one', async () => {
  await create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'crash', namespace },
    spec: { containers: [{ name: 'main', image: 'any', command: ['sh', '-c', 'exit 4'] }] },
  });
  await until('it is in back-off', () => {
    const status = podNamed('crash')?.status?.containerStatuses?.[0];
    return status?.state?.waiting?.reason === 'CrashLoopBackOff' && status.lastState?.terminated?.exitCode === 4;
  });
  await create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'foreign', namespace },
    spec: { containers: [{ name: 'main', image: 'quay.io/strimzi/kafka:0.45.1' }] },
  });
  await until(
    'a foreign image is refused',
    () => podNamed('foreign')?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImagePull',
  );
  for (const name of ['crash', 'foreign'])
    await nodes.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
  await until('both are gone', () => podNamed('crash') === undefined && podNamed('foreign') === undefined);
});

test('nodes that stop leave no process and come back with the same pods, addresses and volumes', async () => {
  const before = await ask(podNamed('web-0').status?.podIP as string, 29417);
  const uid = podNamed('web-0').metadata.uid;
  const pids = nodes.kubelet.running().map(({ pid }) => pid);
  await nodes.stop({ graceMs: 2_000 });
  expect(pids.filter((pid) => processStart(pid) !== undefined)).toEqual([]);
  nodes = await startNodes();
  await until('the pods are ready again', () => readyPods().length === 2);
  expect(podNamed('web-0').metadata.uid).toBe(uid);
  expect((await ask(podNamed('web-0').status?.podIP as string, 29417)).starts).toBe(before.starts + 1);
});
